/* Reading the metrics of a run, whole, repeated and damaged. */
#include <math.h>

#include "scratch.h"

#include "analysis/run_log.h"
#include "base/buffer.h"

static um_status parse(const char *text, um_run_log *log, um_error *error) {
    return um_run_log_parse(text, strlen(text), "m.jsonl", log, error);
}

static um_run_log parsed(const char *text) {
    um_run_log log;
    um_error error = {0};
    assert_ok(parse(text, &log, &error), &error);
    return log;
}

static void assert_series(const um_run_log *log, const char *kind, const char *name, size_t count,
                          const double *steps, const double *values) {
    const um_run_series *series = um_run_log_find(log, kind, name);
    assert_non_null(series);
    assert_int_equal(series->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(series->steps[i] == steps[i]);
        assert_true(series->values[i] == values[i] ||
                    (isnan(series->values[i]) && isnan(values[i])));
    }
}

static void numbers_are_read_by_kind_and_name(void **state) {
    (void)state;
    um_run_log log = parsed("{\"kind\": \"run\", \"steps\": 9}\n"
                            "{\"kind\": \"step\", \"step\": 1, \"loss\": 2, \"kl\": null}\n"
                            "{\"kind\": \"later\", \"step\": 1, \"loss\": 7}\n"
                            "{\"kind\": \"step\", \"step\": 2, \"loss\": 1.5, \"text\": \"x\"}\n"
                            "{\"kind\": \"validation\", \"step\": 2, \"loss\": 3}\n"
                            "{\"kind\": \"end\", \"step\": 2, \"outcome\": \"stopped\"}\n");
    assert_series(&log, "step", "loss", 2, (double[]){1, 2}, (double[]){2, 1.5});
    assert_series(&log, "step", "kl", 1, (double[]){1}, (double[]){NAN});
    assert_series(&log, "validation", "loss", 1, (double[]){2}, (double[]){3});
    assert_null(um_run_log_find(&log, "step", "step"));
    assert_null(um_run_log_find(&log, "step", "text"));
    assert_true(um_run_log_last_step(&log) == 2);
    assert_non_null(log.run);
    assert_non_null(log.end);
    assert_int_equal(log.problem_count, 0);
    um_run_log_free(&log);
}

static void steps_that_come_again_replace_what_was_there(void **state) {
    (void)state;
    um_run_log log = parsed("{\"kind\": \"step\", \"step\": 1, \"loss\": 1}\n"
                            "{\"kind\": \"step\", \"step\": 2, \"loss\": 2}\n"
                            "{\"kind\": \"step\", \"step\": 3, \"loss\": 3}\n"
                            "{\"kind\": \"validation\", \"step\": 3, \"loss\": 3}\n"
                            "{\"kind\": \"sample\", \"step\": 3}\n"
                            "{\"kind\": \"end\", \"step\": 3}\n"
                            "{\"kind\": \"resumed\", \"step\": 2}\n"
                            "{\"kind\": \"step\", \"step\": 2, \"loss\": 20}\n");
    assert_series(&log, "step", "loss", 2, (double[]){1, 2}, (double[]){1, 20});
    assert_series(&log, "validation", "loss", 0, NULL, NULL);
    assert_int_equal(log.sample_count, 0);
    assert_int_equal(log.resumptions, 1);
    assert_null(log.end);
    um_run_log_free(&log);
}

static void another_run_in_the_file_is_the_one_that_counts(void **state) {
    (void)state;
    um_run_log log = parsed("{\"kind\": \"run\", \"steps\": 1}\n"
                            "{\"kind\": \"step\", \"step\": 5, \"loss\": 1}\n"
                            "{\"kind\": \"run\", \"steps\": 2}\n"
                            "{\"kind\": \"step\", \"step\": 1, \"loss\": 4}\n");
    assert_series(&log, "step", "loss", 1, (double[]){1}, (double[]){4});
    assert_int_equal(json_integer_value(json_object_get(log.run, "steps")), 2);
    assert_string_equal(log.problems[0], "m.jsonl: line 3: another run begins here; what comes "
                                         "before is left out");
    um_run_log_free(&log);
}

