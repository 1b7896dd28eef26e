/* Activations to integers, in the layout of kernels/tile.h. */
#include <math.h>
#include <string.h>

#include "kernels/avx2/avx2.h"
#include "kernels/tile.h"

#define VECTORS (UM_PACK_BLOCK / UM_LANES) /* in a block */

/* The values of a block, with zeros after the last of the row. */
static void load_block(const float *x, size_t rest, __m256 values[VECTORS]) {
    for (size_t i = 0; i < VECTORS; i++) {
        const size_t left = rest > i * UM_LANES ? rest - i * UM_LANES : 0;
        values[i] = left > 0 ? um_avx2_load(x + i * UM_LANES, left) : _mm256_setzero_ps();
    }
}

static int32_t sum_of(__m256i lanes) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}

/* 16 integers of 16 bits from two vectors of eight of 32 bits. */
static __m256i words_of(__m256i a, __m256i b) {
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
}

static void store_narrow(const __m256i q[VECTORS], uint8_t *integers) {
    const __m256i bytes =
        _mm256_packs_epi16(words_of(q[0], q[1]), words_of(q[2], q[3])); /* quarters 0 2 1 3 */
    _mm256_storeu_si256((__m256i *)(void *)integers, _mm256_permute4x64_epi64(bytes, 0xD8));
}

static void store_wide(const __m256i q[VECTORS], uint8_t *integers) {
    _mm256_storeu_si256((__m256i *)(void *)integers, words_of(q[0], q[1]));
    _mm256_storeu_si256((__m256i *)(void *)(integers + 32), words_of(q[2], q[3]));
}

static void pack_block(const um_packed_rows *packed, const __m256 values[VECTORS],
                       uint8_t *integers, size_t at) {
    const bool narrow = packed->kind == UM_PACK_NARROW;
    const float limit = narrow ? 127.0f : 8191.0f;
    const float largest = um_float_of_bits(um_avx2_largest_magnitude(values));
    const bool used = !(largest < UM_PACK_SMALLEST);
    const __m256 inverse = _mm256_set1_ps(used ? limit / largest : 0);
    __m256i q[VECTORS];
    for (size_t i = 0; i < VECTORS; i++) {
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(values[i], inverse));
    }
    if (!isfinite(largest)) { /* q may hold the lowest integers, whose sums would overflow */
        memset(q, 0, sizeof q);
    }
    packed->scales[at] = used ? largest / limit : 0;
    if (narrow) {
        store_narrow(q, integers);
        packed->late_sums[at] = sum_of(_mm256_add_epi32(q[2], q[3]));
        packed->sums[at] = sum_of(_mm256_add_epi32(q[0], q[1])) + packed->late_sums[at];
        packed->scaled_sums[at] = packed->scales[at] * (float)packed->sums[at];
    } else {
        store_wide(q, integers);
    }
}

void um_avx2_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                       const um_packed_rows *packed) {
    for (size_t row = 0; row < part.row_count; row++) {
        const um_tile_place place = um_tile_locate(packed, part.first_row + row);
        const float *values = x + row * x_stride;
        for (size_t i = 0; i < part.block_count; i++) {
            const size_t block = part.first_block + i;
            const size_t element = block * UM_PACK_BLOCK;
            __m256 loaded[VECTORS];
            load_block(values + element, packed->k - element, loaded);
            pack_block(packed, loaded, place.integers + block * place.rows * place.row_bytes,
                       place.scale + block * place.rows);
        }
    }
}
