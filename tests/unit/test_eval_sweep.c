/* A sweep's grid, and the report that is made from its evaluations. */
#include <math.h>
#include <string.h>

#include "judge_testing.h"
#include "testing.h"

#include "base/json.h"
#include "eval/report.h"
#include "eval/sweep_internal.h"

/* ---- Shares ---------------------------------------------------------------------- */

static void shares_are_read_in_lowest_terms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t part;
        size_t whole;
    } good[] = {{"1", 1, 1}, {"1/2", 1, 2}, {"2/4", 1, 2}, {"3/3", 1, 1}, {"1024/1024", 1, 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        um_step_share share = {0};
        assert_true(um_step_share_parse(good[i].text, strlen(good[i].text), &share));
        assert_int_equal(share.part, good[i].part);
        assert_int_equal(share.whole, good[i].whole);
    }
}

static void what_is_no_share_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "2",
                                      "0/1",
                                      "3/2",
                                      "1/0",
                                      "1/",
                                      "/2",
                                      "-1/2",
                                      "1/2x",
                                      "1 /2",
                                      "1/2/3",
                                      "0.5",
                                      "1/2000",
                                      "1/+2",
                                      "x",
                                      "1/ 2",
                                      "half",
                                      "1/99999999999999999999999"};
    um_step_share share = {.part = 7, .whole = 9};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(um_step_share_parse(bad[i], strlen(bad[i]), &share));
    }
    assert_int_equal(share.part, 7);
}

static void steps_are_the_share_of_the_length_rounded_up(void **state) {
    (void)state;
    const um_step_share half = {1, 2};
    const um_step_share most = {2, 3};
    assert_int_equal(um_step_share_steps(half, 8), 4);
    assert_int_equal(um_step_share_steps(half, 9), 5);
    assert_int_equal(um_step_share_steps(half, 1), 1);
    assert_int_equal(um_step_share_steps(most, 10), 7);
    assert_int_equal(um_step_share_steps((um_step_share){1, 1024}, 3), 1);
    assert_int_equal(um_step_share_steps((um_step_share){1, 1}, SIZE_MAX), SIZE_MAX);
}

/* ---- The grid -------------------------------------------------------------------- */

static void shares_are_sorted_and_have_nothing_twice(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_axes axes = {0};
    assert_ok(um_sweep_read_shares("1/4,2/2,1/2,2/4", &axes, &error), &error);
    assert_int_equal(axes.share_count, 3);
    assert_int_equal(axes.shares[0].whole, 1);
    assert_int_equal(axes.shares[2].whole, 4);
    assert_ok(um_sweep_read_shares("none", &axes, &error), &error);
    assert_int_equal(axes.share_count, 0);
}

static void what_is_no_axis_is_named(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_axes axes = {0};
    assert_int_equal(um_sweep_read_temperatures("0,101", &axes, &error), UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "\"101\" is not a number from 0 to 100"));
    assert_int_equal(um_sweep_read_shares("1,3/2", &axes, &error), UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "\"3/2\""));
    assert_int_equal(um_sweep_read_shares("1/1,1/2,1/3,1/4,1/5,1/6,1/7,1/8,1/9", &axes, &error),
                     UM_ERR_ARGUMENT);
}

/* A causal model, and a diffusion model of the same name, at temperatures 0 and 0.5, with all and
 * half of the steps: four lines. */
static um_sweep_grid make_grid(void) {
    um_error error = {0};
    um_sweep_grid grid = {0};
    assert_ok(um_sweep_read_temperatures("0,0.5", &grid.axes, &error), &error);
    assert_ok(um_sweep_read_shares("1,1/2", &grid.axes, &error), &error);
    assert_ok(um_sweep_add_model(&grid, "m", "autoregressive", true, 10, &error), &error);
    assert_ok(um_sweep_add_model(&grid, "m", "threshold", false, 10, &error), &error);
    return grid;
}

