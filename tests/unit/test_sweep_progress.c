/* What `unmask sweep` decides for itself: which options a line takes, and how much time is left. */
#include <math.h>
#include <string.h>

#include "testing.h"

#include "cli/sweep/sweep.h"

/* An autoregressive and a diffusion model at two temperatures, with all and half of the steps. */
static um_sweep_grid make_grid(void) {
    um_error error = {0};
    um_sweep_grid grid = {0};
    assert_ok(um_sweep_read_temperatures("0,1", &grid.axes, &error), &error);
    assert_ok(um_sweep_read_shares("1,1/2", &grid.axes, &error), &error);
    assert_ok(um_sweep_add_model(&grid, "ar", "autoregressive", true, 1, &error), &error);
    assert_ok(um_sweep_add_model(&grid, "tiny", "threshold", false, 1, &error), &error);
    return grid;
}

/* ---- Decoding -------------------------------------------------------------------------- */

static const char *text_of(const um_eval_decoding *decoding, const char *name) {
    for (size_t i = 0; i < decoding->count; i++) {
        if (strcmp(decoding->given[i].name, name) == 0) {
            return decoding->given[i].text;
        }
    }
    return NULL;
}

static um_eval_decoding decode_line(const um_sweep_grid *grid, const um_eval_decoding *given,
                                    size_t line, um_sweep_uses *uses) {
    um_error error = {0};
    um_eval_decoding decoding;
    assert_ok(um_sweep_decoding(given, grid, &grid->lines[line], "0.7", &decoding, uses, &error),
              &error);
    assert_string_equal(text_of(&decoding, "temperature"), "0.7");
    return decoding;
}

static void an_option_goes_to_the_lines_that_have_it(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid = make_grid();
    um_sweep_uses uses = 0;
    um_eval_decoding given = {0};
    um_eval_decoding_set(&given, "top_p", "0.9");
    um_eval_decoding_set(&given, "cache", "dual");
    um_eval_decoding_set(&given, "confidence_threshold", "0.8");
    um_eval_decoding_set(&given, "alg_temp", "0.5");
    um_eval_decoding_set(&given, "end_tokens", "false");
    um_eval_decoding decoding = decode_line(&grid, &given, 0, &uses);
    assert_int_equal(decoding.count, 3); /* top_p, end_tokens, temperature */
    assert_false(um_step_share_is_set(decoding.steps));
    decoding = decode_line(&grid, &given, 1, &uses);
    assert_int_equal(decoding.count, 5);
    assert_null(text_of(&decoding, "alg_temp"));
    assert_int_equal(um_sweep_check_uses(&given, uses, &error), UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "--alg-temp has no effect"));
    decoding = decode_line(&grid, &given, 3, &uses);
    assert_int_equal(decoding.count, 5);
    assert_null(text_of(&decoding, "confidence_threshold"));
    assert_int_equal(decoding.steps.whole, 2);
    assert_ok(um_sweep_check_uses(&given, uses, &error), &error);
    um_sweep_grid_free(&grid);
}

static void an_algorithm_is_that_of_the_lines_with_a_budget(void **state) {
    (void)state;
    um_error error = {0};
    um_sweep_grid grid = make_grid();
    um_sweep_uses uses = 0;
    um_eval_decoding given = {0};
    um_eval_decoding_set(&given, "algorithm", "p2");
    um_eval_decoding decoding = decode_line(&grid, &given, 0, &uses);
    assert_null(text_of(&decoding, "algorithm"));
    decoding = decode_line(&grid, &given, 1, &uses);
    assert_null(text_of(&decoding, "algorithm"));
    assert_int_equal(uses, 0);
    decoding = decode_line(&grid, &given, 2, &uses);
    assert_string_equal(text_of(&decoding, "algorithm"), "p2");
    assert_int_equal(uses, 1);
    um_eval_decoding_set(&given, "algorithm", "factor");
    assert_int_equal(given.count, 1);
    assert_int_equal(
        um_sweep_decoding(&given, &grid, &grid.lines[2], "0", &decoding, &uses, &error),
        UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "factor does not take --steps"));
    um_sweep_grid_free(&grid);
}

