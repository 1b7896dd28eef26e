/* What a run keeps: records that outlive a kill, its settings, and the report with its table. */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "judge_testing.h"
#include "scratch.h"
#include "testing.h"

#include "base/mapped_file.h"
#include "eval/comparison.h"
#include "eval/judging.h"
#include "eval/record_log.h"
#include "eval/report.h"
#include "eval/run_directory.h"

#define PROBLEM(id, level)                                                                         \
    "{\"task_id\": \"" id                                                                          \
    "\", \"prompt\": \"def f(x):\\n\", \"entry_point\": \"f\", \"level\": " level                  \
    ", \"test\": \"def check(c):\\n    assert c(1) == 2\\n\"}"

static const um_eval_cost cost = {.answer_tokens = 7,
                                  .forwards = 3,
                                  .steps = 4,
                                  .finish = "stop",
                                  .decode_seconds = 0.5,
                                  .forward_seconds = 0.25,
                                  .projection_seconds = 0.125,
                                  .sampling_seconds = 0.0625};

/* A run of two problems. */
typedef struct run {
    um_problem_set *set;
    um_eval_records records;
} run;

static run make_run(size_t samples_each) {
    um_error error = {0};
    run made = {0};
    assert_ok(um_problem_set_create(&made.set, &error), &error);
    const um_problem *problems[] = {add_problem(made.set, PROBLEM("a", "1")),
                                    add_problem(made.set, PROBLEM("b", "2"))};
    assert_ok(um_eval_records_create(problems, 2, samples_each, &made.records, &error), &error);
    return made;
}

static void free_run(run *made) {
    um_eval_records_free(&made->records);
    um_problem_set_free(made->set);
}

static void put(run *made, size_t index, const char *completion) {
    um_error error = {0};
    assert_ok(um_eval_records_put_sample(&made->records, index, completion, strlen(completion),
                                         &cost, &error),
              &error);
}

static void judge_as(run *made, size_t index, um_verdict verdict) {
    made->records.samples[index].verdict = verdict;
    made->records.samples[index].judge_seconds = 0.5;
    made->records.samples[index].is_judged = true;
}

/* ---- Records --------------------------------------------------------------------- */

static um_status count_record(void *user, const json_t *record, const char *where,
                              um_error *error) {
    (void)record;
    (void)where;
    (void)error;
    (*(size_t *)user)++;
    return UM_OK;
}

static void append_number(um_record_log *log, int number) {
    um_error error = {0};
    json_t *record = json_pack("{s:i}", "n", number);
    assert_ok(um_record_log_append(log, record, &error), &error);
    json_decref(record);
}

static void a_torn_record_is_cut_off_and_the_others_stay(void **state) {
    (void)state;
    static const char text[] = "{\"n\":1}\n\n{\"n\":2}\n{\"n\"";
    um_error error = {0};
    const scratch directory = scratch_make();
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log", directory.path);
    scratch_write(&directory, "log", text, sizeof text - 1);
    um_record_log *log = NULL;
    size_t count = 0;
    assert_ok(um_record_log_open(path, count_record, &count, NULL, &error), &error);
    assert_int_equal(count, 2);
    assert_ok(um_record_log_open(path, count_record, &count, &log, &error), &error);
    assert_int_equal(count, 4);
    append_number(log, 3);
    assert_ok(um_record_log_close(log, &error), &error);
    um_buffer read = {0};
    assert_ok(um_file_read(path, 1000, &read, &error), &error);
    assert_string_equal(um_buffer_text(&read), "{\"n\":1}\n\n{\"n\":2}\n{\"n\":3}\n");
    um_buffer_free(&read);
    scratch_remove(&directory);
}

static void a_broken_record_in_the_middle_is_told_and_stays(void **state) {
    (void)state;
    static const char text[] = "{\"n\":1}\n{\"n\"\n{\"n\":2}\n";
    um_error error = {0};
    um_record_log *log = NULL;
    size_t count = 0;
    const scratch directory = scratch_make();
    scratch_write(&directory, "log", text, sizeof text - 1);
    const char *path = scratch_path(&directory, "log");
    assert_int_equal(um_record_log_open(path, count_record, &count, &log, &error), UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "line 2"));
    assert_null(log);
    um_buffer read = {0};
    assert_ok(um_file_read(path, 1000, &read, &error), &error);
    assert_string_equal(um_buffer_text(&read), text);
    um_buffer_free(&read);
    scratch_remove(&directory);
}

