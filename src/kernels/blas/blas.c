#include "kernels/blas/blas.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Rows of c in one tile: enough for the library to reach its full rate, few enough that two threads
 * finish at about the same time. */
#define ROW_TILE 128

const char *um_blas_missed_core(void) {
#if defined(__x86_64__)
    if (getenv("OPENBLAS_CORETYPE") != NULL || strcmp(openblas_get_corename(), "Prescott") != 0) {
        return NULL;
    }
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return "Haswell";
    }
#endif
    return NULL;
}

typedef struct sgemm_call {
    CBLAS_TRANSPOSE transpose_a;
    size_t m;
    size_t n;
    size_t k;
    const float *a;
    size_t a_stride;
    const float *b;
    size_t b_stride;
    float beta;
    float *c;
    size_t c_stride;
} sgemm_call;

static void sgemm_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const sgemm_call *call = user;
    const size_t first = task * ROW_TILE;
    const size_t rows = call->m - first < ROW_TILE ? call->m - first : ROW_TILE;
    const float *a =
        call->transpose_a == CblasTrans ? call->a + first : call->a + first * call->a_stride;
    cblas_sgemm(CblasRowMajor, call->transpose_a, CblasNoTrans, (blasint)rows, (blasint)call->n,
                (blasint)call->k, 1.0f, a, (blasint)call->a_stride, call->b,
                (blasint)call->b_stride, call->beta, call->c + first * call->c_stride,
                (blasint)call->c_stride);
}

/* The library is limited to one thread: threads of its own would make sums depend on their number,
 * and would compete with the pool's. */
static void run(um_thread_pool *pool, sgemm_call *call) {
    if (call->m == 0 || call->n == 0) {
        return;
    }
    openblas_set_num_threads(1);
    um_thread_pool_run(pool, um_size_divide_up(call->m, ROW_TILE), sgemm_tile, call);
}

void um_sgemm(um_thread_pool *pool, size_t m, size_t n, size_t k, const float *a, size_t a_stride,
              const float *b, size_t b_stride, float beta, float *c, size_t c_stride) {
    sgemm_call call = {CblasNoTrans, m, n, k, a, a_stride, b, b_stride, beta, c, c_stride};
    run(pool, &call);
}

void um_sgemm_transposed(um_thread_pool *pool, size_t m, size_t n, size_t k, const float *a,
                         size_t a_stride, const float *b, size_t b_stride, float beta, float *c,
                         size_t c_stride) {
    sgemm_call call = {CblasTrans, m, n, k, a, a_stride, b, b_stride, beta, c, c_stride};
    run(pool, &call);
}
