/* AR-ness of orders with known values, of all orders against the closed forms for a random order,
 * and of random traces against NumPy (tests/golden/make_ar_ness_golden.py). */
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "order_testing.h"

#include "analysis/ar_ness.h"
#include "base/json.h"
#include "base/mapped_file.h"

#define LENGTH 20

typedef double values_table[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM];

static void measure(const um_trace *trace, values_table values) {
    um_error error = {0};
    assert_ok(um_ar_ness_measure(trace, values, &error), &error);
}

static void assert_near(double value, double expected) {
    if (isnan(expected) ? !isnan(value) : !(fabs(value - expected) < 1e-12)) {
        fail_msg("%.17g, expected %.17g", value, expected);
    }
}

/* ---- Simple orders ------------------------------------------------------- */

static void left_to_right_is_one_for_every_k(void **state) {
    (void)state;
    size_t places[LENGTH];
    order_trace made;
    values_table values;
    for (size_t i = 0; i < LENGTH; i++) {
        places[i] = i;
    }
    make_order_trace(&made, places, LENGTH, LENGTH);
    measure(&made.trace, values);
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        const um_ar_ness_reading reading = um_ar_ness_reading_at(i);
        for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
            /* If the first k commits count as failures, only T - k of the T commits succeed. */
            const bool fails = !reading.is_global && reading.start == UM_START_FAILED;
            assert_near(values[i][k - 1], fails ? (double)(LENGTH - k) / LENGTH : 1);
        }
    }
}

static void right_to_left_is_local_zero_and_global_k_of_all(void **state) {
    (void)state;
    size_t places[LENGTH];
    order_trace made;
    values_table values;
    for (size_t i = 0; i < LENGTH; i++) {
        places[i] = LENGTH - 1 - i;
    }
    make_order_trace(&made, places, LENGTH, LENGTH);
    measure(&made.trace, values);
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
            assert_near(values[i][k - 1],
                        um_ar_ness_reading_at(i).is_global ? (double)k / LENGTH : 0);
        }
    }
}

/* 1 0 2: the two commits before place 2 match the two places before it as a set, but not as a
 * sequence. */
static void sets_and_sequences_differ(void **state) {
    (void)state;
    order_trace made;
    um_commit_order order = {0};
    um_error error = {0};
    make_order_trace(&made, (const size_t[]){1, 0, 2}, 3, 3);
    assert_ok(um_commit_order_of(&made.trace, UM_TIES_BY_POSITION, &order, &error), &error);
    assert_near(um_ar_ness_local(&order, 2, UM_PATTERN_SET, UM_START_SKIPPED), 1);
    assert_near(um_ar_ness_local(&order, 2, UM_PATTERN_SEQUENCE, UM_START_SKIPPED), 0);
    assert_near(um_ar_ness_local(&order, 2, UM_PATTERN_SET, UM_START_FAILED), 1.0 / 3);
    assert_near(um_ar_ness_local(&order, 3, UM_PATTERN_SET, UM_START_SKIPPED), (double)NAN);
    um_commit_order_free(&order);
}

/* ---- Random orders -------------------------------------------------------- */

/* Sums of the values over all orders of `count` out of `length` places. */
typedef struct enumeration {
    size_t places[8];
    size_t length;
    size_t count;
    size_t orders;
    values_table sums;
} enumeration;

static void visit_orders(enumeration *all, size_t depth) {
    if (depth == all->count) {
        order_trace made;
        values_table values;
        make_order_trace(&made, all->places, all->count, all->length);
        measure(&made.trace, values);
        for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
            for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
                all->sums[i][k] += values[i][k];
            }
        }
        all->orders++;
        return;
    }
    for (size_t i = depth; i < all->length; i++) {
        const size_t taken = all->places[i];
        all->places[i] = all->places[depth];
        all->places[depth] = taken;
        visit_orders(all, depth + 1);
        all->places[depth] = all->places[i];
        all->places[i] = taken;
    }
}

