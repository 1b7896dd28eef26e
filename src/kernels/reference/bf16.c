/* The plain versions of products of numbers rounded to BF16: what the instruction VDPBF16PS does,
 * rounding by rounding. */
#include <math.h>

#include "kernels/reference/reference.h"
#include "tensor/dtype.h"

#define SMALLEST_NORMAL 0x1p-126f

/* Subnormal numbers count as zero, and are never produced. */
static float flush(float x) {
    return fabsf(x) < SMALLEST_NORMAL ? copysignf(0.0f, x) : x;
}

static float rounded(float x) {
    const float flushed = flush(x);
    uint16_t stored = 0;
    um_convert_from_f32(UM_DTYPE_BF16, &flushed, &stored, 1);
    float result = 0;
    um_convert_to_f32(UM_DTYPE_BF16, &stored, &result, 1);
    return flush(result);
}

/* A product has at most 16 significant bits, so only the addition rounds. */
static float add_product(float sum, float a, float b) {
    return flush(fmaf(rounded(a), rounded(b), sum));
}

/* start + sum over l < k of a[l * a_step] b[l * b_step]: in each pair the odd product is added
 * first; a last product without a partner comes after a zero product. */
static float sum_of_pairs(float start, size_t k, const float *a, size_t a_step, const float *b,
                          size_t b_step) {
    float sum = flush(start);
    for (size_t l = 0; l < k; l += 2) {
        sum = l + 1 < k ? add_product(sum, a[(l + 1) * a_step], b[(l + 1) * b_step])
                        : add_product(sum, 0.0f, 0.0f);
        sum = add_product(sum, a[l * a_step], b[l * b_step]);
    }
    return sum;
}

void um_reference_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                              const float *w, size_t w_stride, const float *bias, float *y,
                              size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            const float sum = sum_of_pairs(0.0f, k, x + i * x_stride, 1, w + j * w_stride, 1);
            y[i * y_stride + j] = bias ? sum + bias[j] : sum;
        }
    }
}

void um_reference_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                    const float *v, size_t v_stride, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            y[i * y_stride + j] = sum_of_pairs(0.0f, k, p + i * p_stride, 1, v + j, v_stride);
        }
    }
}

void um_reference_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p,
                                        size_t p_stride, const float *v, size_t v_stride, float *y,
                                        size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float *sum = y + i * y_stride + j;
            *sum = sum_of_pairs(*sum, k, p + i * p_stride, 1, v + j, v_stride);
        }
    }
}

void um_reference_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p,
                                          size_t p_stride, const float *v, size_t v_stride,
                                          float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float *sum = y + i * y_stride + j;
            *sum = sum_of_pairs(*sum, k, p + i, p_stride, v + j, v_stride);
        }
    }
}
