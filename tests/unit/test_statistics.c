/* Intervals and tests of pass rates, against values that follow from their definitions. */
#include <math.h>
#include <stdlib.h>

#include "testing.h"

#include "statistics/pass_at_k.h"
#include "statistics/rates.h"

#define COUNT 200

static void the_sign_test_has_its_exact_values(void **state) {
    (void)state;
    assert_double_near(um_sign_test(0, 0), 1, 0);
    assert_double_near(um_sign_test(3, 3), 1, 0);
    assert_double_near(um_sign_test(0, 1), 1, 1e-12);
    assert_double_near(um_sign_test(0, 5), 2 / 32.0, 1e-12);
    assert_double_near(um_sign_test(8, 2), 2 * (1 + 10 + 45) / 1024.0, 1e-12);
    assert_double_near(um_sign_test(2, 8), um_sign_test(8, 2), 0);
}

static void the_interval_of_a_constant_is_a_point(void **state) {
    (void)state;
    um_error error = {0};
    um_interval interval;
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = 0.25;
    }
    assert_ok(um_problem_means(values, COUNT, 1, &interval, &error), &error);
    assert_double_near(interval.low, 0.25, 1e-12);
    assert_double_near(interval.high, 0.25, 1e-12);
}

/* Half of 200 problems pass: the standard error is sqrt(.25 / 200), and the interval extends 1.96
 * of them to each side. */
static void the_interval_is_that_of_the_binomial(void **state) {
    (void)state;
    um_error error = {0};
    um_interval intervals[2];
    double values[2 * COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        values[2 * i] = i % 2 == 0;
        values[2 * i + 1] = 1 - values[2 * i];
    }
    assert_ok(um_problem_means(values, COUNT, 2, intervals, &error), &error);
    const double half = 1.96 * sqrt(0.25 / COUNT);
    assert_double_near(intervals[0].low, 0.5 - half, 0.01);
    assert_double_near(intervals[0].high, 0.5 + half, 0.01);
    assert_double_near(intervals[1].low, 1 - intervals[0].high, 1e-12);
}

static void the_interval_of_one_problem_is_a_point(void **state) {
    (void)state;
    um_error error = {0};
    um_interval interval;
    const double value = 0.4;
    assert_ok(um_problem_means(&value, 1, 1, &interval, &error), &error);
    assert_double_near(interval.mean, 0.4, 0);
    assert_double_near(interval.low, 0.4, 0);
    assert_double_near(interval.high, 0.4, 0);
}

/* Wilson's interval of 0 of 30 is 0 to 11.35%, that of 1 of 1 is 20.65 to 100%. */
static void rates_of_none_and_all_are_not_certain(void **state) {
    (void)state;
    um_error error = {0};
    um_interval intervals[2];
    double values[60];
    for (size_t i = 0; i < 30; i++) {
        values[2 * i] = 0;
        values[2 * i + 1] = 1;
    }
    assert_ok(um_rate_means(values, 30, 2, intervals, &error), &error);
    assert_double_near(intervals[0].low, 0, 0);
    assert_double_near(intervals[0].high, 0.1135, 1e-4);
    assert_double_near(intervals[1].low, 0.8865, 1e-4);
    assert_double_near(intervals[1].high, 1, 0);
    assert_ok(um_rate_means(&values[1], 1, 1, intervals, &error), &error);
    assert_double_near(intervals[0].low, 0.2065, 1e-4);
    assert_double_near(intervals[0].high, 1, 0);
}

static void the_seed_decides_the_interval(void **state) {
    (void)state;
    um_error error = {0};
    um_interval first;
    um_interval again;
    um_interval other;
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (double)(i * i % 17) / 17;
    }
    assert_ok(um_bootstrap_means(values, NULL, COUNT, 1, 1, &first, &error), &error);
    assert_ok(um_bootstrap_means(values, NULL, COUNT, 1, 1, &again, &error), &error);
    assert_ok(um_bootstrap_means(values, NULL, COUNT, 1, 2, &other, &error), &error);
    assert_memory_equal(&first, &again, sizeof first);
    assert_true(first.low != other.low || first.high != other.high);
}

/* Of the second column only one group has a value. */
static void a_column_of_one_group_has_no_interval(void **state) {
    (void)state;
    um_error error = {0};
    um_interval found[2];
    const double values[] = {0.1, 0.3, 0.2, (double)NAN, 0.4, (double)NAN};
    assert_ok(um_bootstrap_means(values, NULL, 3, 2, 1, found, &error), &error);
    assert_true(found[0].low < found[0].mean && found[0].mean < found[0].high);
    assert_true(found[1].mean == 0.3);
    assert_true(isnan(found[1].low) && isnan(found[1].high));
}

static bool has_passing(unsigned subset, size_t passed) {
    return (subset & ((1U << passed) - 1)) != 0;
}

/* The share of all k-subsets of n samples that contain at least one of the c that pass. */
static double counted(size_t n, size_t c, size_t k) {
    size_t all = 0;
    size_t good = 0;
    for (unsigned subset = 0; subset < 1U << n; subset++) {
        if ((size_t)__builtin_popcount(subset) == k) {
            all++;
            good += has_passing(subset, c);
        }
    }
    return (double)good / (double)all;
}

static void pass_at_k_is_the_share_of_subsets(void **state) {
    (void)state;
    for (size_t n = 1; n <= 8; n++) {
        for (size_t c = 0; c <= n; c++) {
            for (size_t k = 1; k <= n; k++) {
                assert_double_near(um_pass_at_k(n, c, k), counted(n, c, k), 1e-12);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sign_test_has_its_exact_values),
        cmocka_unit_test(the_interval_of_a_constant_is_a_point),
        cmocka_unit_test(the_interval_is_that_of_the_binomial),
        cmocka_unit_test(the_interval_of_one_problem_is_a_point),
        cmocka_unit_test(rates_of_none_and_all_are_not_certain),
        cmocka_unit_test(the_seed_decides_the_interval),
        cmocka_unit_test(a_column_of_one_group_has_no_interval),
        cmocka_unit_test(pass_at_k_is_the_share_of_subsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
