/* Means with intervals over many traces, and how they are shown: table, JSON, page, pictures. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_testing.h"

#include "analysis/order_maps.h"
#include "analysis/order_study.h"
#include "base/json.h"

/* ---- Bootstrap ------------------------------------------------------------ */

static um_interval mean_of(const double *values, const uint64_t *groups, size_t count,
                           uint64_t seed) {
    um_error error = {0};
    um_interval interval = {0};
    assert_ok(um_bootstrap_means(values, groups, count, 1, seed, &interval, &error), &error);
    return interval;
}

static void intervals_hold_the_mean_and_follow_the_seed(void **state) {
    (void)state;
    double values[50];
    uint64_t groups[50];
    for (size_t i = 0; i < 50; i++) {
        values[i] = (double)(i % 10);
        groups[i] = 1000 - i;
    }
    const um_interval first = mean_of(values, groups, 50, 1);
    const um_interval again = mean_of(values, groups, 50, 1);
    const um_interval other = mean_of(values, groups, 50, 2);
    assert_true(first.mean == 4.5 && first.count == 50);
    assert_true(first.low == again.low && first.high == again.high);
    assert_true(first.low != other.low || first.high != other.high);
    /* The standard error of the mean is 2.87 / sqrt(50) = 0.406. */
    assert_true(fabs((first.high - first.low) - 2 * 1.96 * 0.406) < 0.15);
    assert_true(first.low < 4.5 && first.high > 4.5);
}

/* Ten copies of two prompts are worth two values, not twenty. */
static void values_of_a_group_are_drawn_together(void **state) {
    (void)state;
    double values[20];
    uint64_t groups[20];
    uint64_t alone[20];
    for (size_t i = 0; i < 20; i++) {
        values[i] = (double)(i % 2);
        groups[i] = i % 2;
        alone[i] = i;
    }
    const um_interval together = mean_of(values, groups, 20, 0);
    const um_interval single = mean_of(values, alone, 20, 0);
    assert_true(together.low == 0 && together.high == 1);
    assert_true(single.low > 0.2 && single.high < 0.8);
}

static void the_order_of_rows_does_not_move_an_interval(void **state) {
    (void)state;
    double values[2][60];
    uint64_t groups[2][60];
    for (size_t i = 0; i < 60; i++) {
        const size_t at = i * 7 % 60; /* another order of the same rows */
        values[0][i] = values[1][at] = (double)(i * i % 11);
        groups[0][i] = groups[1][at] = i % 20 * 1000003;
    }
    const um_interval first = mean_of(values[0], groups[0], 60, 3);
    const um_interval second = mean_of(values[1], groups[1], 60, 3);
    assert_true(first.mean == second.mean && first.count == second.count);
    assert_true(first.low == second.low && first.high == second.high);
}

static void missing_values_and_one_group_have_no_interval(void **state) {
    (void)state;
    const double missing = (double)NAN;
    um_interval interval =
        mean_of((const double[]){1, missing, 3}, (const uint64_t[]){1, 2, 3}, 3, 0);
    assert_true(interval.mean == 2 && interval.count == 2);
    assert_true(isfinite(interval.low) && isfinite(interval.high));
    interval = mean_of((const double[]){1, 2}, (const uint64_t[]){5, 5}, 2, 0);
    assert_true(interval.mean == 1.5 && isnan(interval.low) && isnan(interval.high));
    interval = mean_of((const double[]){missing, missing}, (const uint64_t[]){1, 2}, 2, 0);
    assert_true(isnan(interval.mean) && isnan(interval.low) && interval.count == 0);
}

static void groups_are_counted(void **state) {
    (void)state;
    um_error error = {0};
    size_t count = 0;
    const uint64_t groups[] = {7, 3, 7, UINT64_MAX, 3, 0};
    assert_ok(um_bootstrap_count_groups(groups, 6, &count, &error), &error);
    assert_int_equal(count, 4);
}

/* ---- Sets ------------------------------------------------------------------ */