static void damaged_lines_are_named_and_left_out(void **state) {
    (void)state;
    um_run_log log = parsed("{\"kind\": \"step\", \"step\": 1, \"loss\": 1}\n"
                            "garbage\n"
                            "[1]\n"
                            "\n"
                            "{\"step\": 1}\n"
                            "{\"kind\": \"step\", \"step\": -1}\n"
                            "{\"kind\": \"step\", \"step\": \"2\"}\n"
                            "{\"kind\": \"step\", \"step\": 1e300}\n"
                            "{\"kind\": \"step\", \"step\": 2, \"loss\": 1e999}\n"
                            "{\"kind\": \"step\", \"step\": 3, \"loss\": 3}\n"
                            "{\"kind\": \"step\", \"step\": 4, \"lo");
    assert_series(&log, "step", "loss", 2, (double[]){1, 3}, (double[]){1, 3});
    assert_int_equal(log.problem_count, 8);
    assert_non_null(strstr(log.problems[0], "m.jsonl: line 2: "));
    assert_string_equal(log.problems[1], "m.jsonl: line 3: not a JSON object");
    assert_string_equal(log.problems[2], "m.jsonl: line 5: not a line of metrics: \"kind\" is "
                                         "missing");
    um_run_log_free(&log);
}

static void a_torn_last_line_is_said_to_be_one(void **state) {
    (void)state;
    um_run_log log = parsed("{\"kind\": \"step\", \"step\": 1}\n{\"kind\": \"st");
    assert_string_equal(log.problems[0], "m.jsonl: line 2: cut off; the rest of the file is shown");
    um_run_log_free(&log);
}

static void a_file_of_something_else_is_refused(void **state) {
    (void)state;
    um_run_log log;
    um_error error = {0};
    assert_int_equal(parse("\x7f"
                           "ELF\x01\x02\n\n",
                           &log, &error),
                     UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "m.jsonl: line 1: "));
    assert_non_null(strstr(error.message, "not the metrics of a training run"));
    um_run_log_free(&log);
}

static void an_empty_file_is_a_run_without_steps(void **state) {
    (void)state;
    um_run_log log = parsed("");
    assert_int_equal(log.series_count, 0);
    assert_true(um_run_log_last_step(&log) == 0);
    um_run_log_free(&log);
}

static void names_and_samples_are_limited(void **state) {
    (void)state;
    um_buffer text = {0};
    um_error error = {0};
    for (int i = 0; i < 1000; i++) {
        assert_ok(um_buffer_append_format(&text, &error,
                                          "{\"kind\": \"step\", \"step\": %d, \"n%d\": 1, "
                                          "\"%0100d\": 2}\n"
                                          "{\"kind\": \"sample\", \"step\": %d}\n",
                                          i, i, i, i),
                  &error);
    }
    um_run_log log = parsed(um_buffer_text(&text));
    assert_int_equal(log.series_count, 256);
    assert_int_equal(log.sample_count, UM_RUN_LOG_SAMPLES);
    const json_t *last = log.samples[UM_RUN_LOG_SAMPLES - 1];
    assert_int_equal(json_integer_value(json_object_get(last, "step")), 999);
    um_run_log_free(&log);
    um_buffer_free(&text);
}

static void a_directory_stands_for_its_metrics(void **state) {
    (void)state;
    static const char line[] = "{\"kind\": \"step\", \"step\": 1, \"loss\": 1}\n";
    const scratch folder = scratch_make();
    um_run_log log;
    um_error error = {0};
    scratch_write(&folder, "metrics.jsonl", line, sizeof line - 1);
    assert_ok(um_run_log_read(folder.path, &log, &error), &error);
    assert_int_equal(log.series_count, 1);
    um_run_log_free(&log);
    assert_int_equal(um_run_log_read("/missing/run", &log, &error), UM_ERR_IO);
    um_run_log_free(&log);
    scratch_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_by_kind_and_name),
        cmocka_unit_test(steps_that_come_again_replace_what_was_there),
        cmocka_unit_test(another_run_in_the_file_is_the_one_that_counts),
        cmocka_unit_test(damaged_lines_are_named_and_left_out),
        cmocka_unit_test(a_torn_last_line_is_said_to_be_one),
        cmocka_unit_test(a_file_of_something_else_is_refused),
        cmocka_unit_test(an_empty_file_is_a_run_without_steps),
        cmocka_unit_test(names_and_samples_are_limited),
        cmocka_unit_test(a_directory_stands_for_its_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
