/* Every kernel of the list: the fast versions against the plain one on many shapes, with arrays
 * that touch unreadable pages, and the contracts of kernels.h on all of them. */
#include <stdlib.h>

#include "kernel_sets.h"
#include "product_kernel_checks.h"
#include "sampling_kernel_checks.h"

/* ---- Rows --------------------------------------------------------------- */

/* Both versions against exp in double precision. */
static void check_softmax(trial *round) {
    const size_t count = draw_size(round);
    const float scale = 0.25f + (float)draw_below(round, 8);
    float *x = draw_floats(round, count, 5);
    for (size_t i = 0; i < count; i++) {
        x[i] = draw_below(round, 8) == 0 ? -INFINITY : x[i];
    }
    x[draw_below(round, count)] = 1.0f;
    double maximum = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        maximum = (double)x[i] > maximum ? (double)x[i] : maximum;
    }
    for (size_t i = 0; i < count; i++) {
        sum += exp((double)scale * ((double)x[i] - maximum));
    }
    for (size_t set = 0; set < 2; set++) {
        float *p = copy_of(round, count, x);
        (set ? round->fast : round->plain)->softmax(count, scale, p);
        for (size_t i = 0; i < count; i++) {
            const double expected = exp((double)scale * ((double)x[i] - maximum)) / sum;
            /* The exponent is rounded to f32, which changes the exponential by up to 90 epsilon. */
            assert_near(p[i], (float)expected, 3e-5 * expected + 1e-37);
            assert_true(x[i] != -INFINITY || p[i] == 0.0f);
        }
    }
}

static void check_rms_norm(trial *round) {
    const size_t count = draw_size(round);
    const float *x = draw_floats(round, count, 3);
    const float *weight = draw_floats(round, count, 1);
    float *fast = guarded_floats(&round->arrays, count);
    float *plain = copy_of(round, count, x); /* in place */
    float fast_inverse = 0;
    float plain_inverse = 0;
    round->fast->rms_norm(count, 1e-5f, x, weight, fast, &fast_inverse);
    round->plain->rms_norm(count, 1e-5f, plain, weight, plain, &plain_inverse);
    assert_all_near(count, fast, plain, EPSILON * (double)(count + 8), 0);
    assert_all_near(1, &fast_inverse, &plain_inverse, EPSILON * (double)(count + 8), 0);
    float *in_place = copy_of(round, count, x);
    round->fast->rms_norm(count, 1e-5f, in_place, weight, in_place, NULL);
    assert_memory_equal(in_place, fast, count * sizeof *fast);
}

static void check_rms_norm_backward(trial *round) {
    const size_t count = draw_size(round);
    const float *x = draw_floats(round, count, 1);
    const float *weight = draw_floats(round, count, 1);
    const float *dy = draw_floats(round, count, 1);
    const float *start = draw_floats(round, count, 1);
    float *fast[2] = {copy_of(round, count, start), copy_of(round, count, start)};
    float *plain[2] = {copy_of(round, count, start), copy_of(round, count, start)};
    const float inverse = 0.7f;
    round->fast->rms_norm_backward(count, x, weight, inverse, dy, fast[0], fast[1]);
    round->plain->rms_norm_backward(count, x, weight, inverse, dy, plain[0], plain[1]);
    /* dx contains a sum over the row whose terms cancel. */
    assert_all_near(count, fast[0], plain[0], 1e-5, 1e-5);
    assert_all_near(count, fast[1], plain[1], 1e-6, 1e-6);
}

static void check_rotate_half(trial *round) {
    const size_t half = draw_size(round);
    float *cosine = draw_floats(round, half, 1);
    float *sine = draw_floats(round, half, 1);
    for (size_t i = 0; i < half; i++) {
        const float angle = cosine[i];
        cosine[i] = cosf(angle);
        sine[i] = sinf(angle);
    }
    const float *x = draw_floats(round, 2 * half, 1);
    float *fast = copy_of(round, 2 * half, x);
    float *plain = copy_of(round, 2 * half, x);
    round->fast->rotate_half(2 * half, cosine, sine, fast);
    round->plain->rotate_half(2 * half, cosine, sine, plain);
    assert_all_near(2 * half, fast, plain, 0, 1e-6);
    for (size_t i = 0; i < half; i++) {
        sine[i] = -sine[i];
    }
    round->fast->rotate_half(2 * half, cosine, sine, fast);
    assert_all_near(2 * half, fast, x, 0, 2e-6);
}

