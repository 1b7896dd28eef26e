#include "testing.h"

#include "cli/request/batch_size.h"

static const um_model_info small = {.context_length = 96, .cache_bytes = 256};

static void a_given_size_counts_whatever_the_memory(void **state) {
    (void)state;
    const um_model_info huge = {.context_length = 4096, .cache_bytes = (size_t)1 << 50};
    assert_int_equal(um_cli_batch_size(&huge, 0, UM_BATCH_USUAL, 1), 1);
    assert_int_equal(um_cli_batch_size(&huge, 300, UM_BATCH_USUAL, 1), 300);
}

static void a_small_model_has_the_usual_size_and_no_more(void **state) {
    (void)state;
    assert_int_equal(um_cli_batch_size(&small, 0, UM_BATCH_USUAL, 1), UM_BATCH_USUAL);
    assert_int_equal(um_cli_batch_size(&small, 0, 3, 1), 3);
}

static void processes_share_the_memory(void **state) {
    (void)state;
    const size_t alone = um_cli_batch_size(&small, 0, SIZE_MAX, 1);
    const size_t shared = um_cli_batch_size(&small, 0, SIZE_MAX, 4);
    assert_true(shared <= alone / 4 + 1 && shared + 1 >= alone / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_given_size_counts_whatever_the_memory),
        cmocka_unit_test(a_small_model_has_the_usual_size_and_no_more),
        cmocka_unit_test(processes_share_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