static void check_enumeration(size_t length, size_t count) {
    enumeration all = {.length = length, .count = count};
    for (size_t i = 0; i < length; i++) {
        all.places[i] = i;
    }
    visit_orders(&all, 0);
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        const um_ar_ness_reading reading = um_ar_ness_reading_at(i);
        for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
            const double expected =
                reading.is_global
                    ? um_ar_ness_random_global(length, count, k)
                    : um_ar_ness_random_local(length, count, k, reading.pattern, reading.start);
            assert_near(all.sums[i][k - 1] / (double)all.orders, expected);
        }
    }
}

static void the_mean_of_all_orders_is_the_closed_form(void **state) {
    (void)state;
    check_enumeration(1, 1);
    check_enumeration(2, 2);
    check_enumeration(7, 7);
    check_enumeration(7, 4); /* cut short */
}

/* Against the formulas with H_n and the binomial in docs/ANALYSIS.md. */
static void closed_forms_are_those_of_the_docs(void **state) {
    (void)state;
    double harmonic[33] = {0};
    for (size_t n = 1; n <= 32; n++) {
        harmonic[n] = harmonic[n - 1] + 1 / (double)n;
    }
    for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
        assert_near(um_ar_ness_random_global(32, 32, k),
                    (double)k / 32 * (1 + harmonic[32] - harmonic[k]));
    }
    assert_near(um_ar_ness_random_local(32, 32, 1, UM_PATTERN_SET, UM_START_SKIPPED), 1.0 / 32);
    assert_near(um_ar_ness_random_local(32, 32, 3, UM_PATTERN_SET, UM_START_SKIPPED), 1.0 / 4960);
    assert_near(um_ar_ness_random_local(32, 32, 3, UM_PATTERN_SEQUENCE, UM_START_SKIPPED),
                1.0 / 29760);
}

/* ---- Several commits a step ------------------------------------------------ */

static void commits_of_a_step_go_by_the_rule_whatever_their_order(void **state) {
    (void)state;
    static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
    static const float confidences[] = {0.2f, 0.9f, 0.9f, 0.5f};
    static const size_t expected[2][4] = {{0, 1, 2, 3}, {1, 2, 3, 0}};
    for (size_t i = 0; i < 4; i++) {
        order_trace made;
        um_error error = {0};
        make_order_trace(&made, orders[i], 4, 4);
        for (size_t j = 0; j < 4; j++) {
            made.events[j].step = 0;
            made.events[j].confidence = confidences[orders[i][j]];
        }
        for (size_t ties = 0; ties < UM_COMMIT_TIES; ties++) {
            um_commit_order order = {0};
            assert_ok(um_commit_order_of(&made.trace, (um_commit_ties)ties, &order, &error),
                      &error);
            assert_int_equal(order.count, 4);
            assert_int_equal(order.busy_steps, 1);
            for (size_t j = 0; j < 4; j++) {
                assert_int_equal(order.commits[j].place, expected[ties][j]);
            }
            um_commit_order_free(&order);
        }
    }
}

/* ---- Holes, and what is taken back ----------------------------------------- */

/* Two holes with text between them: left to right through both of them gives 1. */
static void places_are_counted_over_all_holes(void **state) {
    (void)state;
    order_trace made;
    values_table values;
    const um_canvas_hole holes[] = {{1, 2}, {5, 3}};
    make_order_trace(&made, (const size_t[]){1, 2, 5, 6, 7}, 5, 9);
    made.tokens[0] = made.tokens[3] = made.tokens[4] = made.tokens[8] = 1;
    made.trace.header.holes = holes;
    made.trace.header.hole_count = 2;
    measure(&made.trace, values);
    for (size_t k = 1; k <= 4; k++) {
        assert_near(values[um_ar_ness_default(false)][k - 1], 1);
        assert_near(values[um_ar_ness_default(true)][k - 1], 1);
    }
}

