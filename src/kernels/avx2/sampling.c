/* Sums and selections over rows of logits.  exponential_sums skips vectors in which no element
 * counts, most of a peaked row, after one comparison. */
#include "kernels/avx2/avx2.h"
#include "kernels/quotient_bound.h"

#include <math.h>

/* Elements i .. i + 7, with those from `count` on replaced by minus infinity. */
static inline __m256 load_or_lowest(const float *x, size_t i, size_t count) {
    if (count - i >= UM_LANES) {
        return _mm256_loadu_ps(x + i);
    }
    const __m256i mask = um_avx2_tail_mask(count - i);
    return _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), _mm256_maskload_ps(x + i, mask),
                            _mm256_castsi256_ps(mask));
}

void um_avx2_logit_range(size_t count, const float *x, float *maximum, float *magnitude) {
    __m256 largest[2] = {_mm256_set1_ps(-INFINITY), _mm256_set1_ps(-INFINITY)};
    __m256i bits[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + 2 * UM_LANES <= count; i += 2 * UM_LANES) {
        for (size_t j = 0; j < 2; j++) {
            const __m256 value = _mm256_loadu_ps(x + i + j * UM_LANES);
            largest[j] = _mm256_max_ps(largest[j], value);
            bits[j] = _mm256_max_epu32(bits[j], um_avx2_magnitude_bits(value));
        }
    }
    for (; i < count; i += UM_LANES) {
        const __m256 value = load_or_lowest(x, i, count);
        const __m256i mask = um_avx2_tail_mask(count - i < UM_LANES ? count - i : UM_LANES);
        largest[0] = _mm256_max_ps(largest[0], value);
        bits[0] = _mm256_max_epu32(bits[0], _mm256_and_si256(um_avx2_magnitude_bits(value), mask));
    }
    *maximum = um_avx2_maximum(_mm256_max_ps(largest[0], largest[1]));
    *magnitude = um_float_of_bits(um_avx2_largest_bits(_mm256_max_epu32(bits[0], bits[1])));
}

/* exp(x) for -87.3 <= x <= 0, relative error below 2e-7: x = n ln 2 + r with |r| <= ln 2 / 2, and
 * the polynomial of degree 5 with the smallest relative error there (9.3e-8) among those that are 1
 * at 0.  Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
static inline __m256 exp_of_negative(__m256 x) {
    const __m256 magic = _mm256_set1_ps(12582912.0f);
    const __m256 shifted = _mm256_fmadd_ps(x, _mm256_set1_ps(1.44269504f), magic);
    const __m256 n = _mm256_sub_ps(shifted, magic);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(8.29027221e-3f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.18981612e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.66676387e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.99991477e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(9.99999702e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

void um_avx2_exponential(size_t count, float shift, const float *x, float *y) {
    const __m256 shifts = _mm256_set1_ps(shift);
    for (size_t i = 0; i < count; i += UM_LANES) {
        const __m256 d = _mm256_sub_ps(load_or_lowest(x, i, count), shifts);
        const __m256 keep = _mm256_cmp_ps(d, _mm256_set1_ps(-87.0f), _CMP_GE_OQ);
        const __m256 value = _mm256_and_ps(exp_of_negative(d), keep);
        um_avx2_store(y + i, count - i, value);
    }
}

/* Add lanes i and i + 4 of v to lane i of sum. */
static inline __m256d add_in_double(__m256d sum, __m256 v) {
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
    const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
    return _mm256_add_pd(sum, _mm256_add_pd(low, high));
}

