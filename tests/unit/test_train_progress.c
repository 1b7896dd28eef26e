/* The progress line of a training run: what it shows at which width, and the time left. */
#include <math.h>
#include <string.h>

#include "testing.h"

#include "cli/train/train_progress.h"

static um_train_progress quiet_progress(size_t first_step, size_t total_steps) {
    um_train_progress progress = um_train_progress_start(first_step, total_steps);
    progress.terminal.is_live = false;
    progress.next_line = INFINITY; /* nothing is printed */
    progress.start = 1000;
    return progress;
}

static const char *line(const um_train_progress *progress, double now, size_t columns,
                        um_buffer *text) {
    um_error error = {0};
    um_buffer_clear(text);
    assert_ok(um_train_progress_text(progress, now, columns, text, &error), &error);
    return um_buffer_text(text);
}

static void the_line_loses_what_matters_least(void **state) {
    (void)state;
    um_buffer text = {0};
    um_train_progress progress = quiet_progress(0, 100);
    assert_string_equal(line(&progress, 1000, 80, &text), "step 0/100");
    const um_metric values[] = {{"loss", 1.25},
                                {"accuracy", 0.5},
                                {"learning_rate", 1e-3},
                                {"tokens_per_second", 4321},
                                {"share_of_peak", 0.625},
                                {"unknown", 3},
                                {"kl", NAN}};
    um_train_progress_step(&progress, 1, 2.0, values, sizeof values / sizeof *values);
    progress.step_end = 1002;
    assert_string_equal(line(&progress, 1002, 200, &text),
                        "step 1/100  loss 1.2500  accuracy 0.500  lr 1.00e-03  4321 tokens/s  62% "
                        "of SGEMM  3m 18s left");
    assert_string_equal(line(&progress, 1002, 60, &text),
                        "step 1/100  loss 1.2500  4321 tokens/s  3m 18s left");
    assert_string_equal(line(&progress, 1002, 12, &text), "step 1/100");
    for (size_t columns = 0; columns < 120; columns++) {
        assert_true(strlen(line(&progress, 1002, columns, &text)) <= columns);
    }
    um_buffer_free(&text);
}

static void a_phase_lasts_until_the_step_is_made(void **state) {
    (void)state;
    um_buffer text = {0};
    um_train_progress progress = quiet_progress(0, 10);
    um_train_progress_phase(&progress, "rollout", 37, 80);
    assert_string_equal(line(&progress, 1001, 80, &text), "step 0/10  rollout 37/80");
    um_train_progress_phase(&progress, "update", 0, 0);
    assert_string_equal(line(&progress, 1001, 80, &text), "step 0/10  update");
    const um_metric values[] = {{"reward", 1.5}, {"pass_rate", 0.25}, {"kl", 0.001}};
    um_train_progress_step(&progress, 1, 1.0, values, 3);
    progress.step_end = 1001;
    assert_string_equal(line(&progress, 1001, 80, &text),
                        "step 1/10  reward 1.500  pass@1 25.0%  KL 1.0e-03  9s left");
    um_buffer_free(&text);
}

static void time_left_counts_what_is_not_a_step(void **state) {
    (void)state;
    um_train_progress progress = quiet_progress(40, 100);
    assert_true(isnan(um_train_progress_left(&progress, 1005)));
    for (size_t step = 41; step <= 50; step++) {
        um_train_progress_note(&progress, step, 1.0, 1000 + 2 * (double)(step - 40));
    }
    /* Ten steps of one second and ten seconds of validations and saves make two seconds a step. */
    assert_true(fabs(um_train_progress_left(&progress, 1020) - 100) < 1e-9);
    assert_true(fabs(um_train_progress_left(&progress, 1021) - 99) < 1e-9);
    assert_true(um_train_progress_left(&progress, 9999) == 0);
    /* One slow step moves the seconds per step by a twentieth of its excess. */
    um_train_progress_note(&progress, 51, 21.0, 1041);
    assert_true(fabs(um_train_progress_left(&progress, 1041) - 49 * (2.0 + 10.0 / 11)) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_loses_what_matters_least),
        cmocka_unit_test(a_phase_lasts_until_the_step_is_made),
        cmocka_unit_test(time_left_counts_what_is_not_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