static void only_the_last_commit_of_a_position_counts(void **state) {
    (void)state;
    order_trace made;
    um_error error = {0};
    um_commit_order order = {0};
    make_order_trace(&made, (const size_t[]){0, 1, 0, 2, 0, 1}, 6, 3);
    made.events[2].kind = UM_TRACE_REMASK;
    made.events[5].kind = UM_TRACE_REMASK;
    assert_ok(um_commit_order_of(&made.trace, UM_TIES_BY_POSITION, &order, &error), &error);
    assert_int_equal(order.count, 2);
    assert_int_equal(order.place_count, 3);
    assert_int_equal(order.taken_back, 2);
    assert_int_equal(order.commits[0].place, 2);
    assert_int_equal(order.commits[1].place, 0);
    assert_int_equal(order.steps, 6);
    double global[UM_AR_NESS_MAXIMUM];
    assert_ok(um_ar_ness_global(&order, global, &error), &error);
    assert_near(global[0], 0.5); /* of places 2 and 0, only 0 was the leftmost masked one */
    assert_near(global[2], 1);
    um_commit_order_free(&order);
}

static void no_commits_have_no_value(void **state) {
    (void)state;
    order_trace made;
    values_table values;
    make_order_trace(&made, NULL, 0, 4);
    measure(&made.trace, values);
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        assert_true(isnan(values[i][0]));
    }
}

/* ---- Goldens ---------------------------------------------------------------- */

static void assert_reading(const json_t *expected, size_t index,
                           const double values[UM_AR_NESS_MAXIMUM]) {
    const um_ar_ness_reading reading = um_ar_ness_reading_at(index);
    const json_t *item = json_array_get(expected, index);
    assert_string_equal(json_string_value(json_object_get(item, "metric")),
                        reading.is_global ? "global" : "local");
    assert_string_equal(json_string_value(json_object_get(item, "ties")),
                        um_commit_ties_name(reading.ties));
    if (!reading.is_global) {
        assert_string_equal(json_string_value(json_object_get(item, "pattern")),
                            um_ar_ness_pattern_name(reading.pattern));
        assert_string_equal(json_string_value(json_object_get(item, "start")),
                            um_ar_ness_start_name(reading.start));
    }
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        const json_t *value = json_array_get(json_object_get(item, "values"), k);
        assert_near(values[k], json_is_null(value) ? (double)NAN : json_number_value(value));
    }
}

static void random_traces_agree_with_numpy(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer bytes = {0};
    json_t *expected = NULL;
    assert_ok(um_file_read(UM_TEST_DATA "/analysis/traces.jsonl", 1 << 24, &bytes, &error), &error);
    assert_ok(um_json_load_file(UM_TEST_DATA "/analysis/ar_ness.json", &expected, &error), &error);
    um_trace_source source = {.bytes = bytes.data, .length = bytes.length, .where = "traces"};
    size_t count = 0;
    for (; source.at < source.length; count++) {
        um_trace trace = {0};
        values_table values;
        assert_ok(um_trace_read_next(&source, &trace, &error), &error);
        measure(&trace, values);
        for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
            assert_reading(json_array_get(expected, count), i, values[i]);
        }
        um_trace_free(&trace);
    }
    assert_int_equal(count, json_array_size(expected));
    assert_true(count > 0);
    json_decref(expected);
    um_buffer_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_to_right_is_one_for_every_k),
        cmocka_unit_test(right_to_left_is_local_zero_and_global_k_of_all),
        cmocka_unit_test(sets_and_sequences_differ),
        cmocka_unit_test(the_mean_of_all_orders_is_the_closed_form),
        cmocka_unit_test(closed_forms_are_those_of_the_docs),
        cmocka_unit_test(commits_of_a_step_go_by_the_rule_whatever_their_order),
        cmocka_unit_test(places_are_counted_over_all_holes),
        cmocka_unit_test(only_the_last_commit_of_a_position_counts),
        cmocka_unit_test(no_commits_have_no_value),
        cmocka_unit_test(random_traces_agree_with_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