static inline double sum_of_doubles(__m256d v) {
    const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

typedef struct weighing {
    __m256 divisor;
    __m256 shift;
    __m256 above;
    __m256 raw_above; /* no x up to this counts */
} weighing;

/* d and exp(d) (returned) of the elements that count; both are 0 for the others. */
static inline __m256 weigh(const weighing *with, __m256 x, __m256 *d) {
    const __m256 z = _mm256_div_ps(x, with->divisor);
    const __m256 keep = _mm256_cmp_ps(z, with->above, _CMP_GT_OQ);
    *d = _mm256_and_ps(_mm256_sub_ps(z, with->shift), keep);
    return _mm256_and_ps(exp_of_negative(*d), keep);
}

#define UNROLLED 4 /* vectors that are added up in float, and their sum in double */

static inline void add_weights(const weighing *with, const __m256 x[UNROLLED],
                               __m256 weights[UNROLLED], bool has_weighted, __m256d *sum,
                               __m256d *weighted) {
    __m256 products = _mm256_setzero_ps();
    __m256 most = x[0];
    for (size_t j = 1; j < UNROLLED; j++) {
        most = _mm256_max_ps(most, x[j]);
    }
    if (_mm256_movemask_ps(_mm256_cmp_ps(most, with->raw_above, _CMP_GT_OQ)) == 0) {
        for (size_t j = 0; j < UNROLLED; j++) {
            weights[j] = _mm256_setzero_ps();
        }
        return;
    }
    for (size_t j = 0; j < UNROLLED; j++) {
        __m256 d;
        weights[j] = weigh(with, x[j], &d);
        products = _mm256_add_ps(products, _mm256_mul_ps(weights[j], d));
    }
    *sum = add_in_double(*sum, _mm256_add_ps(_mm256_add_ps(weights[0], weights[1]),
                                             _mm256_add_ps(weights[2], weights[3])));
    if (has_weighted) {
        *weighted = add_in_double(*weighted, products);
    }
}

static UM_ALWAYS_INLINE void sum_weights(const weighing *with, size_t count, const float *x,
                                         float *weights, bool has_weighted, double *sum,
                                         double *weighted) {
    __m256d sums = _mm256_setzero_pd();
    __m256d weighted_sums = _mm256_setzero_pd();
    for (size_t i = 0; i < count; i += UNROLLED * UM_LANES) {
        const bool is_whole = count - i >= UNROLLED * UM_LANES;
        __m256 values[UNROLLED];
        __m256 results[UNROLLED];
        for (size_t j = 0; j < UNROLLED; j++) {
            const size_t at = i + j * UM_LANES;
            values[j] = is_whole     ? _mm256_loadu_ps(x + at)
                        : at < count ? load_or_lowest(x, at, count)
                                     : _mm256_set1_ps(-INFINITY);
        }
        add_weights(with, values, results, has_weighted, &sums, &weighted_sums);
        for (size_t j = 0; weights && j < UNROLLED && i + j * UM_LANES < count; j++) {
            um_avx2_store(weights + i + j * UM_LANES, count - i - j * UM_LANES, results[j]);
        }
    }
    *sum = sum_of_doubles(sums);
    if (has_weighted) {
        *weighted = sum_of_doubles(weighted_sums);
    }
}

void um_avx2_exponential_sums(size_t count, float divisor, float shift, float above, const float *x,
                              float *weights, double *sum, double *weighted) {
    const weighing with = {_mm256_set1_ps(divisor), _mm256_set1_ps(shift), _mm256_set1_ps(above),
                           _mm256_set1_ps(um_quotient_bound(above, divisor))};
    if (weighted) {
        sum_weights(&with, count, x, weights, true, sum, weighted);
    } else {
        sum_weights(&with, count, x, weights, false, sum, NULL);
    }
}

/* The lane indices that move the lanes chosen by a mask of four to the front. */
static inline __m128i front_shuffle(unsigned mask) {
    static const uint32_t lanes[16][4] = {{0, 1, 2, 3}, {0, 1, 2, 3}, {1, 1, 2, 3}, {0, 1, 2, 3},
                                          {2, 1, 2, 3}, {0, 2, 2, 3}, {1, 2, 2, 3}, {0, 1, 2, 3},
                                          {3, 1, 2, 3}, {0, 3, 2, 3}, {1, 3, 2, 3}, {0, 1, 3, 3},
                                          {2, 3, 2, 3}, {0, 2, 3, 3}, {1, 2, 3, 3}, {0, 1, 2, 3}};
    return _mm_loadu_si128((const __m128i *)(const void *)lanes[mask]);
}

/* Append the lanes of `mask`; all four are written.  There is no branch, because it could not be
 * predicted near the end of a nucleus. */
static inline void append_four(__m128 value, unsigned mask, uint32_t first,
                               um_token_entries *entries) {
    const __m128i shuffle = front_shuffle(mask);
    _mm_storeu_ps(entries->values + entries->count, _mm_permutevar_ps(value, shuffle));
    _mm_storeu_si128((__m128i *)(void *)(entries->tokens + entries->count),
                     _mm_add_epi32(_mm_set1_epi32((int)first), shuffle));
    entries->count += (size_t)__builtin_popcount(mask);
}

void um_avx2_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                          const float *x, um_token_entries *entries) {
    const __m256 divisors = _mm256_set1_ps(divisor);
    const __m256 lows = _mm256_set1_ps(low);
    const __m256 highs = _mm256_set1_ps(high);
    um_token_entries to = *entries;
    size_t i = 0;
    for (; i + UM_LANES <= count; i += UM_LANES) {
        const __m256 z = _mm256_div_ps(_mm256_loadu_ps(x + i), divisors);
        const __m256 inside =
            _mm256_and_ps(_mm256_cmp_ps(z, lows, _CMP_GE_OQ), _mm256_cmp_ps(z, highs, _CMP_LE_OQ));
        const unsigned mask = (unsigned)_mm256_movemask_ps(inside);
        append_four(_mm256_castps256_ps128(z), mask & 15u, first + (uint32_t)i, &to);
        append_four(_mm256_extractf128_ps(z, 1), mask >> 4, first + (uint32_t)i + 4, &to);
    }
    for (; i < count; i++) {
        const float z = x[i] / divisor;
        if (z >= low && z <= high) {
            to.values[to.count] = z;
            to.tokens[to.count++] = first + (uint32_t)i;
        }
    }
    entries->count = to.count;
}

