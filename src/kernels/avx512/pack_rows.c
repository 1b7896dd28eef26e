/* Activations to integers, in the layout of kernels/tile.h. */
#include <math.h>
#include <string.h>

#include "kernels/avx512/panel.h"
#include "kernels/tile.h"

/* Blocks whose scales are computed together, one in each lane. */
#define BATCH 16

typedef struct block_values {
    __m512 low;
    __m512 high;
} block_values;

/* The values of a block, with zeros after the last of the row. */
static UM_ALWAYS_INLINE block_values load_block(const float *x, size_t rest) {
    if (rest >= UM_PACK_BLOCK) {
        return (block_values){_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
    }
    if (rest > 16) {
        return (block_values){_mm512_loadu_ps(x),
                              _mm512_maskz_loadu_ps(um_avx512_mask(rest - 16), x + 16)};
    }
    return (block_values){_mm512_maskz_loadu_ps(um_avx512_mask(rest), x), _mm512_setzero_ps()};
}

/* The largest magnitude of the 32 values, compared as bits, so that NaN is above all others. */
static UM_ALWAYS_INLINE uint32_t largest_bits(block_values values) {
    const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
    const __m512i most =
        _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(values.low), magnitude),
                         _mm512_and_si512(_mm512_castps_si512(values.high), magnitude));
    return _mm512_reduce_max_epu32(most);
}

/* Scales and their inverses from the largest magnitudes.  Returns a bit for each block without
 * infinities and NaN; the others would get the lowest integers, whose sums overflow. */
static __mmask16 compute_scales(const uint32_t largest[BATCH], float limit, float scales[BATCH],
                                float inverses[BATCH]) {
    const __m512 most = _mm512_castsi512_ps(_mm512_loadu_si512(largest));
    const __mmask16 used = _mm512_cmp_ps_mask(most, _mm512_set1_ps(UM_PACK_SMALLEST), _CMP_NLT_UQ);
    const __m512 limits = _mm512_set1_ps(limit);
    _mm512_storeu_ps(scales, _mm512_maskz_div_ps(used, most, limits));
    _mm512_storeu_ps(inverses, _mm512_maskz_div_ps(used, limits, most));
    return _mm512_cmp_ps_mask(most, _mm512_set1_ps(INFINITY), _CMP_LT_OQ);
}

static UM_ALWAYS_INLINE void store_narrow(__m512i low, __m512i high, uint8_t *integers) {
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm512_cvtepi32_epi8(low)),
                                                 _mm512_cvtepi32_epi8(high), 1);
    _mm256_storeu_si256((__m256i *)(void *)integers, both);
}

static UM_ALWAYS_INLINE void store_wide(__m512i low, __m512i high, uint8_t *integers) {
    _mm256_storeu_si256((__m256i *)(void *)integers, _mm512_cvtepi32_epi16(low));
    _mm256_storeu_si256((__m256i *)(void *)(integers + 32), _mm512_cvtepi32_epi16(high));
}

/* Blocks first .. first + count - 1 of a row, at most BATCH. */
static UM_ALWAYS_INLINE void pack_batch(um_pack_kind kind, const um_packed_rows *packed,
                                        um_tile_place place, const float *x, size_t first,
                                        size_t count) {
    uint32_t largest[BATCH] = {0};
    float scales[BATCH];
    float inverses[BATCH];
    for (size_t i = 0; i < count; i++) {
        const size_t element = (first + i) * UM_PACK_BLOCK;
        largest[i] = largest_bits(load_block(x + element, packed->k - element));
    }
    const __mmask16 finite =
        compute_scales(largest, kind == UM_PACK_NARROW ? 127.0f : 8191.0f, scales, inverses);
    for (size_t i = 0; i < count; i++) {
        const size_t element = (first + i) * UM_PACK_BLOCK;
        const block_values values = load_block(x + element, packed->k - element);
        const __m512 inverse = _mm512_set1_ps(inverses[i]);
        const __mmask16 kept = finite >> i & 1 ? 0xFFFF : 0;
        const __m512i low = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(values.low, inverse));
        const __m512i high = _mm512_maskz_cvtps_epi32(kept, _mm512_mul_ps(values.high, inverse));
        uint8_t *integers = place.integers + (first + i) * place.rows * place.row_bytes;
        const size_t at = place.scale + (first + i) * place.rows;
        packed->scales[at] = scales[i];
        if (kind == UM_PACK_NARROW) {
            store_narrow(low, high, integers);
            const int32_t late = _mm512_reduce_add_epi32(high);
            const int32_t sum = _mm512_reduce_add_epi32(low) + late;
            packed->scaled_sums[at] = scales[i] * (float)sum;
            packed->sums[at] = -UM_AVX512_PANEL_OFFSET * sum;
            packed->late_sums[at] = -UM_AVX512_PANEL_OFFSET * late;
        } else {
            store_wide(low, high, integers);
        }
    }
}

static UM_ALWAYS_INLINE void pack(um_pack_kind kind, um_pack_part part, const float *x,
                                  size_t x_stride, const um_packed_rows *packed) {
    for (size_t row = 0; row < part.row_count; row++) {
        const um_tile_place place = um_tile_locate(packed, part.first_row + row);
        const float *values = x + row * x_stride;
        for (size_t i = 0; i < part.block_count; i += BATCH) {
            const size_t rest = part.block_count - i;
            pack_batch(kind, packed, place, values, part.first_block + i,
                       rest < BATCH ? rest : BATCH);
        }
    }
}

void um_avx512_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                         const um_packed_rows *packed) {
    if (packed->kind == UM_PACK_NARROW) {
        pack(UM_PACK_NARROW, part, x, x_stride, packed);
    } else {
        pack(UM_PACK_WIDE, part, x, x_stride, packed);
    }
}
