/* unmask bench: which repetitions count, their summary, and the work of other processes. */
#include "testing.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench/bench_statistics.h"
#include "cli/machine.h"

/* ---- The processor's name ------------------------------------------------------ */

static void assert_name(const char *text, const char *expected) {
    char name[80] = "";
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    assert_int_equal(um_parse_processor_name(file, name, sizeof name), expected != NULL);
    assert_true(!expected || strcmp(name, expected) == 0);
    assert_int_equal(fclose(file), 0);
}

static void processors_of_both_architectures_have_names(void **state) {
    (void)state;
    assert_name("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC\ncache\t: 1\n", "AMD EPYC");
    assert_name("processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\n",
                "ARM, implementer 0x41, part 0xd0b");
    assert_name("processor\t: 0\nCPU part\t: 0xd0b\n", NULL);
}

/* ---- Summaries ----------------------------------------------------------------- */

static um_summary summary_of(const double *values, size_t count) {
    um_error error = {0};
    um_summary summary;
    assert_ok(um_summarise(values, count, &summary, &error), &error);
    return summary;
}

static void the_median_of_an_odd_number_is_the_middle_one(void **state) {
    (void)state;
    const um_summary summary = summary_of((const double[]){9, 1, 4}, 3);
    assert_float_equal(summary.median, 4, 0);
    assert_float_equal(summary.minimum, 1, 0);
    assert_float_equal(summary.maximum, 9, 0);
}

static void the_median_of_an_even_number_is_the_mean_of_the_middle_two(void **state) {
    (void)state;
    assert_float_equal(summary_of((const double[]){9, 1, 4, 2}, 4).median, 3, 0);
    assert_float_equal(summary_of((const double[]){7}, 1).median, 7, 0);
    assert_float_equal(summary_of(NULL, 0).maximum, 0, 0);
}

/* ---- Disturbed repetitions --------------------------------------------------------- */

static void add(um_repetitions *repetitions, double value, double others) {
    um_error error = {0};
    const um_repetition repetition = {.seconds = 1, .others = others, .values = {value}};
    assert_ok(um_repetitions_add(repetitions, &repetition, &error), &error);
}

static double first_value(const um_repetition *repetition, size_t index) {
    return repetition->values[index];
}

static double median(const um_repetitions *repetitions) {
    um_error error = {0};
    um_summary summary;
    assert_ok(um_repetitions_summarise(repetitions, first_value, 0, &summary, &error), &error);
    return summary.median;
}

static void quiet_repetitions_are_enough(void **state) {
    (void)state;
    um_repetitions repetitions = {.wanted = 2, .quiet_limit = 0.1};
    assert_true(um_repetitions_want_more(&repetitions));
    add(&repetitions, 1, 0.1); /* the limit itself is quiet */
    assert_true(um_repetitions_want_more(&repetitions));
    add(&repetitions, 2, 0);
    assert_false(um_repetitions_want_more(&repetitions));
    assert_int_equal(um_repetitions_disturbed(&repetitions), 0);
    um_repetitions_free(&repetitions);
}

static void a_disturbed_repetition_is_repeated_and_does_not_count(void **state) {
    (void)state;
    um_repetitions repetitions = {.wanted = 3, .quiet_limit = 0.1};
    add(&repetitions, 100, 0.5);
    add(&repetitions, 1, 0.02);
    add(&repetitions, 2, 0.05);
    assert_true(um_repetitions_want_more(&repetitions));
    add(&repetitions, 3, 0.01);
    assert_false(um_repetitions_want_more(&repetitions));
    assert_int_equal(um_repetitions_kept(&repetitions), 3);
    assert_int_equal(um_repetitions_disturbed(&repetitions), 1);
    assert_float_equal(median(&repetitions), 2, 0);
    um_repetitions_free(&repetitions);
}

