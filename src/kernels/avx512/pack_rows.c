/* Activations to integers, in tiles of UM_TILE_ROWS rows: block after block, and in a block the
 * 32 integers of each row.  Narrow integers are stored as q + 128 (see panel.h). */
#include <string.h>

#include "kernels/avx512/tile.h"

typedef struct block_scales {
    float scale;
    float inverse;
} block_scales;

/* NaN in a block makes its scale NaN: magnitudes are compared as integers. */
static block_scales scales_of(__m512 low, __m512 high, float limit) {
    const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
    const __m512i most = _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                          _mm512_and_si512(_mm512_castps_si512(high), magnitude));
    const uint32_t bits = _mm512_reduce_max_epu32(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    if (largest < UM_PACK_SMALLEST) {
        return (block_scales){0, 0};
    }
    return (block_scales){largest / limit, limit / largest};
}

static void pack_narrow(__m512 low, __m512 high, uint8_t *integers, float *scale, float *sum) {
    const block_scales scales = scales_of(low, high, 127.0f);
    const __m512 inverse = _mm512_set1_ps(scales.inverse);
    const __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    const __m128i offset = _mm_set1_epi8((char)0x80);
    _mm_storeu_si128((__m128i *)(void *)integers, _mm_xor_si128(_mm512_cvtepi32_epi8(a), offset));
    _mm_storeu_si128((__m128i *)(void *)(integers + 16),
                     _mm_xor_si128(_mm512_cvtepi32_epi8(b), offset));
    *scale = scales.scale;
    *sum = scales.scale * (float)_mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}

static void pack_wide(__m512 low, __m512 high, uint8_t *integers, float *scale) {
    const block_scales scales = scales_of(low, high, 8191.0f);
    const __m512 inverse = _mm512_set1_ps(scales.inverse);
    const __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    _mm256_storeu_si256((__m256i *)(void *)integers, _mm512_cvtepi32_epi16(a));
    _mm256_storeu_si256((__m256i *)(void *)(integers + 32), _mm512_cvtepi32_epi16(b));
    *scale = scales.scale;
}

void um_avx512_pack_rows(size_t first, size_t count, const float *x, size_t x_stride,
                         const um_packed_rows *packed) {
    for (size_t row = first; row < first + count; row++) {
        const um_tile_place place = um_tile_locate(packed, row);
        const size_t blocks = um_pack_blocks(packed->k);
        for (size_t block = 0; block < blocks; block++) {
            const float *values = x + (row - first) * x_stride + block * UM_PACK_BLOCK;
            const size_t rest = packed->k - block * UM_PACK_BLOCK;
            const __m512 low = _mm512_maskz_loadu_ps(um_avx512_mask(rest < 16 ? rest : 16), values);
            const size_t upper = rest < 16 ? 0 : (rest < 32 ? rest - 16 : 16);
            const __m512 high = upper ? _mm512_maskz_loadu_ps(um_avx512_mask(upper), values + 16)
                                      : _mm512_setzero_ps();
            const size_t at = place.scale + block * place.rows;
            uint8_t *integers = place.integers + block * place.rows * place.row_bytes;
            if (packed->kind == UM_PACK_NARROW) {
                pack_narrow(low, high, integers, packed->scales + at, packed->sums + at);
            } else {
                pack_wide(low, high, integers, packed->scales + at);
            }
        }
    }
}
