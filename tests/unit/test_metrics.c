/* Writing the metrics file of a run: lines, resumption, full disks. */
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "scratch.h"

#include "base/buffer.h"
#include "base/mapped_file.h"
#include "train/run/metrics.h"

#define FIRST_LINE                                                                                 \
    "{\"kind\": \"run\", \"format\": 1, \"recipe_id\": \"00000000000000ab\", \"steps\": 10, "      \
    "\"program\": \"x\", \"seed\": 3}\n"

static um_metrics *open_with(const scratch *folder, um_metrics_run run, um_error *error) {
    json_t *facts = json_pack("{s:s, s:i}", "program", "x", "seed", 3);
    um_metrics *metrics = NULL;
    run.total_steps = 10;
    run.facts = facts;
    (void)um_metrics_open(scratch_path(folder, "m.jsonl"), &run, &metrics, error);
    json_decref(facts);
    return metrics;
}

static um_metrics *open_at(const scratch *folder, size_t step, uint64_t id, um_error *error) {
    return open_with(folder, (um_metrics_run){.recipe_id = id, .step = step}, error);
}

static um_metrics *open_run(const scratch *folder, size_t step) {
    um_error error = {0};
    um_metrics *metrics = open_at(folder, step, 0xab, &error);
    if (!metrics) {
        fail_msg("%s", error.message);
    }
    return metrics;
}

static void put(um_metrics *metrics, const char *kind, size_t step) {
    um_error error = {0};
    const um_metric values[] = {{"loss", 0.5}};
    assert_ok(um_metrics_numbers(metrics, kind, step, values, 1, &error), &error);
}

static void assert_contents(const scratch *folder, const char *expected) {
    um_buffer bytes = {0};
    um_error error = {0};
    assert_ok(um_file_read(scratch_path(folder, "m.jsonl"), 1 << 20, &bytes, &error), &error);
    assert_string_equal(um_buffer_text(&bytes), expected);
    um_buffer_free(&bytes);
}

static void a_fresh_file_has_the_facts_first(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    um_error error = {0};
    um_metrics *metrics = open_run(&folder, 0);
    const um_metric values[] = {{"loss", 0.123456789123}, {"rows", 1234567}, {"kl", NAN},
                                {"norm", INFINITY},       {"rate", 1e-7},    {"big", 1e300}};
    assert_ok(um_metrics_numbers(metrics, "step", 1, values, 6, &error), &error);
    const um_sample_report sample = {.prompt = "a\"\n",
                                     .prompt_length = 3,
                                     .completion = "\xff\0<b>",
                                     .completion_length = 5,
                                     .verdict = "passed",
                                     .reward = NAN};
    assert_ok(um_metrics_put_sample(metrics, 1, &sample, &error), &error);
    assert_ok(um_metrics_end(metrics, 1, "stopped", 1.5, &error), &error);
    assert_ok(um_metrics_close(metrics, &error), &error);
    assert_contents(
        &folder, FIRST_LINE
        "{\"kind\": \"step\", \"step\": 1, \"loss\": 0.123456789, \"rows\": 1234567, "
        "\"kl\": null, \"norm\": null, \"rate\": 1e-07, \"big\": 1e+300}\n"
        "{\"kind\": \"sample\", \"step\": 1, \"prompt\": \"a\\\"\\n\", \"completion\": "
        "\"\xEF\xBF\xBD\\u0000<b>\", \"verdict\": \"passed\"}\n"
        "{\"kind\": \"end\", \"step\": 1, \"outcome\": \"stopped\", \"seconds\": 1.5}\n");
    scratch_remove(&folder);
}

/* The run makes steps 1 to 4, validates after step 3 and is killed in the middle of a line; its
 * saved state is that of step 3. */
static void a_resumed_run_stands_behind_what_it_continues(void **state) {
    (void)state;
    static const char line[] = "{\"kind\": \"step\", \"step\": ";
    const scratch folder = scratch_make();
    um_metrics *metrics = open_run(&folder, 0);
    for (size_t step = 1; step <= 3; step++) {
        put(metrics, "step", step);
    }
    put(metrics, "validation", 3);
    put(metrics, "step", 4);
    (void)um_metrics_close(metrics, NULL);
    FILE *file = fopen(scratch_path(&folder, "m.jsonl"), "a");
    assert_non_null(file);
    assert_true(fputs(line, file) >= 0);
    assert_int_equal(fclose(file), 0);

    metrics = open_run(&folder, 3);
    put(metrics, "step", 4);
    (void)um_metrics_close(metrics, NULL);
    assert_contents(&folder, FIRST_LINE "{\"kind\": \"step\", \"step\": 1, \"loss\": 0.5}\n"
                                        "{\"kind\": \"step\", \"step\": 2, \"loss\": 0.5}\n"
                                        "{\"kind\": \"step\", \"step\": 3, \"loss\": 0.5}\n"
                                        "{\"kind\": \"validation\", \"step\": 3, \"loss\": 0.5}\n"
                                        "{\"kind\": \"resumed\", \"step\": 3, \"program\": \"x\"}\n"
                                        "{\"kind\": \"step\", \"step\": 4, \"loss\": 0.5}\n");
    scratch_remove(&folder);
}

