/* The machine's own rate, as the yardstick for everything else. */
#ifndef UM_KERNELS_BLAS_PEAK_H
#define UM_KERNELS_BLAS_PEAK_H

#include "base/thread_pool.h"

/* Best rate in FLOP/s of large f32 matrix products on all threads of the pool, over about
 * `seconds` of trying; 0 if there is not enough memory. */
double um_sgemm_peak(um_thread_pool *pool, double seconds);

#endif
