/* OpenBLAS: products from several threads at once, some of which are wrong in builds without locks,
 * and its choice of kernels. */
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "golden_model.h"
#include "kernels/blas/blas.h"

enum { SIZE = 192, THREADS = 6, PRODUCTS = 6000 };

typedef struct products {
    const float *a;
    const float *b;
    const float *expected[2]; /* a b and a^T b */
    float *results;           /* [THREADS, SIZE, SIZE] */
    size_t wrong[THREADS];
} products;

static void multiply(const products *at, bool transposed, float *c) {
    if (transposed) {
        um_sgemm_transposed(NULL, SIZE, SIZE, SIZE, at->a, SIZE, at->b, SIZE, 0, c, SIZE);
    } else {
        um_sgemm(NULL, SIZE, SIZE, SIZE, at->a, SIZE, at->b, SIZE, 0, c, SIZE);
    }
}

static void multiply_and_compare(void *user, size_t task, size_t worker) {
    products *at = user;
    float *c = at->results + worker * SIZE * SIZE;
    multiply(at, task % 3 == 0, c);
    at->wrong[worker] += memcmp(c, at->expected[task % 3 == 0], SIZE * SIZE * sizeof *c) != 0;
}

static void products_of_many_threads_are_right(void **state) {
    (void)state;
    um_error error = {0};
    um_thread_pool *pool = NULL;
    float *factors = make_floats(2 * SIZE * SIZE);
    float *expected = make_floats(2 * SIZE * SIZE);
    products at = {.a = factors,
                   .b = factors + SIZE * SIZE,
                   .expected = {expected, expected + SIZE * SIZE},
                   .results = make_floats(THREADS * SIZE * SIZE)};
    for (uint32_t i = 0; i < 2 * SIZE * SIZE; i++) {
        factors[i] = (float)um_rng_normal(3, (um_rng_place){.position = i});
    }
    multiply(&at, false, expected);
    multiply(&at, true, expected + SIZE * SIZE);
    assert_ok(um_thread_pool_create(THREADS, &pool, &error), &error);
    um_thread_pool_run(pool, PRODUCTS, multiply_and_compare, &at);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(at.wrong[i], 0);
    }
    um_thread_pool_free(pool);
    free(at.results);
    free(factors);
    free(expected);
}

/* Only a processor that OpenBLAS does not know, and no choice by hand, is a reason to start again.
 */
static void a_known_processor_needs_no_other_start(void **state) {
    (void)state;
    const char *chosen = getenv("OPENBLAS_CORETYPE");
    char *kept = chosen != NULL ? strdup(chosen) : NULL;
    assert_int_equal(unsetenv("OPENBLAS_CORETYPE"), 0);
    const char *missed = um_blas_missed_core();
    assert_true(missed == NULL || strcmp(openblas_get_corename(), "Prescott") == 0);
    assert_int_equal(setenv("OPENBLAS_CORETYPE", "Prescott", 1), 0);
    assert_null(um_blas_missed_core());
    assert_int_equal(
        kept != NULL ? setenv("OPENBLAS_CORETYPE", kept, 1) : unsetenv("OPENBLAS_CORETYPE"), 0);
    free(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_of_many_threads_are_right),
                                       cmocka_unit_test(a_known_processor_needs_no_other_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
