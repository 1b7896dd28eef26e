/* The product that all sums over rows are made of, c = a b or c += a b, and the kernels as calls of
 * it.  The portable and the AVX2 set share this file. */
#ifndef UM_KERNELS_STRIDED_PRODUCT_H
#define UM_KERNELS_STRIDED_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/bias.h"

/* c[i][j] (+)= sum over l < k of a[i * a_row + l * a_step] * b[l * b_step + j * b_column], for
 * i < m, j < n.  One of a_row and a_step is 1, and one of b_step and b_column; b_column is 1 unless
 * the factors are rounded to BF16.
 *
 * Every element is one chain of fused multiply-adds, starting from zero or from the value in c:
 * over ascending l, or for rounded factors in the order of kernels.h.  Storing c and continuing
 * from it later rounds nothing, so the result does not depend on how a sum is cut (for rounded
 * factors at even l) or on which tile an element falls into. */
typedef struct um_strided_product {
    size_t m;
    size_t n;
    size_t k;
    const float *a;
    size_t a_row;
    size_t a_step;
    const float *b;
    size_t b_step;
    size_t b_column;
    float *c;
    size_t c_stride;
    bool add; /* start from the values in c; otherwise from zero */
} um_strided_product;

/* y = p v; p [m, k], or transposed [k, m]; v [k, n]. */
static inline um_strided_product um_strided_product_of(bool transposed, bool add, size_t m,
                                                       size_t n, size_t k, const float *p,
                                                       size_t p_stride, const float *v,
                                                       size_t v_stride, float *y, size_t y_stride) {
    return (um_strided_product){.m = m,
                                .n = n,
                                .k = k,
                                .a = p,
                                .a_row = transposed ? 1 : p_stride,
                                .a_step = transposed ? p_stride : 1,
                                .b = v,
                                .b_step = v_stride,
                                .b_column = 1,
                                .c = y,
                                .c_stride = y_stride,
                                .add = add};
}

#define UM_PRODUCT_KERNEL(name, run, transposed, add)                                              \
    void name(size_t m, size_t n, size_t k, const float *p, size_t p_stride, const float *v,       \
              size_t v_stride, float *y, size_t y_stride) {                                        \
        const um_strided_product of = um_strided_product_of(transposed, add, m, n, k, p, p_stride, \
                                                            v, v_stride, y, y_stride);             \
        run(&of);                                                                                  \
    }

/* Define these kernels of a set: by its product of f32 numbers SET_weighted_sum,
 * SET_weighted_sum_add and SET_transposed_sum_add; by that of rounded ones the same with _bf16, and
 * SET_matmul_bf16. */
#define UM_PRODUCT_KERNELS(set, run_f32, run_bf16)                                                 \
    UM_PRODUCT_KERNEL(set##_weighted_sum, run_f32, false, false)                                   \
    UM_PRODUCT_KERNEL(set##_weighted_sum_add, run_f32, false, true)                                \
    UM_PRODUCT_KERNEL(set##_transposed_sum_add, run_f32, true, true)                               \
    UM_PRODUCT_KERNEL(set##_weighted_sum_bf16, run_bf16, false, false)                             \
    UM_PRODUCT_KERNEL(set##_weighted_sum_add_bf16, run_bf16, false, true)                          \
    UM_PRODUCT_KERNEL(set##_transposed_sum_add_bf16, run_bf16, true, true)                         \
    void set##_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,          \
                           const float *w, size_t w_stride, const float *bias, float *y,           \
                           size_t y_stride) {                                                      \
        um_strided_product of =                                                                    \
            um_strided_product_of(false, false, m, n, k, x, x_stride, w, 1, y, y_stride);          \
        of.b_column = w_stride;                                                                    \
        run_bf16(&of);                                                                             \
        um_add_bias(m, n, bias, y, y_stride);                                                      \
    }

#endif
