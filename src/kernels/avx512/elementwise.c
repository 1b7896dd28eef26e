/* Row-wise and element-wise kernels of the forward pass.  The last elements go through the same
 * code under a mask, so that an element's value does not depend on its position. */
#include "kernels/avx512/avx512.h"
#include "kernels/rows.h"

#define LANES 16

static UM_ALWAYS_INLINE __mmask16 lanes_at(size_t i, size_t count) {
    return um_avx512_mask(count - i < LANES ? count - i : LANES);
}

/* exp(x) for x <= 88, relative error below 2e-7; 0 below -87.3 and for -infinity; NaN stays.
 * x = n ln 2 + r with |r| <= ln 2 / 2, then a polynomial for exp(r), scaled by 2^n. */
static UM_ALWAYS_INLINE __m512 exponential(__m512 x) {
    const __m512 lowest = _mm512_set1_ps(-87.33654f);
    const __mmask16 stays = _mm512_cmp_ps_mask(x, lowest, _CMP_NLT_UQ);
    const __m512 bounded = _mm512_min_ps(_mm512_set1_ps(88.3762f), _mm512_max_ps(lowest, x));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(bounded, _mm512_set1_ps(1.44269504f)),
                                          _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    /* ln 2 in two parts, so that n * high is exact. */
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), bounded);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    /* Taylor coefficients to r^7: the remainder is below 1e-8 on this interval. */
    __m512 p = _mm512_set1_ps(1.0f / 5040.0f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    const __m512 result = _mm512_maskz_scalef_ps(stays, p, n);
    /* A NaN stays, whatever min and max above made of it. */
    return _mm512_mask_mov_ps(result, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x);
}

/* ---- softmax ------------------------------------------------------------------------ */

static float maximum_of(size_t count, const float *x) {
    __m512 maximum = _mm512_set1_ps(-INFINITY);
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        maximum = _mm512_mask_max_ps(maximum, lanes, maximum, _mm512_maskz_loadu_ps(lanes, x + i));
    }
    return _mm512_reduce_max_ps(maximum);
}

/* um_exponentials; out is not NULL. */
static float exponentials(size_t count, float scale, float shift, const float *x, float *out) {
    const __m512 scales = _mm512_set1_ps(scale);
    const __m512 shifts = _mm512_set1_ps(shift);
    __m512 sums = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 value = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), shifts);
        const __m512 power = exponential(_mm512_mul_ps(value, scales));
        sums = _mm512_mask_add_ps(sums, lanes, sums, power);
        _mm512_mask_storeu_ps(out + i, lanes, power);
    }
    return _mm512_reduce_add_ps(sums);
}

void um_avx512_softmax(size_t count, float scale, float *x) {
    um_row_softmax(exponentials, maximum_of(count, x), count, scale, x);
}

/* ---- SwiGLU --------------------------------------------------------------------------- */

void um_avx512_swiglu(size_t count, const float *gate, const float *up, float *y) {
    const __m512 one = _mm512_set1_ps(1.0f);
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
        const __m512 u = _mm512_maskz_loadu_ps(lanes, up + i);
        const __m512 power = exponential(_mm512_sub_ps(_mm512_setzero_ps(), g));
        /* 0 below -88, where the exponential would no longer grow with -g. */
        const __mmask16 stays = _mm512_cmp_ps_mask(g, _mm512_set1_ps(-88.0f), _CMP_NLT_UQ);
        const __m512 sigmoid = _mm512_maskz_div_ps(stays, one, _mm512_add_ps(one, power));
        _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(_mm512_mul_ps(g, sigmoid), u));
    }
}