static void a_missing_file_has_no_records(void **state) {
    (void)state;
    um_error error = {0};
    size_t count = 0;
    assert_ok(um_record_log_open("/tmp/unmask-no-such-file", count_record, &count, NULL, &error),
              &error);
    assert_int_equal(count, 0);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_record_log *log = NULL;
    size_t count = 0;
    assert_int_equal(um_record_log_open("/dev/null", count_record, &count, &log, &error),
                     UM_ERR_IO);
    assert_null(log);
}

static void a_record_that_the_disk_does_not_take_is_taken_back(void **state) {
    (void)state;
    um_error error = {0};
    um_record_log *log = NULL;
    size_t count = 0;
    struct rlimit limit;
    const scratch directory = scratch_make();
    assert_ok(
        um_record_log_open(scratch_path(&directory, "log"), count_record, &count, &log, &error),
        &error);
    append_number(log, 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = 12, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    json_t *record = json_pack("{s:i}", "number", 12345);
    const um_status status = um_record_log_append(log, record, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, UM_ERR_IO);
    assert_non_null(strstr(error.message, "log: cannot write; what is there stays"));
    append_number(log, 2);
    assert_ok(um_record_log_close(log, &error), &error);
    um_buffer read = {0};
    assert_ok(um_file_read(scratch_path(&directory, "log"), 1000, &read, &error), &error);
    assert_string_equal(um_buffer_text(&read), "{\"n\":1}\n{\"n\":2}\n");
    um_buffer_free(&read);
    json_decref(record);
    scratch_remove(&directory);
}

/* ---- Samples --------------------------------------------------------------------- */

static void samples_and_results_come_back_from_their_lines(void **state) {
    (void)state;
    um_error error = {0};
    run first = make_run(2);
    run again = make_run(2);
    const um_judgement judgement = {
        .verdict = UM_VERDICT_TIMEOUT, .seconds = 5, .tests_total = 1, .text = "late"};
    put(&first, 3, "    return \"\xc3\xa4\"\n");
    json_t *sample = um_eval_records_sample_line(&first.records, 3);
    json_t *result = um_eval_records_result_line(&first.records, 3, &judgement);
    assert_int_equal(um_eval_records_read_result(&again.records, result, "here", &error),
                     UM_ERR_MISMATCH); /* its sample is not there yet */
    assert_ok(um_eval_records_read_sample(&again.records, sample, "here", &error), &error);
    assert_ok(um_eval_records_read_result(&again.records, result, "here", &error), &error);
    const um_eval_sample *read = &again.records.samples[3];
    assert_true(read->is_sampled && read->is_judged);
    assert_string_equal(read->completion, "    return \"\xc3\xa4\"\n");
    assert_int_equal(read->verdict, UM_VERDICT_TIMEOUT);
    assert_int_equal(read->cost.answer_tokens, 7);
    assert_double_near(read->cost.decode_seconds, 0.5, 0);
    assert_double_near(read->judge_seconds, 5, 0);
    assert_false(again.records.samples[2].is_sampled);
    json_decref(sample);
    json_decref(result);
    free_run(&first);
    free_run(&again);
}

static void samples_of_older_runs_are_read(void **state) {
    (void)state;
    um_error error = {0};
    run made = make_run(1);
    run again = make_run(1);
    put(&made, 0, "x");
    json_t *line = um_eval_records_sample_line(&made.records, 0);
    (void)json_object_set(line, "finish", json_object_get(line, "finish_reason"));
    (void)json_object_del(line, "finish_reason");
    assert_ok(um_eval_records_read_sample(&again.records, line, "here", &error), &error);
    assert_string_equal(again.records.samples[0].cost.finish, "stop");
    json_decref(line);
    free_run(&made);
    free_run(&again);
}

static void fewer_samples_than_the_run_has_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    run many = make_run(2);
    run few = make_run(1);
    put(&many, 1, "x");
    json_t *line = um_eval_records_sample_line(&many.records, 1);
    assert_int_equal(um_eval_records_read_sample(&few.records, line, "here", &error),
                     UM_ERR_MISMATCH);
    assert_false(few.records.samples[0].is_sampled);
    (void)json_object_set_new(line, "task_id", json_string("c"));
    assert_int_equal(um_eval_records_read_sample(&few.records, line, "here", &error),
                     UM_ERR_MISMATCH);
    json_decref(line);
    free_run(&many);
    free_run(&few);
}