static void add_order(um_order_set *set, const size_t *places, size_t count, size_t length,
                      int32_t prompt, uint64_t answer) {
    order_trace made;
    um_error error = {0};
    size_t shifted[ORDER_MOST];
    for (size_t i = 0; i < count; i++) {
        shifted[i] = places[i] + 1;
    }
    make_order_trace(&made, shifted, count, length + 1);
    made.tokens[0] = prompt;
    made.hole = (um_canvas_hole){1, length};
    assert_ok(um_order_set_add(set, &made.trace, answer, &error), &error);
}

/* Prompt 1 has two samples, both from left to right; prompt 2 has two with the same answer, one of
 * them backwards; prompt 3 has one without commits. */
static um_order_set make_set(void) {
    um_order_set set = {0};
    um_error error = {0};
    assert_ok(um_order_set_label(&set, "a <b> & \"c\"", &error), &error);
    const size_t forwards[] = {0, 1, 2, 3};
    const size_t backwards[] = {3, 2, 1, 0};
    add_order(&set, forwards, 4, 4, 1, 10);
    add_order(&set, forwards, 4, 4, 1, 11);
    add_order(&set, forwards, 4, 4, 2, 12);
    add_order(&set, backwards, 4, 4, 2, 12);
    add_order(&set, NULL, 0, 4, 3, 13);
    return set;
}

static um_order_summary summarise(const um_order_set *set) {
    um_error error = {0};
    um_order_summary summary = {0};
    assert_ok(um_order_summarise(set, 0, &summary, &error), &error);
    return summary;
}

static void a_set_counts_prompts_and_answers(void **state) {
    (void)state;
    um_order_set set = make_set();
    um_order_summary summary = summarise(&set);
    assert_int_equal(set.count, 4);
    assert_int_equal(set.empty, 1);
    assert_int_equal(summary.prompts, 2);
    assert_int_equal(summary.commits, 16);
    assert_int_equal(summary.several, 0);
    assert_true(summary.distinct.mean == 0.75); /* 2 of 2, and 1 of 2 */
    assert_true(summary.ar_ness[um_ar_ness_default(false)][0].mean == 0.75);
    assert_true(summary.ar_ness[um_ar_ness_default(true)][0].mean == (3 + 0.25) / 4);
    assert_true(summary.commits_per_step.mean == 1);
    um_order_summary_free(&summary);
    um_order_set_free(&set);
}

static void one_sample_a_prompt_tells_nothing_of_distinct_answers(void **state) {
    (void)state;
    um_order_set set = {0};
    um_error error = {0};
    assert_ok(um_order_set_label(&set, "x", &error), &error);
    add_order(&set, (const size_t[]){0, 1}, 2, 2, 1, 1);
    add_order(&set, (const size_t[]){0, 1}, 2, 2, 2, 1);
    um_order_summary summary = summarise(&set);
    assert_true(isnan(summary.distinct.mean));
    um_order_summary_free(&summary);
    add_order(&set, (const size_t[]){0, 1}, 2, 2, 1, 1); /* the same answer again */
    summary = summarise(&set);
    assert_true(summary.distinct.mean == 0.5 && summary.distinct.count == 1);
    um_order_summary_free(&summary);
    for (uint64_t i = 2; i < 5; i++) { /* 4 answers in 4 samples of the other prompt */
        add_order(&set, (const size_t[]){0, 1}, 2, 2, 2, i);
    }
    summary = summarise(&set);
    assert_true(summary.distinct.mean == 0.75 && summary.distinct.count == 2);
    um_order_summary_free(&summary);
    um_order_set_free(&set);
}

