#include "kernels/blas/peak.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas/blas.h"

#define SIZE 1024

double um_sgemm_peak(um_thread_pool *pool, double seconds) {
    float *a = um_aligned_calloc((size_t)SIZE * SIZE, sizeof *a);
    float *b = um_aligned_calloc((size_t)SIZE * SIZE, sizeof *b);
    float *c = um_aligned_calloc((size_t)SIZE * SIZE, sizeof *c);
    double best = 0;
    const double end = um_clock_seconds() + seconds;
    while (a && b && c && um_clock_seconds() < end) {
        const double start = um_clock_seconds();
        um_sgemm(pool, SIZE, SIZE, SIZE, a, SIZE, b, SIZE, 0.0f, c, SIZE);
        const double rate = 2.0 * SIZE * SIZE * SIZE / (um_clock_seconds() - start);
        best = rate > best ? rate : best;
    }
    free(a);
    free(b);
    free(c);
    return best;
}
