/* The number of processes and the rank, as launchers leave them in the environment. */
#include <stdlib.h>

#include "testing.h"

#include "collective/launch.h"

static const char *const variables[] = {
    "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE",    "PMI_RANK",
    "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",         "SLURM_NTASKS"};

static int clear(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        assert_int_equal(unsetenv(variables[i]), 0);
    }
    return 0;
}

static void set(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static void a_process_without_a_launcher_is_alone(void **state) {
    (void)state;
    assert_int_equal(um_launch_processes(), 1);
    assert_int_equal(um_launch_rank(), 0);
}

static void launchers_tell_how_many_they_started(void **state) {
    static const char *const pairs[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                           {"PMI_SIZE", "PMI_RANK"},
                                           {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        set(pairs[i][0], "12");
        set(pairs[i][1], "3");
        assert_int_equal(um_launch_processes(), 12);
        assert_int_equal(um_launch_rank(), 3);
        set(pairs[i][0], "1");
        assert_int_equal(um_launch_processes(), 1);
        set(pairs[i][0], "many");
        assert_int_equal(um_launch_processes(), 1);
        set(pairs[i][0], "-4");
        assert_int_equal(um_launch_processes(), 1);
        (void)clear(state);
    }
}

static void the_rank_is_that_of_the_launcher_which_started_the_processes(void **state) {
    (void)state;
    set("SLURM_PROCID", "5");
    assert_int_equal(um_launch_rank(), 0);
    set("OMPI_COMM_WORLD_SIZE", "2");
    set("OMPI_COMM_WORLD_RANK", "0");
    assert_int_equal(um_launch_rank(), 0);
}

/* The job has several tasks, but its batch script is a single process. */
static void a_batch_script_is_alone(void **state) {
    (void)state;
    set("SLURM_NTASKS", "8");
    set("SLURM_PROCID", "0");
    assert_int_equal(um_launch_processes(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_process_without_a_launcher_is_alone, clear),
        cmocka_unit_test_setup(launchers_tell_how_many_they_started, clear),
        cmocka_unit_test_setup(the_rank_is_that_of_the_launcher_which_started_the_processes, clear),
        cmocka_unit_test_setup(a_batch_script_is_alone, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
