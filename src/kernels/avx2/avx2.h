/* Shared by the AVX2/FMA kernels of this folder; compiled with those instructions. */
#ifndef UM_KERNELS_AVX2_AVX2_H
#define UM_KERNELS_AVX2_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "kernels/float_bits.h"
#include "kernels/inline.h"
#include "kernels/kernels.h"

#define UM_LANES 8

/* A mask for _mm256_maskload_ps that keeps the first `count` (0 to 8) lanes. */
static inline __m256i um_avx2_tail_mask(size_t count) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
}

/* The first `lanes` of eight floats, followed by zeros.  Masked accesses cost more than plain ones
 * on some processors: only the last vector pays. */
static inline __m256 um_avx2_load(const float *x, size_t lanes) {
    return lanes >= UM_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, um_avx2_tail_mask(lanes));
}

static inline void um_avx2_store(float *x, size_t lanes, __m256 value) {
    if (lanes >= UM_LANES) {
        _mm256_storeu_ps(x, value);
    } else {
        _mm256_maskstore_ps(x, um_avx2_tail_mask(lanes), value);
    }
}

/* The bits of the magnitudes, which have the order of the magnitudes, with NaN above infinity. */
static inline __m256i um_avx2_magnitude_bits(__m256 values) {
    return _mm256_and_si256(_mm256_castps_si256(values), _mm256_set1_epi32(0x7FFFFFFF));
}

/* The largest of eight such bit patterns. */
static inline uint32_t um_avx2_largest_bits(__m256i bits) {
    __m128i half = _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(half);
}

/* The bits of the largest magnitude of a block. */
static inline uint32_t um_avx2_largest_magnitude(const __m256 values[UM_PACK_BLOCK / UM_LANES]) {
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < UM_PACK_BLOCK / UM_LANES; i++) {
        most = _mm256_max_epu32(most, um_avx2_magnitude_bits(values[i]));
    }
    return um_avx2_largest_bits(most);
}

/* Sum of the lanes in a fixed order: ((0+4)+(2+6)) + ((1+5)+(3+7)). */
static inline float um_avx2_sum(__m256 v) {
    __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    quarter = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

static inline float um_avx2_maximum(__m256 v) {
    __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    quarter = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
}

/* exp(x) for x <= 88, relative error below 2e-7; 0 below -87.3 and for -infinity; NaN stays.
 * x = n ln 2 + r with |r| <= ln 2 / 2, then a polynomial for exp(r), scaled by 2^n. */
static inline __m256 um_avx2_exp(__m256 x) {
    const __m256 lowest = _mm256_set1_ps(-87.33654f);
    const __m256 vanishes = _mm256_cmp_ps(x, lowest, _CMP_LT_OQ);
    const __m256 clamped = _mm256_min_ps(_mm256_set1_ps(88.3762f), _mm256_max_ps(lowest, x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(clamped, _mm256_set1_ps(1.44269504f)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    /* ln 2 in two parts, so that n * high is exact. */
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), clamped);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    /* Taylor coefficients to r^7: the remainder is below 1e-8 on this interval. */
    __m256 p = _mm256_set1_ps(1.0f / 5040.0f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    const __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
    const __m256 result = _mm256_andnot_ps(vanishes, scaled);
    /* A NaN stays, whatever min and max above made of it. */
    return _mm256_blendv_ps(result, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

void um_avx2_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                    size_t w_stride, const float *bias, float *y, size_t y_stride);
void um_avx2_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                       const um_packed_rows *packed);
void um_avx2_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                           const float *bias, float *y, size_t y_stride);
void um_avx2_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                          const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                              const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_matmul_bf16(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                         const float *w, size_t w_stride, const float *bias, float *y,
                         size_t y_stride);
void um_avx2_weighted_sum_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                               const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_weighted_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                   const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_transposed_sum_add_bf16(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride);
void um_avx2_softmax(size_t count, float scale, float *x);
void um_avx2_rms_norm(size_t count, float epsilon, const float *x, const float *weight, float *y,
                      float *inverse_rms);
void um_avx2_rotate_half(size_t count, const float *cosine, const float *sine, float *x);
void um_avx2_swiglu(size_t count, const float *gate, const float *up, float *y);
void um_avx2_rms_norm_backward(size_t count, const float *x, const float *weight, float inverse_rms,
                               const float *dy, float *dx, float *dweight);
void um_avx2_swiglu_backward(size_t count, const float *dy, float *gate, float *up);
void um_avx2_softmax_backward(size_t count, float scale, const float *p, float *dp);
void um_avx2_cross_entropy(size_t count, const float *logits, size_t target, float *log_probability,
                           float *probabilities);
void um_avx2_adamw(size_t count, const um_adamw_step *step, const float *gradient, float *parameter,
                   float *first_moment, float *second_moment);
void um_avx2_logit_range(size_t count, const float *x, float *maximum, float *magnitude);
void um_avx2_exponential(size_t count, float shift, const float *x, float *y);
void um_avx2_exponential_sums(size_t count, float divisor, float shift, float above, const float *x,
                              float *weights, double *sum, double *weighted);
void um_avx2_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                          const float *x, um_token_entries *entries);
void um_avx2_split_range(size_t count, float low, float high, float shift, uint32_t first,
                         const float *x, const float *weights, um_token_entries *entries,
                         double *sum, double *weighted);
void um_avx2_peak_float(size_t rounds, um_peak_work *work);
void um_avx2_peak_wide(size_t rounds, um_peak_work *work);
void um_avx2_peak_narrow(size_t rounds, um_peak_work *work);

#endif
