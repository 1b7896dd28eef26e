/* The yardstick for the products: it does the arithmetic that it counts. */
#include "kernel_sets.h"
#include "testing.h"

#include "kernels/peak.h"

#define ROUNDS 3
#define STEPS 64 /* in a round, in every kernel set */

/* Call `check` with each set that this machine has. */
static void for_each_set(void (*check)(const um_kernels *kernels)) {
    um_kernels sets[KERNEL_SETS];
    const size_t available = fill_kernel_sets(sets);
    for (size_t i = 0; i < available; i++) {
        check(&sets[i]);
    }
}

/* Each sum iterates x <- x / 2 + 1, which converges to 2. */
static void check_float(const um_kernels *kernels) {
    um_peak_work work = {0};
    kernels->peak_float(ROUNDS, &work);
    const double sums = work.operations / (2.0 * STEPS * ROUNDS);
    assert_true(sums >= 64);
    assert_float_equal(work.result, (2 * sums), 1e-3);
}

static void float_operations_are_counted_as_they_are_made(void **state) {
    (void)state;
    for_each_set(check_float);
}

/* Every product is 3 x 5, so their sum shows how many there were. */
static void check_integers(const um_kernels *kernels) {
    um_peak_work wide = {0};
    um_peak_work narrow = {0};
    kernels->peak_wide(ROUNDS, &wide);
    kernels->peak_narrow(ROUNDS, &narrow);
    assert_true(wide.operations > 0);
    assert_true(narrow.operations >= wide.operations);
    assert_float_equal((wide.result / (15 * wide.operations / 2)), 1, 1e-5);
    assert_float_equal((narrow.result / (15 * narrow.operations / 2)), 1, 1e-5);
}

static void integer_operations_are_counted_as_they_are_made(void **state) {
    (void)state;
    for_each_set(check_integers);
}

static void check_rate(const um_kernels *kernels) {
    um_error error = {0};
    um_compute compute = {.kernels = *kernels};
    assert_ok(um_thread_pool_create(2, &compute.pool, &error), &error);
    for (int kind = 0; kind < UM_PEAK_KINDS; kind++) {
        const double rate = um_peak_measure(&compute, (um_peak_kind)kind, 0.02);
        assert_true(rate > 1e6);
        assert_true(rate < 1e15);
    }
    um_thread_pool_free(compute.pool);
}

static void a_rate_is_that_of_a_machine(void **state) {
    (void)state;
    for_each_set(check_rate);
}

static void the_kind_follows_the_type_of_the_weights(void **state) {
    (void)state;
    assert_int_equal(um_peak_kind_of(UM_DTYPE_F32), UM_PEAK_FLOAT);
    assert_int_equal(um_peak_kind_of(UM_DTYPE_BF16), UM_PEAK_WIDE);
    assert_int_equal(um_peak_kind_of(UM_DTYPE_F16), UM_PEAK_WIDE);
    assert_int_equal(um_peak_kind_of(UM_DTYPE_Q8_0), UM_PEAK_NARROW);
    assert_int_equal(um_peak_kind_of(UM_DTYPE_Q4_K), UM_PEAK_NARROW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_operations_are_counted_as_they_are_made),
        cmocka_unit_test(integer_operations_are_counted_as_they_are_made),
        cmocka_unit_test(a_rate_is_that_of_a_machine),
        cmocka_unit_test(the_kind_follows_the_type_of_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
