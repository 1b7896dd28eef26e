/* The kernels for rows of logits, the fastest version against the plain one. */
#ifndef UM_TESTS_SAMPLING_KERNEL_CHECKS_H
#define UM_TESTS_SAMPLING_KERNEL_CHECKS_H

#include "kernel_trial.h"

static inline void check_logit_range(trial *round) {
    const size_t count = draw_size(round);
    float *x = draw_floats(round, count, 5);
    static const float odd[] = {NAN, INFINITY, -INFINITY, -1e30f, -0.0f};
    const size_t kind = draw_below(round, 8);
    if (kind < 5) {
        x[draw_below(round, count)] = odd[kind];
    }
    float maximum[2], magnitude[2];
    round->fast->logit_range(count, x, &maximum[0], &magnitude[0]);
    round->plain->logit_range(count, x, &maximum[1], &magnitude[1]);
    assert_int_equal(isnan(magnitude[0]) != 0, kind == 0);
    assert_int_equal(isnan(magnitude[1]) != 0, kind == 0);
    if (kind != 0) {
        assert_true(maximum[0] == maximum[1] && magnitude[0] == magnitude[1]);
    }
}

static inline void check_exponential(trial *round) {
    const size_t count = draw_size(round);
    float *x = draw_floats(round, count, 20);
    for (size_t i = 0; i < count; i++) {
        x[i] = draw_below(round, 8) ? 3.0f - fabsf(x[i]) : 3.0f;
    }
    x[draw_below(round, count)] = -INFINITY;
    for (size_t set = 0; set < 2; set++) {
        float *y = copy_of(round, count, x); /* in place */
        (set ? round->fast : round->plain)->exponential(count, 3.0f, y, y);
        for (size_t i = 0; i < count; i++) {
            const double expected = exp((double)(x[i] - 3.0f));
            assert_near(y[i], (float)expected, 2.5e-7 * expected + (x[i] < -83 ? 2e-38 : 0));
            assert_true(x[i] != 3.0f || y[i] == 1.0f);
        }
    }
}

static inline float draw_divisor(trial *round) {
    return (float[]){1.0f, 0.2f, 0.7f, 3.0f}[draw_below(round, 4)];
}

static inline void check_exponential_sums(trial *round) {
    const size_t count = draw_size(round);
    const float divisor = draw_divisor(round);
    float *x = draw_floats(round, count, 4);
    float shift = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        x[i] = draw_below(round, 8) ? x[i] : -INFINITY;
        shift = x[i] / divisor > shift ? x[i] / divisor : shift;
    }
    shift = shift == -INFINITY ? 0 : shift;
    /* Sometimes the limit is one of the values, which does not count itself. */
    const float value = x[draw_below(round, count)] / divisor;
    const float above = value > shift - 80 ? value : shift - (float)draw_below(round, 80);
    double expected[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const double d = (double)(x[i] / divisor - shift);
        expected[0] += x[i] / divisor > above ? exp(d) : 0;
        expected[1] += x[i] / divisor > above ? exp(d) * d : 0;
    }
    for (size_t set = 0; set < 2; set++) {
        double sums[2] = {7, 7};
        (set ? round->fast : round->plain)
            ->exponential_sums(count, divisor, shift, above, x, &sums[0], &sums[1]);
        double sum = 7;
        (set ? round->fast : round->plain)
            ->exponential_sums(count, divisor, shift, above, x, &sum, NULL);
        assert_true(sum == sums[0]);
        assert_near((float)sums[0], (float)expected[0], 3e-7 * expected[0]);
        assert_near((float)sums[1], (float)expected[1], 5e-7 * fabs(expected[1]));
    }
}

static inline void check_gather_range(trial *round) {
    const size_t count = draw_size(round);
    const float divisor = draw_divisor(round);
    const float *x = draw_floats(round, count, 1);
    const bool is_open = draw_below(round, 4) == 0;
    const float low = is_open ? -INFINITY : x[draw_below(round, count)] / divisor;
    const float high = is_open ? INFINITY : low + (float)draw_below(round, 3);
    float *values[2];
    uint32_t *indices[2];
    size_t gathered[2] = {2, 2};
    for (size_t set = 0; set < 2; set++) {
        values[set] = guarded_floats(&round->arrays, count + 2);
        indices[set] = guarded_bytes(&round->arrays, (count + 2) * sizeof(uint32_t));
        (set ? round->fast : round->plain)
            ->gather_range(count, divisor, low, high, 5, x, values[set], indices[set],
                           &gathered[set]);
    }
    size_t place = 2;
    for (size_t i = 0; i < count; i++) {
        const float value = x[i] / divisor;
        if (value >= low && value <= high) {
            assert_true(values[0][place] == value && values[1][place] == value);
            assert_true(indices[0][place] == i + 5 && indices[1][place] == i + 5);
            place++;
        }
    }
    assert_int_equal(gathered[0], place);
    assert_int_equal(gathered[1], place);
}

#endif
