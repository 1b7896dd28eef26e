/* Shared by the AVX-512 kernels of this folder; compiled with AVX-512 F, BW, DQ, VL and VNNI. */
#ifndef UM_KERNELS_AVX512_AVX512_H
#define UM_KERNELS_AVX512_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "kernels/inline.h"
#include "kernels/kernels.h"

/* A mask of the lowest `count` (0 to 16) lanes. */
static inline __mmask16 um_avx512_mask(size_t count) {
    return (__mmask16)((1u << count) - 1u);
}

void um_avx512_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                      size_t w_stride, const float *bias, float *y, size_t y_stride);
void um_avx512_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                            const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx512_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx512_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                  const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx512_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                           const float *w, size_t w_stride, const float *bias, float *y,
                           size_t y_stride);
void um_avx512_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                 const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx512_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx512_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p,
                                       size_t p_stride, const float *v, size_t v_stride, float *y,
                                       size_t y_stride);
void um_avx512_softmax(size_t count, float scale, float *x);
void um_avx512_swiglu(size_t count, const float *gate, const float *up, float *y);
void um_avx512_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                         const um_packed_rows *packed);
void um_avx512_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                             const float *bias, float *y, size_t y_stride);
void um_avx512_logit_range(size_t count, const float *x, float *maximum, float *magnitude);
void um_avx512_exponential(size_t count, float shift, const float *x, float *y);
void um_avx512_exponential_sums(size_t count, float divisor, float shift, float above,
                                const float *x, float *weights, double *sum, double *weighted);
void um_avx512_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                            const float *x, um_token_entries *entries);
void um_avx512_split_range(size_t count, float low, float high, float shift, uint32_t first,
                           const float *x, const float *weights, um_token_entries *entries,
                           double *sum, double *weighted);
void um_avx512_peak_float(size_t rounds, um_peak_work *work);
void um_avx512_peak_wide(size_t rounds, um_peak_work *work);
void um_avx512_peak_narrow(size_t rounds, um_peak_work *work);

#endif