static void a_set_without_commits_is_an_error(void **state) {
    (void)state;
    um_order_set set = {0};
    um_error error = {0};
    um_order_summary summary = {0};
    assert_ok(um_order_set_label(&set, "nothing", &error), &error);
    assert_int_equal(um_order_summarise(&set, 0, &summary, &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, "nothing: no trace with a commit");
    um_order_set_free(&set);
}

/* ---- Maps ------------------------------------------------------------------ */

static void relative_maps_hold_the_mass_of_all_commits(void **state) {
    (void)state;
    double cells[UM_ORDER_BINS * UM_ORDER_BINS];
    size_t places[48];
    um_order_set set = {0};
    for (size_t i = 0; i < 48; i++) {
        places[i] = i;
    }
    add_order(&set, places, 48, 48, 1, 1);
    um_order_relative_map(&set, cells);
    for (size_t row = 0; row < UM_ORDER_BINS; row++) {
        for (size_t column = 0; column < UM_ORDER_BINS; column++) {
            /* All mass is on the diagonal, 24 times as much as by chance. */
            const double expected = row == column ? UM_ORDER_BINS : 0;
            assert_true(fabs(cells[row * UM_ORDER_BINS + column] - expected) < 1e-9);
        }
    }
    add_order(&set, places, 7, 10, 1, 1);
    um_order_relative_map(&set, cells);
    double sum = 0;
    for (size_t i = 0; i < (size_t)UM_ORDER_BINS * UM_ORDER_BINS; i++) {
        sum += cells[i];
    }
    assert_true(fabs(sum - UM_ORDER_BINS * UM_ORDER_BINS) < 1e-6);
    um_order_set_free(&set);
    /* Columns are places, rows are steps: three of six places in three steps. */
    add_order(&set, places, 3, 6, 1, 1);
    um_order_relative_map(&set, cells);
    assert_true(cells[UM_ORDER_BINS - 1] == 0);
    assert_true(cells[(UM_ORDER_BINS - 1) * UM_ORDER_BINS + UM_ORDER_BINS / 2 - 1] > 0);
    assert_true(cells[(UM_ORDER_BINS / 2 - 1) * UM_ORDER_BINS + UM_ORDER_BINS - 1] == 0);
    um_order_set_free(&set);
}

/* ---- The first step --------------------------------------------------------- */

static void profiles_are_averaged_by_place(void **state) {
    (void)state;
    um_order_set set = {0};
    um_error error = {0};
    const size_t positions[] = {1, 3};
    const float confidences[2][2] = {{0.5f, 0.25f}, {1.0f, 0.75f}};
    const float entropies[2] = {2.0f, 1.0f};
    assert_ok(um_order_set_label(&set, "x", &error), &error);
    for (size_t i = 0; i < 2; i++) {
        order_trace made;
        make_order_trace(&made, (const size_t[]){1, 2, 3}, 3, 4);
        made.tokens[0] = (int32_t)i;
        made.hole = (um_canvas_hole){1, 3};
        made.trace.has_end = true;
        made.trace.end =
            (um_trace_end){.steps = 3, .first_step = {2, positions, confidences[i], entropies}};
        assert_ok(um_order_set_add(&set, &made.trace, i, &error), &error);
    }
    add_order(&set, (const size_t[]){0, 1, 2}, 3, 3, 5, 1); /* without a profile */
    um_order_summary summary = summarise(&set);
    assert_int_equal(summary.with_profile, 2);
    assert_int_equal(summary.profile_count, 3);
    assert_true(summary.confidence[0].mean == 0.75 && summary.confidence[0].count == 2);
    assert_true(isnan(summary.confidence[1].mean));
    assert_true(summary.confidence[2].mean == 0.5 && summary.entropy[2].mean == 1);
    um_order_summary_free(&summary);
    um_order_set_free(&set);
}

/* ---- Output ------------------------------------------------------------------ */

static um_buffer output_of(um_status (*function)(const um_order_study *, um_buffer *, um_error *),
                           const um_order_study *study) {
    um_buffer text = {0};
    um_error error = {0};
    assert_ok(function(study, &text, &error), &error);
    return text;
}

/* In the rows of the default readings, the table prints the numbers of the JSON, rounded. */
static void the_table_prints_the_numbers_of_the_json(void **state) {
    (void)state;
    um_order_set set = make_set();
    um_order_summary summary = summarise(&set);
    const um_order_study study = {.summaries = &summary, .count = 1, .title = "t"};
    um_buffer table = output_of(um_order_text, &study);
    um_buffer json = output_of(um_order_json, &study);
    um_error error = {0};
    json_t *root = NULL;
    assert_ok(um_json_load_bytes(json.data, json.length, "json", &root, &error), &error);
    const json_t *readings =
        json_object_get(json_array_get(json_object_get(root, "sets"), 0), "ar_ness");
    assert_int_equal(json_array_size(readings), UM_AR_NESS_READINGS);
    for (size_t i = 0; i < 2; i++) {
        static const char *const members[] = {"mean", "low", "high"};
        const json_t *reading = json_array_get(readings, um_ar_ness_default(i == 1));
        assert_true(json_is_true(json_object_get(reading, "default")));
        for (size_t j = 0; j < 3; j++) {
            char row[256] = "";
            for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
                const json_t *value = json_array_get(json_object_get(reading, members[j]), k);
                char number[32] = "-";
                if (json_is_number(value)) {
                    (void)snprintf(number, sizeof number, "%.4f", json_number_value(value));
                }
                (void)snprintf(row + strlen(row), sizeof row - strlen(row), " %6s", number);
            }
            assert_non_null(strstr(table.data, row));
        }
    }
    json_decref(root);
    um_buffer_free(&table);
    um_buffer_free(&json);
    um_order_summary_free(&summary);
    um_order_set_free(&set);
}