static void check_softmax_backward(trial *round) {
    const size_t count = draw_size(round);
    const float *p = draw_floats(round, count, 0.2);
    const float *dp = draw_floats(round, count, 1);
    float *fast = copy_of(round, count, dp);
    float *plain = copy_of(round, count, dp);
    round->fast->softmax_backward(count, 0.5f, p, fast);
    round->plain->softmax_backward(count, 0.5f, p, plain);
    assert_all_near(count, fast, plain, 1e-5, 1e-5);
}

static void check_cross_entropy(trial *round) {
    const size_t count = draw_below(round, 10) ? draw_size(round) : 20011;
    const float *logits = draw_floats(round, count, 4);
    const size_t target = draw_below(round, count);
    float *fast = guarded_floats(&round->arrays, count);
    float *plain = copy_of(round, count, logits); /* in place */
    float of[3] = {0};
    round->fast->cross_entropy(count, logits, target, &of[0], fast);
    round->fast->cross_entropy(count, logits, target, &of[1], NULL);
    round->plain->cross_entropy(count, plain, target, &of[2], plain);
    assert_true(of[0] == of[1]);
    assert_near(of[0], of[2], 2e-5);
    assert_all_near(count, fast, plain, 2e-5, 1e-37);
    float *in_place = copy_of(round, count, logits);
    round->fast->cross_entropy(count, in_place, target, &of[1], in_place);
    assert_true(of[0] == of[1]);
    assert_memory_equal(in_place, fast, count * sizeof *fast);
}

/* ---- Elements ----------------------------------------------------------- */

static void check_swiglu(trial *round) {
    const size_t count = draw_size(round);
    const float *gate = draw_floats(round, count, 20);
    const float *up = draw_floats(round, count, 1);
    float *fast = guarded_floats(&round->arrays, count);
    float *plain = copy_of(round, count, gate); /* in place */
    round->fast->swiglu(count, gate, up, fast);
    round->plain->swiglu(count, plain, up, plain);
    assert_all_near(count, fast, plain, 1e-6, 1e-34);
    float *in_place = copy_of(round, count, up);
    round->fast->swiglu(count, gate, in_place, in_place);
    assert_memory_equal(in_place, fast, count * sizeof *fast);
    const size_t first = draw_below(round, count);
    float *part = guarded_floats(&round->arrays, 1);
    round->fast->swiglu(1, gate + first, up + first, part);
    assert_memory_equal(part, fast + first, sizeof *part);
}

static void check_swiglu_backward(trial *round) {
    const size_t count = draw_size(round);
    const float *dy = draw_floats(round, count, 1);
    const float *values[2] = {draw_floats(round, count, 20), draw_floats(round, count, 1)};
    float *fast[2] = {copy_of(round, count, values[0]), copy_of(round, count, values[1])};
    float *plain[2] = {copy_of(round, count, values[0]), copy_of(round, count, values[1])};
    round->fast->swiglu_backward(count, dy, fast[0], fast[1]);
    round->plain->swiglu_backward(count, dy, plain[0], plain[1]);
    /* 1 + g (1 - s) cancels where the slope of silu is near 0. */
    assert_all_near(count, fast[0], plain[0], 1e-6, 1e-6);
    assert_all_near(count, fast[1], plain[1], 1e-6, 1e-34);
    const size_t first = draw_below(round, count);
    float *part[2] = {copy_of(round, 1, values[0] + first), copy_of(round, 1, values[1] + first)};
    round->fast->swiglu_backward(1, dy + first, part[0], part[1]);
    assert_memory_equal(part[0], fast[0] + first, sizeof(float));
    assert_memory_equal(part[1], fast[1] + first, sizeof(float));
}

static void check_adamw(trial *round) {
    const size_t count = draw_size(round);
    const um_adamw_step step = {.learning_rate = 0.01f,
                                .beta1 = 0.9f,
                                .beta2 = 0.95f,
                                .epsilon = 1e-8f,
                                .weight_decay = 0.1f,
                                .gradient_scale = 0.5f,
                                .first_correction = 2.5f,
                                .second_correction = 3.5f};
    const float *gradient = draw_floats(round, count, 1);
    const float *second = draw_floats(round, count, 1);
    float *fast[3];
    float *plain[3];
    for (size_t i = 0; i < 3; i++) {
        fast[i] = draw_floats(round, count, 1);
        for (size_t j = 0; i == 2 && j < count; j++) {
            fast[i][j] = second[j] * second[j];
        }
        plain[i] = copy_of(round, count, fast[i]);
    }
    const size_t first = draw_below(round, count);
    float *part[3] = {copy_of(round, 1, fast[0] + first), copy_of(round, 1, fast[1] + first),
                      copy_of(round, 1, fast[2] + first)};
    round->fast->adamw(count, &step, gradient, fast[0], fast[1], fast[2]);
    round->plain->adamw(count, &step, gradient, plain[0], plain[1], plain[2]);
    round->fast->adamw(1, &step, gradient + first, part[0], part[1], part[2]);
    for (size_t i = 0; i < 3; i++) {
        assert_all_near(count, fast[i], plain[i], 1e-6, 1e-6);
        assert_memory_equal(part[i], fast[i] + first, sizeof(float));
    }
}