static void steps_of_an_answer_are_its_share(void **state) {
    (void)state;
    um_error error = {0};
    um_options *options = NULL;
    um_eval_decoding decoding = {.steps = {1, 2}};
    um_eval_decoding_set(&decoding, "temperature", "0.5");
    assert_ok(um_eval_decoding_create(&decoding, 9, &options, &error), &error);
    um_options_free(options);
    um_eval_decoding_set(&decoding, "temperature", "hot");
    assert_int_equal(um_eval_decoding_create(&decoding, 9, &options, &error), UM_ERR_ARGUMENT);
    assert_null(options);
}

/* ---- Time left ------------------------------------------------------------------------- */

/* Make a point whose samples take `seconds` seconds. */
static void make_point(um_sweep_progress *progress, size_t point, size_t samples, double seconds) {
    um_sweep_progress_begin_point(progress, point, samples);
    (void)um_sweep_progress_watch(progress, samples, samples);
    um_sweep_progress_end_point(progress);
    progress->seconds[point / 2] += seconds; /* the measured time is nothing beside them */
}

static void the_time_left_is_made_of_the_lines_own_times(void **state) {
    (void)state;
    um_sweep_grid grid = make_grid();
    um_sweep_progress progress;
    um_sweep_progress_start(&progress, &grid, 5, 2, false);
    assert_int_equal(progress.total, 4 * (5 + 10)); /* one sample at temperature 0 */
    assert_true(isnan(um_sweep_progress_left(&progress, 0)));
    make_point(&progress, 0, 5, 500);
    /* 10 samples are left of the line, and 45 of other lines, of which nothing else is known. */
    assert_double_near(um_sweep_progress_left(&progress, 0), 55 * 100, 1);
    make_point(&progress, 1, 10, 1000);
    make_point(&progress, 2, 5, 5 * 300);
    assert_double_near(um_sweep_progress_left(&progress, 0), 10 * 300 + 30 * 200, 1);
    make_point(&progress, 3, 10, 10 * 300);
    make_point(&progress, 4, 5, 5 * 1000);
    /* Half of the steps take half of the time. */
    assert_double_near(um_sweep_progress_left(&progress, 0), 10 * 1000 + 15 * 500, 1);
    assert_int_equal(progress.done, 35);
    um_sweep_grid_free(&grid);
}

static void samples_that_are_there_are_done_but_tell_no_time(void **state) {
    (void)state;
    um_sweep_grid grid = make_grid();
    um_sweep_progress progress;
    um_sweep_progress_start(&progress, &grid, 5, 2, false);
    um_sweep_progress_begin_point(&progress, 0, 5); /* all of them exist already */
    um_sweep_progress_end_point(&progress);
    assert_int_equal(progress.done, 5);
    assert_true(isnan(um_sweep_progress_left(&progress, 0)));
    um_sweep_progress_begin_point(&progress, 1, 10); /* seven exist already */
    (void)um_sweep_progress_watch(&progress, 1, 3);
    (void)um_sweep_progress_watch(&progress, 2, 3);
    assert_int_equal(progress.done, 12);
    progress.point_start = 100;
    assert_double_near(um_sweep_progress_left(&progress, 120), 10 * (1 + 45), 1e-6);
    um_sweep_progress_end_point(&progress);
    assert_int_equal(progress.timed[0], 2);
    assert_int_equal(progress.done, 15);
    um_sweep_grid_free(&grid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_goes_to_the_lines_that_have_it),
        cmocka_unit_test(an_algorithm_is_that_of_the_lines_with_a_budget),
        cmocka_unit_test(steps_of_an_answer_are_its_share),
        cmocka_unit_test(the_time_left_is_made_of_the_lines_own_times),
        cmocka_unit_test(samples_that_are_there_are_done_but_tell_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
