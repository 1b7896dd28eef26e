/* Sums and selections over rows of logits, sixteen at a time; see avx2/sampling.c. */
#include "kernels/avx512/avx512.h"
#include "kernels/quotient_bound.h"

#include <math.h>

#define LANES 16

static inline __mmask16 lanes_at(size_t i, size_t count) {
    return count - i < LANES ? um_avx512_mask(count - i) : (__mmask16)0xffff;
}

void um_avx512_logit_range(size_t count, const float *x, float *maximum, float *magnitude) {
    /* As integers, the bits of |x| have the order of the values, with NaN above infinity. */
    const __m512i absolute = _mm512_set1_epi32(0x7fffffff);
    __m512 largest = _mm512_set1_ps(-INFINITY);
    __m512i bits = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 value = _mm512_maskz_loadu_ps(lanes, x + i);
        largest = _mm512_mask_max_ps(largest, lanes, largest, value);
        bits = _mm512_max_epi32(bits, _mm512_and_si512(_mm512_castps_si512(value), absolute));
    }
    *maximum = _mm512_reduce_max_ps(largest);
    const int32_t most = _mm512_reduce_max_epi32(bits);
    memcpy(magnitude, &most, sizeof most);
}

/* exp(x) for -87.3 <= x <= 0, relative error below 2e-7: x = n ln 2 + r with |r| <= ln 2 / 2, and
 * the polynomial of degree 5 with the smallest relative error there (9.3e-8) among those that are 1
 * at 0.  Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
static inline __m512 exp_of_negative(__m512 x) {
    const __m512 magic = _mm512_set1_ps(12582912.0f);
    const __m512 shifted = _mm512_fmadd_ps(x, _mm512_set1_ps(1.44269504f), magic);
    const __m512 n = _mm512_sub_ps(shifted, magic);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(8.29027221e-3f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.18981612e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.66676387e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.99991477e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.99999702e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

void um_avx512_exponential(size_t count, float shift, const float *x, float *y) {
    const __m512 shifts = _mm512_set1_ps(shift);
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), shifts);
        const __mmask16 keep = _mm512_cmp_ps_mask(d, _mm512_set1_ps(-87.0f), _CMP_GE_OQ);
        const __m512 value = _mm512_maskz_mov_ps(keep, exp_of_negative(d));
        _mm512_mask_storeu_ps(y + i, lanes, value);
    }
}

typedef struct weighing {
    __m512 divisor;
    __m512 shift;
    __m512 above;
    __m512 raw_above; /* no x up to this counts */
} weighing;

/* d and exp(d) (returned) of the elements that count; both are 0 for the others. */
static inline __m512 weigh(const weighing *with, __m512 x, __m512 *d) {
    const __m512 z = _mm512_div_ps(x, with->divisor);
    const __mmask16 keep = _mm512_cmp_ps_mask(z, with->above, _CMP_GT_OQ);
    *d = _mm512_maskz_sub_ps(keep, z, with->shift);
    return _mm512_maskz_mov_ps(keep, exp_of_negative(*d));
}

static inline __m512d add_in_double(__m512d sum, __m512 v) {
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
    return _mm512_add_pd(sum, _mm512_add_pd(low, high));
}

