#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>

#include "testing.h"

#include "base/processors.h"
#include "base/thread_pool.h"

static void quotas_are_rounded_up_to_whole_processors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t processors;
    } cases[] = {
        {"200000 100000", 2},
        {"150000 100000\n", 2},
        {"100 100000", 1},
        {"max 100000", 0},
        {"", 0},
        {"200000", 0},
        {"200000 0", 0},
        {"0 100000", 0},
        {"-100000 100000", 0},
        {"two 1", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(um_quota_processors(cases[i].text), cases[i].processors);
    }
}

static void a_process_uses_no_more_processors_than_it_is_bound_to(void **state) {
    (void)state;
    um_error error = {0};
    cpu_set_t before;
    cpu_set_t one;
    size_t threads = 0;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_in_range(um_usable_processors(), 1, (size_t)CPU_COUNT(&before));
    size_t processor = 0;
    while (!CPU_ISSET(processor, &before)) {
        processor++;
    }
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(um_usable_processors(), 1);
    assert_ok(um_thread_count(0, 8, &threads, &error), &error);
    assert_int_equal(threads, 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_are_rounded_up_to_whole_processors),
        cmocka_unit_test(a_process_uses_no_more_processors_than_it_is_bound_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
