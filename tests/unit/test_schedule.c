#include "testing.h"

#include "decode/schedule.h"

/* Runs of steps that commit the same number: {number, steps}. */
typedef struct run_length {
    size_t commits;
    size_t steps;
} run_length;

static void check_schedule(size_t masks, size_t steps, const run_length *expected) {
    size_t left = masks, step = 0;
    for (size_t run = 0; step < steps; run++) {
        for (size_t i = 0; i < expected[run].steps; i++, step++) {
            const size_t commits = um_schedule_commit_count(1e-3, steps, step, left);
            assert_int_equal(commits, expected[run].commits);
            left -= commits;
        }
    }
    assert_int_equal(step, steps);
    assert_int_equal(left, 0);
}

static void the_published_schedules_are_reproduced(void **state) {
    (void)state;
    check_schedule(256, 256, (run_length[]){{0, 1}, {1, 254}, {2, 1}});
    check_schedule(256, 128, (run_length[]){{1, 1}, {2, 126}, {3, 1}});
    check_schedule(256, 64, (run_length[]){{3, 1}, {4, 62}, {5, 1}});
    check_schedule(256, 32, (run_length[]){{7, 1}, {8, 30}, {9, 1}});
    check_schedule(256, 100, (run_length[]){{2, 45}, {3, 54}, {4, 1}});
    check_schedule(512, 512, (run_length[]){{0, 1}, {1, 510}, {2, 1}});
    check_schedule(512, 256, (run_length[]){{1, 1}, {2, 254}, {3, 1}});
    check_schedule(1024, 1024, (run_length[]){{0, 2}, {1, 1021}, {3, 1}});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_schedules_are_reproduced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
