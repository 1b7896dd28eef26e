/* f32 matrix products of the Muon optimiser, and the yardstick for all others: the threads of the
 * pool call cblas on fixed tiles, so neither the tiles nor the order of any sum depend on the
 * number of threads.  OpenBLAS itself is told to use one thread, which is a setting of the whole
 * process. */
#ifndef UM_KERNELS_BLAS_BLAS_H
#define UM_KERNELS_BLAS_BLAS_H

#include "base/thread_pool.h"

/* What the environment variable OPENBLAS_CORETYPE should have been when the program was loaded;
 * NULL if OpenBLAS found the right kernels, or the variable is set.  It takes processors that are
 * younger than itself for a Prescott of 2004 and is then some five times slower: 0.3.21, Debian
 * 12's, does so with Intel's Raptor Lake and Emerald Rapids. */
const char *um_blas_missed_core(void);

/* c [m, n] = beta c + a [m, k] b [k, n]; all dense with the given row strides. */
void um_sgemm(um_thread_pool *pool, size_t m, size_t n, size_t k, const float *a, size_t a_stride,
              const float *b, size_t b_stride, float beta, float *c, size_t c_stride);

/* c [m, n] = beta c + a^T b with a [k, m] and b [k, n]: the gradient of a weight matrix. */
void um_sgemm_transposed(um_thread_pool *pool, size_t m, size_t n, size_t k, const float *a,
                         size_t a_stride, const float *b, size_t b_stride, float beta, float *c,
                         size_t c_stride);

#endif