static void lines_with_missing_or_wrong_members_are_refused(void **state) {
    (void)state;
    static const char *const members[] = {"task_id",  "sample", "completion",   "answer_tokens",
                                          "forwards", "steps",  "finish_reason"};
    um_error error = {0};
    run made = make_run(1);
    put(&made, 0, "x");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *line = um_eval_records_sample_line(&made.records, 0);
        (void)json_object_set_new(line, members[i], json_array());
        assert_int_equal(um_eval_records_read_sample(&made.records, line, "here", &error),
                         UM_ERR_FORMAT);
        assert_non_null(strstr(error.message, members[i]));
        (void)json_object_del(line, members[i]);
        assert_int_equal(um_eval_records_read_sample(&made.records, line, "here", &error),
                         UM_ERR_FORMAT);
        json_decref(line);
    }
    free_run(&made);
}

/* ---- Settings -------------------------------------------------------------------- */

static void a_run_with_other_settings_is_refused_by_name(void **state) {
    (void)state;
    um_error error = {0};
    um_eval_directory directory;
    const scratch place = scratch_make();
    json_t *settings =
        json_pack("{s:i, s:{s:f, s:s}}", "length", 8, "decoding", "temperature", 0.1, "seed", "1");
    json_t *other = json_deep_copy(settings);
    assert_ok(um_eval_directory_open(place.path, settings, &directory, &error), &error);
    um_eval_directory second;
    assert_int_equal(um_eval_directory_open(place.path, settings, &second, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "another evaluation is writing there"));
    um_eval_directory_close(&directory);
    scratch_write(&place, UM_EVAL_SAMPLES_FILE ".part-abcdef", "", 0); /* of a killed run */
    assert_ok(um_eval_directory_open(place.path, settings, &directory, &error), &error);
    assert_false(um_file_exists(place.path, UM_EVAL_SAMPLES_FILE ".part-abcdef"));
    um_eval_directory_close(&directory);
    (void)json_object_set_new(json_object_get(other, "decoding"), "seed", json_string("2"));
    assert_int_equal(um_eval_directory_open(place.path, other, &directory, &error),
                     UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "decoding.seed was \"1\", and is \"2\" now"));
    (void)json_object_set_new(other, "shots", json_integer(3));
    (void)json_object_set(other, "decoding", json_object_get(settings, "decoding"));
    assert_int_equal(um_eval_directory_open(place.path, other, &directory, &error),
                     UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "shots was nothing, and is 3 now"));
    json_decref(settings);
    json_decref(other);
    scratch_remove(&place);
}

static void samples_without_settings_are_not_taken_over(void **state) {
    (void)state;
    um_error error = {0};
    um_eval_directory directory;
    const scratch place = scratch_make();
    json_t *settings = json_object();
    scratch_write(&place, UM_EVAL_SAMPLES_FILE, "", 0);
    assert_int_equal(um_eval_directory_open(place.path, settings, &directory, &error),
                     UM_ERR_MISMATCH);
    json_decref(settings);
    scratch_remove(&place);
}

/* ---- Judging --------------------------------------------------------------------- */

static void samples_are_judged_as_they_come_and_written(void **state) {
    (void)state;
    um_error error = {0};
    um_eval_judging *judging = NULL;
    um_record_log *log = NULL;
    size_t count = 0;
    um_judge_options options = um_judge_default_options();
    options.workers = 1;
    options.timeout_seconds = 60;
    um_judge *judge = make_judge(options);
    if (!judge) {
        skip();
    }
    const scratch place = scratch_make();
    char path[128];
    (void)snprintf(path, sizeof path, "%s/results", place.path);
    run made = make_run(2);
    assert_ok(um_record_log_open(path, count_record, &count, &log, &error), &error);
    assert_ok(um_eval_judging_start(judge, &made.records, log, log, &judging, &error), &error);
    static const char *const completions[] = {"    return x + 1\n", "    return x\n",
                                              "    return (\n", "    return 2\n"};
    for (size_t i = 0; i < 4; i++) {
        put(&made, i, completions[i]);
        assert_ok(um_eval_judging_add(judging, i, &error), &error);
    }
    assert_ok(um_eval_judging_wait(judging, NULL, &error), &error);
    um_eval_judging_free(judging);
    assert_ok(um_record_log_close(log, &error), &error);
    assert_int_equal(made.records.samples[0].verdict, UM_VERDICT_PASSED);
    assert_int_equal(made.records.samples[1].verdict, UM_VERDICT_FAILED);
    assert_int_equal(made.records.samples[2].verdict, UM_VERDICT_SYNTAX);
    assert_int_equal(made.records.samples[3].verdict, UM_VERDICT_PASSED);
    assert_ok(um_record_log_open(path, count_record, &count, NULL, &error), &error);
    assert_int_equal(count, 4);
    um_judge_free(judge);
    free_run(&made);
    scratch_remove(&place);
}