static void on_a_busy_machine_the_least_disturbed_count(void **state) {
    (void)state;
    um_repetitions repetitions = {.wanted = 2, .quiet_limit = 0.1};
    add(&repetitions, 5, 0.9);
    add(&repetitions, 6, 0.3);
    assert_true(um_repetitions_want_more(&repetitions));
    add(&repetitions, 8, 0.4);
    assert_false(um_repetitions_want_more(&repetitions)); /* half as many again were made */
    assert_int_equal(um_repetitions_disturbed(&repetitions), 3);
    assert_int_equal(um_repetitions_kept(&repetitions), 2);
    assert_float_equal(median(&repetitions), 7, 0);
    um_repetitions_free(&repetitions);
}

static void where_nobody_tells_no_repetition_is_disturbed(void **state) {
    (void)state;
    um_repetitions repetitions = {.wanted = 1, .quiet_limit = 0};
    add(&repetitions, 5, -1);
    assert_false(um_repetitions_want_more(&repetitions));
    assert_int_equal(um_repetitions_disturbed(&repetitions), 0);
    um_repetitions_free(&repetitions);
}

static void patience_ends_before_the_wanted_number(void **state) {
    (void)state;
    um_repetitions repetitions = {.wanted = 5, .quiet_limit = 1, .patience = 2};
    add(&repetitions, 1, 0);
    assert_true(um_repetitions_want_more(&repetitions));
    add(&repetitions, 1, 0);
    assert_false(um_repetitions_want_more(&repetitions));
    um_repetitions_free(&repetitions);
}

/* ---- Who else was at work ------------------------------------------------------------ */

static void work_is_everything_but_waiting(void **state) {
    (void)state;
    double ticks = 0;
    assert_true(um_parse_processor_ticks("cpu  100 20 30 5000 600 7 8 9 50 40\n", &ticks));
    assert_float_equal(ticks, 100 + 20 + 30 + 7 + 8 + 9, 0);
    assert_true(um_parse_processor_ticks("cpu 1 2 3 4\n", &ticks)); /* an old kernel's */
    assert_float_equal(ticks, 6, 0);
    assert_false(um_parse_processor_ticks("cpu 1 2 3\n", &ticks));
    assert_false(um_parse_processor_ticks("intr 1 2 3 4 5\n", &ticks));
    assert_false(um_parse_processor_ticks("", &ticks));
}

static void the_share_of_others_is_of_all_processors(void **state) {
    (void)state;
    assert_float_equal(um_others_share(5, 3, 2, 4), 0.25, 1e-12);
    assert_float_equal(um_others_share(3, 3.01, 2, 4), 0, 0); /* own > all, by limited resolution */
    assert_float_equal(um_others_share(100, 0, 1, 2), 1, 0);
    assert_float_equal(um_others_share(1, 0, 0, 2), 0, 0);
}

static void burn(double seconds) {
    um_machine_watch watch = um_machine_watch_start();
    double passed = 0;
    while (passed < seconds) {
        (void)um_machine_watch_stop(&watch, &passed);
    }
}

/* What a child did while we waited for it is our own work. */
static void our_own_work_is_not_that_of_others(void **state) {
    (void)state;
    const um_machine_watch watch = um_machine_watch_start();
    if (watch.busy < 0) {
        print_message("skipped: there is no /proc/stat\n");
        skip();
    }
    const pid_t child = fork();
    if (child == 0) {
        burn(0.2);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    double seconds = 0;
    (void)um_machine_watch_stop(&watch, &seconds);
    const um_machine_watch after = um_machine_watch_start();
    assert_true(seconds >= 0.2);
    assert_true(after.own - watch.own > 0.005);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors_of_both_architectures_have_names),
        cmocka_unit_test(the_median_of_an_odd_number_is_the_middle_one),
        cmocka_unit_test(the_median_of_an_even_number_is_the_mean_of_the_middle_two),
        cmocka_unit_test(quiet_repetitions_are_enough),
        cmocka_unit_test(a_disturbed_repetition_is_repeated_and_does_not_count),
        cmocka_unit_test(on_a_busy_machine_the_least_disturbed_count),
        cmocka_unit_test(where_nobody_tells_no_repetition_is_disturbed),
        cmocka_unit_test(patience_ends_before_the_wanted_number),
        cmocka_unit_test(work_is_everything_but_waiting),
        cmocka_unit_test(the_share_of_others_is_of_all_processors),
        cmocka_unit_test(our_own_work_is_not_that_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