static void a_causal_model_has_one_line_and_a_diffusion_model_one_a_budget(void **state) {
    (void)state;
    static const char *const names[] = {"m.default.t0",     "m.default.t0.5",    "m-2.default.t0",
                                        "m-2.default.t0.5", "m-2.steps-1.t0",    "m-2.steps-1.t0.5",
                                        "m-2.steps-1-2.t0", "m-2.steps-1-2.t0.5"};
    static const char *const ways[] = {"autoregressive", "threshold", "all steps",
                                       "1/2 of the steps"};
    um_error error = {0};
    um_sweep_grid grid = make_grid();
    assert_int_equal(um_sweep_point_count(&grid), 8);
    for (size_t i = 0; i < 8; i++) {
        char name[64];
        char way[64];
        assert_ok(um_sweep_point_name(&grid, i, name, sizeof name, &error), &error);
        assert_string_equal(name, names[i]);
        um_sweep_describe_line(&grid, um_sweep_line_at(&grid, i), way, sizeof way);
        assert_string_equal(way, ways[i / 2]);
        assert_int_equal(um_sweep_samples_at(&grid, i, 10), i % 2 == 0 ? 1 : 10);
    }
    char small[4];
    assert_int_equal(um_sweep_point_name(&grid, 0, small, sizeof small, &error), UM_ERR_LIMIT);
    um_sweep_grid_free(&grid);
}

static void there_are_only_so_many_models(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid = {0};
    assert_ok(um_sweep_read_temperatures("0", &grid.axes, &error), &error);
    for (size_t i = 0; i < UM_SWEEP_MODELS; i++) {
        assert_ok(um_sweep_add_model(&grid, "m", "threshold", false, 1, &error), &error);
    }
    assert_string_equal(grid.models[UM_SWEEP_MODELS - 1].name, "m-16");
    assert_int_equal(um_sweep_add_model(&grid, "m", "threshold", false, 1, &error), UM_ERR_LIMIT);
    um_sweep_grid_free(&grid);
}

/* ---- The report -------------------------------------------------------------------- */

#define PROBLEM(id, members)                                                                       \
    "{\"task_id\": \"" id "\", \"prompt\": \"def f(x):\\n\", \"entry_point\": \"f\", \"test\": "   \
    "\"def check(c): pass\"" members "}"

/* The report of an evaluation of two completion problems and one with a hole, in which the first
 * `passing` samples pass. */
static json_t *evaluate(size_t samples_each, size_t passing) {
    um_error error = {0};
    um_problem_set *set = NULL;
    um_eval_records records;
    json_t *report = NULL;
    assert_ok(um_problem_set_create(&set, &error), &error);
    const um_problem *problems[] = {add_problem(set, PROBLEM("a", "")),
                                    add_problem(set, PROBLEM("<b>", "")),
                                    add_problem(set, PROBLEM("c", ", \"suffix\": \"\\n\""))};
    assert_ok(um_eval_records_create(problems, 3, samples_each, &records, &error), &error);
    const um_eval_cost cost = {.answer_tokens = 10,
                               .forwards = 5,
                               .steps = 5,
                               .finish = "stop",
                               .decode_seconds = 0.5,
                               .forward_seconds = 0.25};
    for (size_t i = 0; i < um_eval_records_count(&records); i++) {
        assert_ok(um_eval_records_put_sample(&records, i, "x", 1, &cost, &error), &error);
        records.samples[i].verdict = i < passing ? UM_VERDICT_PASSED : UM_VERDICT_FAILED;
        records.samples[i].is_judged = true;
    }
    json_t *settings = json_pack("{s:{s:s}}", "decoding", "algorithm", "<entropy>");
    const um_eval_facts facts = {
        .settings = settings, .model = "m", .problems = "p<1>.jsonl", .sandbox = "none"};
    const um_pass_ks ks = {.values = {1, 2}, .count = 2};
    assert_ok(um_eval_report_create(&records, &facts, &ks, &report, &error), &error);
    json_decref(settings);
    um_eval_records_free(&records);
    um_problem_set_free(set);
    return report;
}

/* Reports of all points of make_grid: in line i the first i samples pass at temperature 0, and the
 * first i + 1, of two a problem, at 0.5. */
static void evaluate_all(json_t *reports[8]) {
    for (size_t i = 0; i < 8; i++) {
        reports[i] = i % 2 == 0 ? evaluate(1, i / 2) : evaluate(2, i / 2 + 1);
    }
}

static json_t *report_of(um_sweep_grid *grid) {
    um_error error = {0};
    json_t *reports[8];
    json_t *report = NULL;
    *grid = make_grid();
    evaluate_all(reports);
    assert_ok(um_sweep_report_create(grid, reports, &report, &error), &error);
    for (size_t i = 0; i < 8; i++) {
        json_decref(reports[i]);
    }
    return report;
}