/* ---- The report -------------------------------------------------------------------- */

static json_t *report_of(run *made) {
    um_error error = {0};
    json_t *report = NULL;
    json_t *settings = json_pack("{s:s}", "form", "<family>");
    const um_eval_facts facts = {
        .settings = settings, .model = "m<b>", .problems = "p.jsonl", .sandbox = "none"};
    const um_pass_ks ks = {.values = {1, 2, 5}, .count = 3};
    assert_ok(um_eval_report_create(&made->records, &facts, &ks, &report, &error), &error);
    json_decref(settings);
    return report;
}

static run judged_run(void) {
    run made = make_run(2);
    for (size_t i = 0; i < 4; i++) {
        put(&made, i, "x");
        judge_as(&made, i, i == 1 ? UM_VERDICT_PASSED : UM_VERDICT_FAILED);
    }
    return made;
}

static double real_at(const json_t *object, const char *first, const char *second) {
    const json_t *inner = json_object_get(json_object_get(object, first), second);
    assert_true(json_is_number(inner));
    return json_number_value(inner);
}

static void the_report_counts_what_passed(void **state) {
    (void)state;
    run made = judged_run();
    json_t *report = report_of(&made);
    const json_t *all = json_object_get(report, "all");
    const json_t *groups = json_object_get(report, "groups");
    assert_int_equal(json_array_size(json_object_get(report, "k")), 2); /* 5 needs more samples */
    assert_int_equal(json_array_size(groups), 2);
    assert_int_equal(json_integer_value(json_object_get(all, "passed")), 1);
    assert_double_near(real_at(all, "pass@1", "value"), 0.25, 1e-12);
    assert_double_near(real_at(all, "pass@2", "value"), 0.5, 1e-12);
    assert_double_near(real_at(json_array_get(groups, 0), "pass@2", "value"), 1, 1e-12);
    assert_double_near(real_at(report, "cost", "tokens_per_second"), 14, 1e-12);
    assert_double_near(real_at(report, "cost", "forwards_per_answer"), 3, 1e-12);
    assert_double_near(real_at(report, "seconds", "forward"), 1, 1e-12);
    assert_double_near(real_at(report, "seconds", "sandbox"), 2, 1e-12);
    json_decref(report);
    free_run(&made);
}

static void samples_without_time_do_not_count_in_rates(void **state) {
    (void)state;
    run made = judged_run();
    made.records.samples[2].cost.decode_seconds = (double)NAN;
    json_t *report = report_of(&made);
    assert_double_near(real_at(report, "cost", "tokens_per_second"), 14, 1e-12);
    assert_double_near(real_at(report, "cost", "answers_without_time"), 1, 0);
    assert_double_near(real_at(report, "seconds", "decoding"), 1.5, 1e-12);
    json_decref(report);
    free_run(&made);
}

/* The table is made from the JSON alone: a number changed there changes here. */
static void the_table_has_the_numbers_of_the_json(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer table = {0};
    run made = judged_run();
    json_t *report = report_of(&made);
    (void)json_object_set_new(json_object_get(json_object_get(report, "all"), "pass@2"), "value",
                              json_real(0.123));
    assert_ok(um_eval_report_table(report, &table, &error), &error);
    assert_non_null(strstr(um_buffer_text(&table), " 12.3% ( 0.0 to 100.0)"));
    assert_non_null(strstr(um_buffer_text(&table), "verdicts: 1 passed, 3 failed\n"));
    assert_non_null(strstr(um_buffer_text(&table), "3.0 forwards, 4.0 steps, 7.0 tokens"));
    um_buffer_free(&table);
    json_decref(report);
    free_run(&made);
}

