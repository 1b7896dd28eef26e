/* Checks of the kernels for rows of logits: the fastest version against the plain one. */
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
    /* Sometimes the limit is one of the values, which then does not count itself. */
    const float value = x[draw_below(round, count)] / divisor;
    const float above = value > shift - 80 ? value : shift - (float)draw_below(round, 80);
    double expected[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const double d = (double)(x[i] / divisor - shift);
        expected[0] += x[i] / divisor > above ? exp(d) : 0;
        expected[1] += x[i] / divisor > above ? exp(d) * d : 0;
    }
    for (size_t set = 0; set < 2; set++) {
        const um_kernels *kernels = set ? round->fast : round->plain;
        double sums[2] = {7, 7};
        double sum = 7;
        float *weights = guarded_floats(&round->arrays, count);
        kernels->exponential_sums(count, divisor, shift, above, x, NULL, &sums[0], &sums[1]);
        kernels->exponential_sums(count, divisor, shift, above, x, weights, &sum, NULL);
        assert_true(sum == sums[0]);
        for (size_t i = 0; i < count; i++) {
            const float z = x[i] / divisor;
            const double weight = z > above ? exp((double)(z - shift)) : 0;
            assert_near(weights[i], (float)weight, 2.5e-7 * weight);
        }
        assert_near((float)sums[0], (float)expected[0], 3e-7 * expected[0]);
        assert_near((float)sums[1], (float)expected[1], 5e-7 * fabs(expected[1]));
    }
}

/* Two entries, and room for `count` more. */
static inline um_token_entries make_entries(trial *round, size_t count) {
    return (um_token_entries){.values = guarded_floats(&round->arrays, count + 2),
                              .weights = guarded_floats(&round->arrays, count + 2),
                              .tokens =
                                  guarded_bytes(&round->arrays, (count + 2) * sizeof(uint32_t)),
                              .count = 2};
}

static inline void check_gather_range(trial *round) {
    const size_t count = draw_size(round);
    const float divisor = draw_divisor(round);
    const float *x = draw_floats(round, count, 1);
    const bool is_open = draw_below(round, 4) == 0;
    const float low = is_open ? -INFINITY : x[draw_below(round, count)] / divisor;
    const float high = is_open ? INFINITY : low + (float)draw_below(round, 3);
    um_token_entries entries[2];
    for (size_t set = 0; set < 2; set++) {
        entries[set] = make_entries(round, count);
        (set ? round->fast : round->plain)
            ->gather_range(count, divisor, low, high, 5, x, &entries[set]);
    }
    size_t place = 2;
    for (size_t i = 0; i < count; i++) {
        const float value = x[i] / divisor;
        if (value >= low && value <= high) {
            assert_true(entries[0].values[place] == value && entries[1].values[place] == value);
            assert_true(entries[0].tokens[place] == i + 5 && entries[1].tokens[place] == i + 5);
            place++;
        }
    }
    assert_int_equal(entries[0].count, place);
    assert_int_equal(entries[1].count, place);
}

static inline void check_split_range(trial *round) {
    const size_t count = draw_size(round);
    const float *x = draw_floats(round, count, 1);
    const float *weights = draw_floats(round, count, 1);
    const float low = x[draw_below(round, count)];
    const float high = draw_below(round, 2) ? x[draw_below(round, count)] : low + 0.5f;
    for (size_t set = 0; set < 2; set++) {
        um_token_entries entries = make_entries(round, count);
        double sums[2] = {7, 7}, expected[2] = {0, 0}, magnitude = 0;
        (set ? round->fast : round->plain)
            ->split_range(count, low, high, 0.5f, 5, x, weights, &entries, &sums[0], &sums[1]);
        size_t place = 2;
        for (size_t i = 0; i < count; i++) {
            if (x[i] > high) {
                expected[0] += (double)weights[i];
                expected[1] += (double)weights[i] * ((double)x[i] - 0.5);
                magnitude += fabs((double)weights[i]) * (1 + fabs((double)x[i]));
            } else if (x[i] >= low) {
                assert_true(entries.values[place] == x[i]);
                assert_true(entries.weights[place] == weights[i]);
                assert_true(entries.tokens[place] == i + 5);
                place++;
            }
        }
        assert_int_equal(entries.count, place);
        assert_true(fabs(sums[0] - expected[0]) <= EPSILON * magnitude);
        assert_true(fabs(sums[1] - expected[1]) <= 3 * EPSILON * magnitude);
    }
}

#endif