static void a_report_has_the_rates_and_costs_of_every_format(void **state) {
    (void)state;
    um_sweep_grid grid;
    json_t *report = report_of(&grid);
    const json_t *completion = um_sweep_part(um_sweep_point(report, 1, 0), "completion");
    const json_t *hole = um_sweep_part(um_sweep_point(report, 3, 0), "infilling");
    assert_double_near(um_sweep_rate_of(completion, 1).value, 50, 1e-9);
    assert_double_near(um_sweep_rate_of(hole, 1).value, 100, 1e-9);
    assert_true(isnan(um_sweep_rate_of(completion, 2).value)); /* one sample each */
    completion = um_sweep_part(um_sweep_point(report, 1, 1), "completion");
    assert_double_near(um_sweep_rate_of(completion, 1).value, 50, 1e-9);
    assert_double_near(um_sweep_rate_of(completion, 2).value, 50, 1e-9);
    const json_t *cost = json_object_get(completion, "cost");
    assert_double_near(um_sweep_number(cost, "seconds_per_answer"), 0.5, 1e-9);
    assert_double_near(um_sweep_number(cost, "forwards_per_answer"), 5, 1e-9);
    assert_double_near(um_sweep_number(cost, "tokens_per_second"), 20, 1e-9);
    assert_int_equal(um_sweep_largest_k(report), 2);
    assert_null(um_sweep_part(um_sweep_point(report, 1, 0), "chat"));
    json_decref(report);
    um_sweep_grid_free(&grid);
}

static void costs_have_three_digits(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cells[] = {{0.001234, "0.00123"}, {12.345, "12.3"}, {1234.5, "1234"},
                 {99.96, "100"},        {0, "0"},         {(double)NAN, "-"}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char text[UM_SWEEP_CELL];
        um_sweep_format(cells[i].value, text);
        assert_string_equal(text, cells[i].text);
    }
}

/* The comparison of two lines, or NULL. */
static const json_t *find_comparison(const json_t *report, const char *kind, size_t first,
                                     size_t second, const char *format, double temperature) {
    size_t i = 0;
    const json_t *each = NULL;
    json_array_foreach (json_object_get(report, "comparisons"), i, each) {
        if (strcmp(um_json_text(each, "kind"), kind) == 0 &&
            um_sweep_number(each, "first") == (double)first &&
            um_sweep_number(each, "second") == (double)second &&
            strcmp(um_json_text(each, "format"), format) == 0 &&
            um_sweep_number(each, "temperature") == temperature) {
            return each;
        }
    }
    return NULL;
}

static void lines_are_compared_where_that_says_something(void **state) {
    (void)state;
    um_sweep_grid grid;
    json_t *report = report_of(&grid);
    const json_t *each = find_comparison(report, "models", 0, 2, "completion", 0);
    assert_non_null(each);
    assert_double_near(um_sweep_number(json_object_get(each, "pass@1"), "difference"), 1, 1e-9);
    assert_string_equal(um_json_text(json_object_get(each, "test"), "name"), "McNemar, exact");
    assert_double_near(um_sweep_number(json_object_get(each, "test"), "p"), 0.5, 1e-9);
    each = find_comparison(report, "steps", 2, 3, "infilling", 0);
    assert_non_null(each);
    assert_double_near(um_sweep_number(json_object_get(each, "pass@1"), "difference"), 1, 1e-9);
    each = find_comparison(report, "steps", 2, 1, "completion", 0.5);
    assert_non_null(each);
    assert_double_near(um_sweep_number(json_object_get(each, "pass@1"), "difference"), -0.25, 1e-9);
    assert_string_equal(um_json_text(json_object_get(each, "test"), "name"), "sign test, exact");
    assert_null(find_comparison(report, "models", 1, 2, "completion", 0)); /* of one model */
    assert_null(find_comparison(report, "models", 2, 0, "completion", 0)); /* is there as 0, 2 */
    assert_null(find_comparison(report, "steps", 1, 3, "completion", 0));
    /* The causal line with three others, and the line of all steps with two, for two formats at two
     * temperatures. */
    assert_int_equal(json_array_size(json_object_get(report, "comparisons")), 5 * 4);
    json_decref(report);
    um_sweep_grid_free(&grid);
}