static UM_ALWAYS_INLINE void sum_weights(const weighing *with, size_t count, const float *x,
                                         float *weights, bool has_weighted, double *sum,
                                         double *weighted) {
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512d sums = _mm512_setzero_pd();
    __m512d weighted_sums = _mm512_setzero_pd();
    /* Two vectors are added up in float, and their sum in double. */
    for (size_t i = 0; i < count; i += 2 * LANES) {
        const size_t next = i + LANES;
        const __mmask16 lanes[2] = {lanes_at(i, count), next < count ? lanes_at(next, count) : 0};
        const __m512 values[2] = {_mm512_mask_loadu_ps(lowest, lanes[0], x + i),
                                  _mm512_mask_loadu_ps(lowest, lanes[1], x + next)};
        const __m512 most = _mm512_max_ps(values[0], values[1]);
        __m512 d[2];
        __m512 w[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        if (_mm512_cmp_ps_mask(most, with->raw_above, _CMP_GT_OQ) != 0) {
            w[0] = weigh(with, values[0], &d[0]);
            w[1] = weigh(with, values[1], &d[1]);
            sums = add_in_double(sums, _mm512_add_ps(w[0], w[1]));
            if (has_weighted) {
                weighted_sums = add_in_double(
                    weighted_sums, _mm512_fmadd_ps(w[0], d[0], _mm512_mul_ps(w[1], d[1])));
            }
        }
        if (weights) {
            _mm512_mask_storeu_ps(weights + i, lanes[0], w[0]);
            _mm512_mask_storeu_ps(weights + next, lanes[1], w[1]);
        }
    }
    *sum = _mm512_reduce_add_pd(sums);
    if (has_weighted) {
        *weighted = _mm512_reduce_add_pd(weighted_sums);
    }
}

void um_avx512_exponential_sums(size_t count, float divisor, float shift, float above,
                                const float *x, float *weights, double *sum, double *weighted) {
    const weighing with = {_mm512_set1_ps(divisor), _mm512_set1_ps(shift), _mm512_set1_ps(above),
                           _mm512_set1_ps(um_quotient_bound(above, divisor))};
    if (weighted) {
        sum_weights(&with, count, x, weights, true, sum, weighted);
    } else {
        sum_weights(&with, count, x, weights, false, sum, NULL);
    }
}

/* first, first + 1, ... */
static inline __m512i indices_from(uint32_t first) {
    return _mm512_add_epi32(
        _mm512_set1_epi32((int)first),
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* Append the lanes of `chosen`; all lanes of `room` are written.  Compresses in registers and
 * stores whole vectors, because compressing stores are slow on some processors. */
static inline void append(__m512 value, uint32_t first, __mmask16 chosen, __mmask16 room,
                          um_token_entries *entries) {
    _mm512_mask_storeu_ps(entries->values + entries->count, room,
                          _mm512_maskz_compress_ps(chosen, value));
    _mm512_mask_storeu_epi32(entries->tokens + entries->count, room,
                             _mm512_maskz_compress_epi32(chosen, indices_from(first)));
    entries->count += (size_t)__builtin_popcount(chosen);
}

void um_avx512_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                            const float *x, um_token_entries *entries) {
    const __m512 divisors = _mm512_set1_ps(divisor);
    const __m512 lows = _mm512_set1_ps(low);
    const __m512 highs = _mm512_set1_ps(high);
    um_token_entries to = *entries;
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 z = _mm512_div_ps(_mm512_maskz_loadu_ps(lanes, x + i), divisors);
        const __mmask16 inside = _mm512_mask_cmp_ps_mask(
            _mm512_mask_cmp_ps_mask(lanes, z, lows, _CMP_GE_OQ), z, highs, _CMP_LE_OQ);
        append(z, first + (uint32_t)i, inside, lanes, &to);
    }
    entries->count = to.count;
}

void um_avx512_split_range(size_t count, float low, float high, float shift, uint32_t first,
                           const float *x, const float *weights, um_token_entries *entries,
                           double *sum, double *weighted) {
    const __m512 lows = _mm512_set1_ps(low);
    const __m512 highs = _mm512_set1_ps(high);
    const __m512 shifts = _mm512_set1_ps(shift);
    __m512d sums = _mm512_setzero_pd();
    __m512d weighted_sums = _mm512_setzero_pd();
    um_token_entries to = *entries;
    for (size_t i = 0; i < count; i += LANES) {
        const __mmask16 lanes = lanes_at(i, count);
        const __m512 value = _mm512_maskz_loadu_ps(lanes, x + i);
        const __m512 weight = _mm512_maskz_loadu_ps(lanes, weights + i);
        const __mmask16 is_above = _mm512_mask_cmp_ps_mask(lanes, value, highs, _CMP_GT_OQ);
        const __mmask16 inside =
            (__mmask16)(_mm512_mask_cmp_ps_mask(lanes, value, lows, _CMP_GE_OQ) &
                        (__mmask16)~is_above);
        const __m512 above = _mm512_maskz_mov_ps(is_above, weight);
        const __m512 d = _mm512_maskz_sub_ps(is_above, value, shifts);
        sums = add_in_double(sums, above);
        weighted_sums = add_in_double(weighted_sums, _mm512_mul_ps(above, d));
        _mm512_mask_storeu_ps(to.weights + to.count, lanes,
                              _mm512_maskz_compress_ps(inside, weight));
        append(value, first + (uint32_t)i, inside, lanes, &to);
    }
    entries->count = to.count;
    *sum = _mm512_reduce_add_pd(sums);
    *weighted = _mm512_reduce_add_pd(weighted_sums);
}