static void pages_and_pictures_hold_names_as_text(void **state) {
    (void)state;
    um_order_set sets[2] = {make_set(), make_set()};
    sets[1].has_temperature = sets[0].has_temperature = true;
    sets[1].temperature = 1.2;
    um_order_summary summaries[2] = {summarise(&sets[0]), summarise(&sets[1])};
    const um_order_study study = {.summaries = summaries, .count = 2, .title = "<t>"};
    um_buffer page = output_of(um_order_page, &study);
    assert_non_null(strstr(page.data, "Decoding order: &lt;t&gt;"));
    assert_non_null(strstr(page.data, "a &lt;b&gt; &amp; &quot;c&quot;"));
    assert_null(strstr(page.data, "<b> & "));
    um_buffer_free(&page);
    static const char *const names[] = {
        "local_ar_ness",    "global_ar_ness",   "temperature_ar_ness", "temperature_distinct",
        "order_relative_1", "order_relative_2", "order_absolute_1",    "order_absolute_2"};
    bool exists = true;
    for (size_t i = 0; exists; i++) {
        um_buffer picture = {0};
        um_error error = {0};
        char name[48] = "";
        assert_ok(um_order_picture(&study, i, name, sizeof name, &picture, &exists, &error),
                  &error);
        assert_true(exists == (i < sizeof names / sizeof *names));
        if (exists) {
            assert_string_equal(name, names[i]);
            assert_null(strstr(picture.data, "<b> & "));
            assert_non_null(strstr(picture.data, "</svg>\n"));
            /* An axis of temperatures from 0 to 1.2 has ticks between whole numbers. */
            assert_true(strncmp(name, "temperature", 11) != 0 ||
                        strstr(picture.data, "text-anchor=\"middle\">0.4</text>"));
        }
        um_buffer_free(&picture);
    }
    for (size_t i = 0; i < 2; i++) {
        um_order_summary_free(&summaries[i]);
        um_order_set_free(&sets[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_hold_the_mean_and_follow_the_seed),
        cmocka_unit_test(values_of_a_group_are_drawn_together),
        cmocka_unit_test(the_order_of_rows_does_not_move_an_interval),
        cmocka_unit_test(missing_values_and_one_group_have_no_interval),
        cmocka_unit_test(groups_are_counted),
        cmocka_unit_test(a_set_counts_prompts_and_answers),
        cmocka_unit_test(one_sample_a_prompt_tells_nothing_of_distinct_answers),
        cmocka_unit_test(a_set_without_commits_is_an_error),
        cmocka_unit_test(relative_maps_hold_the_mass_of_all_commits),
        cmocka_unit_test(profiles_are_averaged_by_place),
        cmocka_unit_test(the_table_prints_the_numbers_of_the_json),
        cmocka_unit_test(pages_and_pictures_hold_names_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
