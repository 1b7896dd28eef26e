/* y = p v, y += p v and y += p^T v, of f32 numbers and of f32 numbers rounded to BF16; and x w^T of
 * the latter. */
#include "kernels/avx2/product.h"

/* p [m, k], or transposed [k, m]; v [k, n]. */
static um_avx2_product sum_of_rows(bool transposed, bool add, size_t m, size_t n, size_t k,
                                   const float *p, size_t p_stride, const float *v, size_t v_stride,
                                   float *y, size_t y_stride) {
    return (um_avx2_product){.m = m,
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

void um_avx2_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                          const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(false, false, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_f32(&of);
}

void um_avx2_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                              const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(false, true, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_f32(&of);
}

void um_avx2_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(true, true, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_f32(&of);
}

/* ---- Rounded to BF16 ------------------------------------------------------------------ */

void um_avx2_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                               const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(false, false, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_bf16(&of);
}

void um_avx2_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                   const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(false, true, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_bf16(&of);
}

void um_avx2_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride) {
    const um_avx2_product of =
        sum_of_rows(true, true, m, n, k, p, p_stride, v, v_stride, y, y_stride);
    um_avx2_product_bf16(&of);
}

void um_avx2_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                         const float *w, size_t w_stride, const float *bias, float *y,
                         size_t y_stride) {
    um_avx2_product of = sum_of_rows(false, false, m, n, k, x, x_stride, w, 1, y, y_stride);
    of.b_column = w_stride;
    um_avx2_product_bf16(&of);
    for (size_t i = 0; bias && i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            y[i * y_stride + j] += bias[j];
        }
    }
}
