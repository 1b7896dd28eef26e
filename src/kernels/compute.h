/* Kernels spread over threads: what the model calls.  Work is cut into tiles that depend only on
 * the shapes, so results do not depend on the number of threads. */
#ifndef UM_KERNELS_COMPUTE_H
#define UM_KERNELS_COMPUTE_H

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

/* Where to compute.  The pool is borrowed and may be NULL (the calling thread only). */
typedef struct um_compute {
    um_kernels kernels;
    um_thread_pool *pool;
    bool bf16_products; /* products with f32 weights, forward and backward, use the kernels that
                           round both factors to BF16; attention stays f32 */
} um_compute;

/* y[i] = rms_norm(x[i]) for `rows` rows of `dim`; inverse_rms [rows] or NULL. */
void um_rms_norm_rows(const um_compute *compute, size_t rows, size_t dim, float epsilon,
                      const float *x, const float *weight, float *y, float *inverse_rms);

/* Floats of scratch for um_rms_norm_rows_backward. */
size_t um_rms_norm_scratch(size_t rows, size_t dim);

/* Add the gradients of um_rms_norm_rows to dx and dweight.  Each tile of rows sums its part of
 * dweight in `scratch`; the parts are added in order. */
void um_rms_norm_rows_backward(const um_compute *compute, size_t rows, size_t dim, const float *x,
                               const float *weight, const float *inverse_rms, const float *dy,
                               float *dx, float *dweight, float *scratch);

/* y = silu(gate) * up over `count` elements. */
void um_swiglu(const um_compute *compute, size_t count, const float *gate, const float *up,
               float *y);
/* In place: gate and up become their gradients. */
void um_swiglu_backward(const um_compute *compute, size_t count, const float *dy, float *gate,
                        float *up);

/* sum = a + b over `count` elements; `sum` may be a or b. */
void um_add(const um_compute *compute, size_t count, const float *a, const float *b, float *sum);

/* sums[columns] += the column sums of values [rows, columns], row after row. */
void um_add_column_sums(size_t rows, size_t columns, const float *values, float *sums);

/* The writable data of an f32 view that the caller owns. */
float *um_tensor_f32(const um_tensor *tensor);

#endif