static void the_page_shows_the_numbers_and_runs_no_text(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer page = {0};
    run made = judged_run();
    json_t *report = report_of(&made);
    assert_ok(um_eval_report_page(report, &page, &error), &error);
    const char *text = um_buffer_text(&page);
    assert_non_null(strstr(text, "m&lt;b&gt;"));
    assert_null(strstr(text, "m<b>"));
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "<td>25.0% <span class=\"note\">0.0 to 50.0</span></td>"));
    assert_non_null(strstr(text, "class=\"cell some\" title=\"a: 1 of 2\""));
    um_buffer_free(&page);
    json_decref(report);
    free_run(&made);
}

/* ---- Comparison -------------------------------------------------------------------- */

static void write_run(const scratch *place, const char *problems_hash, const char *results) {
    um_error error = {0};
    um_eval_directory directory;
    json_t *settings = json_pack("{s:s, s:s}", "problems_hash", problems_hash, "seed", place->path);
    assert_ok(um_eval_directory_open(place->path, settings, &directory, &error), &error);
    um_eval_directory_close(&directory);
    scratch_write(place, UM_EVAL_RESULTS_FILE, results, strlen(results));
    json_decref(settings);
}

#define RESULT(id, passed) "{\"task_id\": \"" id "\", \"passed\": " passed "}\n"

static void runs_are_compared_problem_by_problem(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer text = {0};
    json_t *comparison = NULL;
    const scratch first = scratch_make();
    const scratch second = scratch_make();
    write_run(&first, "1",
              RESULT("a", "false") RESULT("b", "false") RESULT("c", "true") RESULT("d", "true"));
    write_run(&second, "1",
              RESULT("d", "true") RESULT("a", "true") RESULT("b", "true") RESULT("e", "true"));
    assert_ok(um_eval_compare(first.path, second.path, &comparison, &error), &error);
    assert_int_equal(json_integer_value(json_object_get(comparison, "problems")), 3);
    assert_double_near(real_at(comparison, "pass@1", "first"), 1 / 3.0, 1e-12);
    assert_double_near(real_at(comparison, "pass@1", "difference"), 2 / 3.0, 1e-12);
    assert_double_near(real_at(comparison, "test", "p"), 0.5, 1e-12);
    assert_double_near(real_at(comparison, "test", "second_better"), 2, 0);
    assert_ok(um_eval_comparison_text(comparison, &text, &error), &error);
    assert_non_null(strstr(um_buffer_text(&text), "McNemar, exact: first better on 0, second on 2, "
                                                  "equal on 1; p = 0.5"));
    assert_non_null(strstr(um_buffer_text(&text), "settings that differ:\n  seed: "));
    um_buffer_free(&text);
    json_decref(comparison);
    scratch_remove(&first);
    scratch_remove(&second);
}

static void runs_of_other_problems_are_not_compared(void **state) {
    (void)state;
    um_error error = {0};
    json_t *comparison = NULL;
    const scratch first = scratch_make();
    const scratch second = scratch_make();
    write_run(&first, "1", RESULT("a", "true"));
    write_run(&second, "2", RESULT("a", "true"));
    assert_int_equal(um_eval_compare(first.path, second.path, &comparison, &error),
                     UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "different files of problems"));
    scratch_remove(&first);
    scratch_remove(&second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_record_is_cut_off_and_the_others_stay),
        cmocka_unit_test(a_broken_record_in_the_middle_is_told_and_stays),
        cmocka_unit_test(a_missing_file_has_no_records),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_record_that_the_disk_does_not_take_is_taken_back),
        cmocka_unit_test(samples_and_results_come_back_from_their_lines),
        cmocka_unit_test(samples_of_older_runs_are_read),
        cmocka_unit_test(fewer_samples_than_the_run_has_are_refused),
        cmocka_unit_test(lines_with_missing_or_wrong_members_are_refused),
        cmocka_unit_test(a_run_with_other_settings_is_refused_by_name),
        cmocka_unit_test(samples_without_settings_are_not_taken_over),
        cmocka_unit_test(samples_are_judged_as_they_come_and_written),
        cmocka_unit_test(the_report_counts_what_passed),
        cmocka_unit_test(samples_without_time_do_not_count_in_rates),
        cmocka_unit_test(the_table_has_the_numbers_of_the_json),
        cmocka_unit_test(the_page_shows_the_numbers_and_runs_no_text),
        cmocka_unit_test(runs_are_compared_problem_by_problem),
        cmocka_unit_test(runs_of_other_problems_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
