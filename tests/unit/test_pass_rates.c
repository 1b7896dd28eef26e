/* Means, deviations and percentiles equal NumPy's to the last digit. */
#include <stdlib.h>

#include "base/json.h"
#include "base/sort.h"
#include "testing.h"
#include "train/completions/pass_rates.h"

static json_t *load_cases(void) {
    um_error error = {0};
    json_t *cases = NULL;
    assert_ok(um_json_load_file(UM_TEST_DATA "/training/pass_rates.json", &cases, &error), &error);
    assert_true(json_array_size(cases) > 8);
    return cases;
}

/* The numbers of an array; the caller frees them. */
static double *values_of(const json_t *array) {
    const size_t count = json_array_size(array);
    double *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        values[i] = json_number_value(json_array_get(array, i));
    }
    return values;
}

static void assert_same(double ours, const json_t *theirs, size_t number) {
    if (ours != json_number_value(theirs)) {
        fail_msg("case %zu: %.17g, expected %.17g", number, ours, json_number_value(theirs));
    }
}

static void they_are_those_of_numpy(void **state) {
    (void)state;
    json_t *cases = load_cases();
    size_t number = 0;
    json_t *expected = NULL;
    json_array_foreach (cases, number, expected) {
        const json_t *array = json_object_get(expected, "values");
        const size_t count = json_array_size(array);
        double *values = values_of(array);
        assert_same(um_mean(values, count), json_object_get(expected, "mean"), number);
        assert_same(um_population_deviation(values, count), json_object_get(expected, "deviation"),
                    number);
        um_sort_numbers(values, count);
        size_t index = 0;
        json_t *pair = NULL;
        json_array_foreach (json_object_get(expected, "percentiles"), index, pair) {
            const double percent = json_number_value(json_array_get(pair, 0));
            assert_same(um_percentile(values, count, percent), json_array_get(pair, 1), number);
        }
        free(values);
    }
    json_decref(cases);
}

static void percentiles_meet_the_ends_and_go_up(void **state) {
    (void)state;
    const double values[] = {0.25, 0.25, 0.5, 1};
    double before = 0;
    assert_true(um_percentile(values, 4, 0) == 0.25 && um_percentile(values, 4, 100) == 1);
    assert_true(um_percentile(values, 1, 37) == 0.25);
    assert_true(um_percentile(values, 4, 50) == 0.375);
    for (int percent = 0; percent <= 100; percent++) {
        const double value = um_percentile(values, 4, percent);
        assert_true(value >= before);
        before = value;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_those_of_numpy),
        cmocka_unit_test(percentiles_meet_the_ends_and_go_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