/* ---- All ---------------------------------------------------------------- */

static const struct kernel_check {
    const char *name;
    void (*check)(trial *round);
} checks[] = {
#define ENTRY(name, parameters) {#name, check_##name},
    UM_FLOAT_KERNEL_LIST(ENTRY) UM_BF16_KERNEL_LIST(ENTRY)
#undef ENTRY
};

static void fast_kernels_agree_with_the_plain_ones(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        for (uint64_t seed = 0; seed < 180; seed++) {
            trial round = {
                .fast = &tables[1 + seed % (KERNEL_SETS - 1)], .plain = &tables[0], .seed = seed};
            round.arrays.side = seed / (KERNEL_SETS - 1) % 4 == 0 ? GUARD_BEFORE : GUARD_BEHIND;
            checks[i].check(&round);
            guarded_free(&round.arrays);
        }
    }
}

static void every_kernel_of_a_set_is_in_its_table(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    const size_t available = fill_kernel_sets(tables);
    assert_true(available > 1 || !has_fast_kernels());
    for (size_t i = 1; i < available; i++) {
        assert_string_equal(tables[i].name, kernel_set_names[i]);
    }
    /* AVX-512 has no versions of its own of some kernels. */
    for (size_t i = 1; i < available && i < 3; i++) {
#define ASSERT_MEMBER(name, parameters) assert_true(tables[i].name != tables[i - 1].name);
        UM_KERNEL_LIST(ASSERT_MEMBER)
#undef ASSERT_MEMBER
    }
}

/* ---- Edge values -------------------------------------------------------- */

static void softmax_keeps_to_its_edges(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        for (size_t count = 1; count <= 20; count++) {
            float x[20];
            for (size_t i = 0; i < count; i++) {
                x[i] = -INFINITY;
            }
            tables[set].softmax(count, 0.3f, x);
            for (size_t i = 0; i < count; i++) {
                assert_true(x[i] == 0.0f);
                x[i] = i + 1 == count ? 3e38f : -3e38f;
            }
            tables[set].softmax(count, 0.3f, x);
            assert_true(x[count - 1] == 1.0f && (count == 1 || x[0] == 0.0f));
            for (size_t i = 0; i < count; i++) {
                x[i] = 1.1e9f; /* scale * x is not exact */
            }
            tables[set].softmax(count, 0.3f, x);
            for (size_t i = 0; i < count; i++) {
                assert_near(x[i], 1.0f / (float)count, 1e-6);
                x[i] = i == count / 2 ? NAN : 1.0f;
            }
            tables[set].softmax(count, 0.3f, x);
            for (size_t i = 0; i < count; i++) {
                assert_true(isnan(x[i]));
            }
        }
    }
}

/* The two results of softmax(v, 0) have the ratio exp(v), to within 2e-7 for the exponential and
 * two roundings. */
static void exponentials_are_accurate_over_their_whole_range(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        for (int i = 0; i < 20000; i++) {
            const float v = -87.0f * (float)i / 20000.0f;
            float x[2] = {v, 0};
            tables[set].softmax(2, 1.0f, x);
            const double expected = exp((double)v);
            const double ratio = (double)x[0] / (double)x[1];
            assert_true(fabs(ratio - expected) < 3.2e-7 * expected);
        }
    }
}