static void evaluations_of_other_problems_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid = make_grid();
    json_t *reports[8];
    json_t *report = NULL;
    evaluate_all(reports);
    json_t *results = json_object_get(reports[4], "results");
    (void)json_object_set_new(json_array_get(results, 1), "task_id", json_string("z"));
    assert_int_equal(um_sweep_report_create(&grid, reports, &report, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "\"<b>\" and \"z\""));
    (void)json_array_remove(results, 1);
    assert_int_equal(um_sweep_report_create(&grid, reports, &report, &error), UM_ERR_MISMATCH);
    (void)json_object_del(reports[7], "formats");
    assert_int_equal(um_sweep_report_create(&grid, reports, &report, &error), UM_ERR_FORMAT);
    assert_null(report);
    for (size_t i = 0; i < 8; i++) {
        json_decref(reports[i]);
    }
    um_sweep_grid_free(&grid);
}

/* A number changed in the JSON changes in the tables and on the page. */
static void tables_and_page_have_the_numbers_of_the_json(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid;
    um_buffer text = {0};
    um_buffer page = {0};
    json_t *report = report_of(&grid);
    json_t *point = json_array_get(json_object_get(report, "points"), 3);
    json_t *part = json_array_get(json_object_get(point, "formats"), 0);
    (void)json_object_set_new(json_object_get(part, "pass@2"), "value", json_real(0.123));
    json_t *each = json_array_get(json_object_get(report, "comparisons"), 0);
    (void)json_object_set_new(json_object_get(each, "pass@1"), "difference", json_real(-0.4567));
    assert_ok(um_sweep_report_text(report, &text, &error), &error);
    assert_non_null(
        strstr(um_buffer_text(&text), "m-2, threshold                 0.5        4   "));
    assert_non_null(
        strstr(um_buffer_text(&text), " 12.3% ( 0.0 to 100.0)         5       0.5        20\n"));
    assert_non_null(strstr(um_buffer_text(&text), " -45.7 ("));
    assert_ok(um_sweep_report_page(report, &page, &error), &error);
    assert_non_null(
        strstr(um_buffer_text(&page), "12.3%<span class=\"range\">0.0 to 100.0</span>"));
    assert_non_null(strstr(um_buffer_text(&page), ">-45.7<span"));
    um_buffer_free(&text);
    um_buffer_free(&page);
    json_decref(report);
    um_sweep_grid_free(&grid);
}

static void the_page_runs_no_text_of_a_file(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid;
    um_buffer page = {0};
    json_t *report = report_of(&grid);
    json_t *line = json_array_get(json_object_get(report, "lines"), 1);
    (void)json_object_set_new(line, "name", json_string("<script>x</script>"));
    assert_ok(um_sweep_report_page(report, &page, &error), &error);
    assert_non_null(strstr(um_buffer_text(&page), "p&lt;1&gt;.jsonl"));
    assert_non_null(strstr(um_buffer_text(&page), "&lt;script&gt;x"));
    assert_null(strstr(um_buffer_text(&page), "<script>x"));
    assert_null(strstr(um_buffer_text(&page), "<entropy>"));
    um_buffer_free(&page);
    json_decref(report);
    um_sweep_grid_free(&grid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_read_in_lowest_terms),
        cmocka_unit_test(what_is_no_share_is_refused),
        cmocka_unit_test(steps_are_the_share_of_the_length_rounded_up),
        cmocka_unit_test(shares_are_sorted_and_have_nothing_twice),
        cmocka_unit_test(what_is_no_axis_is_named),
        cmocka_unit_test(a_causal_model_has_one_line_and_a_diffusion_model_one_a_budget),
        cmocka_unit_test(there_are_only_so_many_models),
        cmocka_unit_test(a_report_has_the_rates_and_costs_of_every_format),
        cmocka_unit_test(costs_have_three_digits),
        cmocka_unit_test(lines_are_compared_where_that_says_something),
        cmocka_unit_test(evaluations_of_other_problems_are_refused),
        cmocka_unit_test(tables_and_page_have_the_numbers_of_the_json),
        cmocka_unit_test(the_page_runs_no_text_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