/* As append_four, with weights. */
static inline void append_weighted(__m128 value, __m128 weight, unsigned mask, uint32_t first,
                                   um_token_entries *entries) {
    _mm_storeu_ps(entries->weights + entries->count,
                  _mm_permutevar_ps(weight, front_shuffle(mask)));
    append_four(value, mask, first, entries);
}

void um_avx2_split_range(size_t count, float low, float high, float shift, uint32_t first,
                         const float *x, const float *weights, um_token_entries *entries,
                         double *sum, double *weighted) {
    const __m256 lows = _mm256_set1_ps(low);
    const __m256 highs = _mm256_set1_ps(high);
    const __m256 shifts = _mm256_set1_ps(shift);
    __m256d sums = _mm256_setzero_pd();
    __m256d weighted_sums = _mm256_setzero_pd();
    double rest[2] = {0, 0};
    um_token_entries to = *entries;
    size_t i = 0;
    for (; i + UM_LANES <= count; i += UM_LANES) {
        const __m256 value = _mm256_loadu_ps(x + i);
        const __m256 weight = _mm256_loadu_ps(weights + i);
        const __m256 is_above = _mm256_cmp_ps(value, highs, _CMP_GT_OQ);
        const __m256 inside = _mm256_andnot_ps(is_above, _mm256_cmp_ps(value, lows, _CMP_GE_OQ));
        const __m256 above = _mm256_and_ps(weight, is_above);
        const __m256 d = _mm256_and_ps(_mm256_sub_ps(value, shifts), is_above);
        sums = add_in_double(sums, above);
        weighted_sums = add_in_double(weighted_sums, _mm256_mul_ps(above, d));
        const unsigned mask = (unsigned)_mm256_movemask_ps(inside);
        append_weighted(_mm256_castps256_ps128(value), _mm256_castps256_ps128(weight), mask & 15u,
                        first + (uint32_t)i, &to);
        append_weighted(_mm256_extractf128_ps(value, 1), _mm256_extractf128_ps(weight, 1),
                        mask >> 4, first + (uint32_t)i + 4, &to);
    }
    for (; i < count; i++) {
        if (x[i] > high) {
            rest[0] += (double)weights[i];
            rest[1] += (double)(weights[i] * (x[i] - shift));
        } else if (x[i] >= low) {
            to.values[to.count] = x[i];
            to.weights[to.count] = weights[i];
            to.tokens[to.count++] = first + (uint32_t)i;
        }
    }
    entries->count = to.count;
    *sum = sum_of_doubles(sums) + rest[0];
    *weighted = sum_of_doubles(weighted_sums) + rest[1];
}