static void nan_reaches_the_rows_that_it_belongs_to_and_no_others(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        for (size_t at = 0; at < 13; at++) {
            float x[4][13];
            float w[9][13];
            float y[4][9];
            float weight[13];
            float normed[13];
            float inverse = 0;
            for (size_t i = 0; i < 4 * 13; i++) {
                x[i / 13][i % 13] = 1.0f;
            }
            for (size_t i = 0; i < 9 * 13; i++) {
                w[i / 13][i % 13] = 0.5f;
            }
            for (size_t i = 0; i < 13; i++) {
                weight[i] = 1.0f;
            }
            x[2][at] = NAN;
            tables[set].matmul(4, 9, 13, x[0], 13, w[0], 13, NULL, y[0], 9);
            for (size_t i = 0; i < 4 * 9; i++) {
                assert_int_equal(isnan(y[i / 9][i % 9]) != 0, i / 9 == 2);
            }
            tables[set].rms_norm(13, 1e-6f, x[2], weight, normed, &inverse);
            assert_true(isnan(inverse) && isnan(normed[0]) && isnan(normed[12]));
            tables[set].cross_entropy(13, x[2], 3, &inverse, normed);
            assert_true(isnan(inverse) && isnan(normed[at]));
            tables[set].swiglu(13, x[2], weight, normed);
            for (size_t i = 0; i < 13; i++) {
                assert_int_equal(isnan(normed[i]) != 0, i == at);
            }
        }
    }
}

/* Each of the others is less than half a unit in the last place of the largest. */
static void small_terms_of_a_large_vocabulary_count(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    const size_t count = 151936;
    float *logits = malloc(count * sizeof *logits);
    assert_non_null(logits);
    for (size_t i = 0; i < count; i++) {
        logits[i] = i == 1000 ? 0.0f : -16.9f;
    }
    const double expected = -log1p((double)(count - 1) * exp((double)-16.9f));
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        float log_probability = 0;
        tables[set].cross_entropy(count, logits, 1000, &log_probability, NULL);
        assert_near(log_probability, (float)expected, 0.01 * fabs(expected));
        float row[32768];
        const size_t length = sizeof row / sizeof *row;
        memcpy(row, logits, sizeof row);
        tables[set].softmax(length, 1.0f, row);
        const double first = 1 / (1 + (double)(length - 1) * exp((double)-16.9f));
        assert_near(row[1000], (float)first, 2e-5);
    }
    free(logits);
}

static void a_sum_counts_what_a_tiny_divisor_makes_large(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    float x[40] = {0};
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        double sum = 0;
        tables[set].exponential_sums(40, 1e-30f, 0.0f, -1e-16f, x, NULL, &sum, NULL);
        assert_true(sum == 40);
    }
}

static void swiglu_stays_finite_for_large_gates(void **state) {
    (void)state;
    um_kernels tables[KERNEL_SETS];
    fill_kernel_sets(tables);
    for (size_t set = 0; set < KERNEL_SETS; set++) {
        float gate[] = {1e30f, -1e30f, 100.0f, -100.0f, 88.5f, -88.5f, 0.0f, -0.0f, -3e38f};
        float up[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
        const float dy[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
        const float products[] = {1e30f, 0, 100.0f, 0, 88.5f, 0, 0, 0, 0};
        const float slopes[] = {1, 0, 1, 0, 1, 0, 0.5f, 0.5f, 0};
        float y[9];
        tables[set].swiglu(9, gate, up, y);
        assert_all_near(9, y, products, 1e-6, 1e-34);
        tables[set].swiglu_backward(9, dy, gate, up);
        assert_all_near(9, gate, slopes, 1e-6, 1e-6);
    }
}

static void kernel_sets_are_chosen_by_name(void **state) {
    (void)state;
    um_kernels kernels;
    um_error error = {0};
    assert_ok(um_kernels_select("reference", &kernels, &error), &error);
    assert_string_equal(kernels.name, "reference");
    assert_int_equal(um_kernels_select("sse9", &kernels, &error), UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "sse9"));
    um_kernels tables[KERNEL_SETS];
    const size_t available = fill_kernel_sets(tables);
    for (size_t i = 1; i < KERNEL_SETS; i++) {
        if (i < available) {
            assert_ok(um_kernels_select(kernel_set_names[i], &kernels, &error), &error);
            assert_string_equal(kernels.name, kernel_set_names[i]);
        } else {
            assert_int_equal(um_kernels_select(kernel_set_names[i], &kernels, &error),
                             UM_ERR_UNSUPPORTED);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_kernels_agree_with_the_plain_ones),
        cmocka_unit_test(every_kernel_of_a_set_is_in_its_table),
        cmocka_unit_test(softmax_keeps_to_its_edges),
        cmocka_unit_test(exponentials_are_accurate_over_their_whole_range),
        cmocka_unit_test(nan_reaches_the_rows_that_it_belongs_to_and_no_others),
        cmocka_unit_test(small_terms_of_a_large_vocabulary_count),
        cmocka_unit_test(a_sum_counts_what_a_tiny_divisor_makes_large),
        cmocka_unit_test(swiglu_stays_finite_for_large_gates),
        cmocka_unit_test(kernel_sets_are_chosen_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
