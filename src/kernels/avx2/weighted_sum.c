/* y = p v, y += p v and y += p^T v. */
#include "kernels/avx2/product.h"

void um_avx2_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                          const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_f32(
        &(um_avx2_product){m, n, k, p, p_stride, 1, v, v_stride, 1, y, y_stride, false});
}

void um_avx2_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                              const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_f32(
        &(um_avx2_product){m, n, k, p, p_stride, 1, v, v_stride, 1, y, y_stride, true});
}

void um_avx2_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_f32(
        &(um_avx2_product){m, n, k, p, 1, p_stride, v, v_stride, 1, y, y_stride, true});
}

/* ---- Rounded to BF16 ------------------------------------------------------------------ */

void um_avx2_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                         const float *w, size_t w_stride, const float *bias, float *y,
                         size_t y_stride) {
    um_avx2_product_bf16(
        &(um_avx2_product){m, n, k, x, x_stride, 1, w, 1, w_stride, y, y_stride, false});
    for (size_t i = 0; bias && i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            y[i * y_stride + j] += bias[j];
        }
    }
}

void um_avx2_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                               const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_bf16(
        &(um_avx2_product){m, n, k, p, p_stride, 1, v, v_stride, 1, y, y_stride, false});
}

void um_avx2_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                   const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_bf16(
        &(um_avx2_product){m, n, k, p, p_stride, 1, v, v_stride, 1, y, y_stride, true});
}

void um_avx2_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride) {
    um_avx2_product_bf16(
        &(um_avx2_product){m, n, k, p, 1, p_stride, v, v_stride, 1, y, y_stride, true});
}