static void the_last_validation_is_made_again(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    um_metrics *metrics = open_run(&folder, 0);
    put(metrics, "step", 10);
    put(metrics, "validation", 10);
    (void)um_metrics_end(metrics, 10, "finished", 1, NULL);
    (void)um_metrics_close(metrics, NULL);
    const um_metrics_run last = {.recipe_id = 0xab, .step = 10, .validation_is_due = true};
    metrics = open_with(&folder, last, NULL);
    assert_non_null(metrics);
    (void)um_metrics_close(metrics, NULL);
    assert_contents(&folder,
                    FIRST_LINE "{\"kind\": \"step\", \"step\": 10, \"loss\": 0.5}\n"
                               "{\"kind\": \"resumed\", \"step\": 10, \"program\": \"x\"}\n");
    scratch_remove(&folder);
}

static void a_run_that_begins_again_begins_its_file_again(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    um_metrics *metrics = open_run(&folder, 0);
    put(metrics, "step", 1);
    (void)um_metrics_close(metrics, NULL);
    metrics = open_run(&folder, 0);
    (void)um_metrics_close(metrics, NULL);
    assert_contents(&folder, FIRST_LINE);
    /* Even if only a part of the first line was written. */
    scratch_write(&folder, "m.jsonl", "{\"kind\": \"run\", \"form", 21);
    metrics = open_run(&folder, 2);
    (void)um_metrics_close(metrics, NULL);
    assert_contents(&folder,
                    FIRST_LINE "{\"kind\": \"resumed\", \"step\": 2, \"program\": \"x\"}\n");
    scratch_remove(&folder);
}

static void other_files_are_left_alone(void **state) {
    (void)state;
    static const char *const others[] = {"my notes\n", "{\"step\": 1}\n", "{\"kind\": \"step\"}\n",
                                         "torn", "\n"};
    const scratch folder = scratch_make();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        um_error error = {0};
        scratch_write(&folder, "m.jsonl", others[i], strlen(others[i]));
        assert_null(open_at(&folder, i % 2, 0xab, &error));
        assert_int_equal(error.status, UM_ERR_FORMAT);
        assert_non_null(strstr(error.message, "is not the metrics of a run"));
        assert_contents(&folder, others[i]);
    }
    um_error error = {0};
    scratch_write(&folder, "m.jsonl", FIRST_LINE, strlen(FIRST_LINE));
    assert_null(open_at(&folder, 0, 0xac, &error));
    assert_int_equal(error.status, UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "another recipe"));
    assert_contents(&folder, FIRST_LINE);
    scratch_remove(&folder);
}

/* A limit on the size of files behaves like a full disk: the write is cut short. */
static void a_full_disk_loses_whole_lines_only(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    um_error error = {0};
    um_metrics *metrics = open_run(&folder, 0);
    put(metrics, "step", 1);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = before;
    small.rlim_cur = strlen(FIRST_LINE) + 50; /* in the middle of the next line */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const um_metric values[] = {{"loss", 0.5}};
    assert_int_equal(um_metrics_numbers(metrics, "step", 2, values, 1, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "m.jsonl: cannot write"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(um_metrics_lost(metrics), 1);
    put(metrics, "step", 3); /* there is room again */
    assert_int_equal(um_metrics_close(metrics, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "1 lines are lost"));
    assert_contents(&folder, FIRST_LINE "{\"kind\": \"step\", \"step\": 1, \"loss\": 0.5}\n"
                                        "{\"kind\": \"step\", \"step\": 3, \"loss\": 0.5}\n");
    scratch_remove(&folder);
}

static void the_first_line_is_written_when_there_is_room(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit none = before;
    none.rlim_cur = 20;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    um_metrics *metrics = open_run(&folder, 0);
    const um_metric values[] = {{"loss", 0.5}};
    assert_int_equal(um_metrics_numbers(metrics, "step", 1, values, 1, NULL), UM_ERR_IO);
    assert_contents(&folder, "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    put(metrics, "step", 2);
    (void)um_metrics_close(metrics, NULL);
    assert_contents(&folder, FIRST_LINE "{\"kind\": \"step\", \"step\": 2, \"loss\": 0.5}\n");
    scratch_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_file_has_the_facts_first),
        cmocka_unit_test(a_resumed_run_stands_behind_what_it_continues),
        cmocka_unit_test(the_last_validation_is_made_again),
        cmocka_unit_test(a_run_that_begins_again_begins_its_file_again),
        cmocka_unit_test(other_files_are_left_alone),
        cmocka_unit_test(a_full_disk_loses_whole_lines_only),
        cmocka_unit_test(the_first_line_is_written_when_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
