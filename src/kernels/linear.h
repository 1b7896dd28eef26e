/* Matrix products with stored weights, spread over threads. */
#ifndef UM_KERNELS_LINEAR_H
#define UM_KERNELS_LINEAR_H

#include "kernels/compute.h"

/* Memory for packed activations (packed.h), reused between calls; zero-initialise. */
typedef struct um_packing {
    void *memory;
    size_t capacity; /* bytes */
} um_packing;

/* Make room for `rows` rows of `k` elements. */
um_status um_packing_reserve(um_packing *packing, size_t rows, size_t k, um_error *error);
void um_packing_free(um_packing *packing);

/* Whether products with this weight pack their activations: all but those with F32 weights. */
bool um_linear_needs_packing(const um_tensor *weight);

/* One of several products of the same input. */
typedef struct um_product {
    const um_tensor *weight; /* [out, in] of any type */
    const um_tensor *bias;   /* [out] f32, or NULL, or without data */
    float *y;                /* [rows, out] */
} um_product;

/* y = x weight^T + bias for each product; x [rows, in].  `packing` has room for x; it may be NULL
 * if all weights are F32. */
void um_linear_group(const um_compute *compute, size_t rows, const float *x,
                     const um_packing *packing, const um_product *products, size_t count);

/* The same for one product. */
void um_linear(const um_compute *compute, size_t rows, const float *x, const um_packing *packing,
               const um_tensor *weight, const um_tensor *bias, float *y);

/* The backward pass of um_linear for an f32 weight.  dx [rows, in] = dy weight (+= if
 * `accumulate`; skipped if dx is NULL), dweight += dy^T x, dbias += column sums of dy (skipped if
 * dbias or its data is NULL).  dweight and dbias are written through their views. */
void um_linear_backward(const um_compute *compute, size_t rows, const float *x,
                        const um_tensor *weight, const float *dy, float *dx, bool accumulate,
                        const um_tensor *dweight, const um_tensor *dbias);

#endif
