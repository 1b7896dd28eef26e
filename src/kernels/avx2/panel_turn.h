/* For the files that unpack panels: eight rows of weights side by side. */
#ifndef UM_KERNELS_AVX2_PANEL_TURN_H
#define UM_KERNELS_AVX2_PANEL_TURN_H

#include "kernels/avx2/panel.h"

/* Where each column's weights begin. */
typedef struct um_avx2_columns {
    const uint8_t *rows[UM_AVX2_PANEL_COLUMNS];
} um_avx2_columns;

/* Unpack `count` elements of every column, from panel block 0 on. */
void um_avx2_panel_unpack_q8_0(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel);
void um_avx2_panel_unpack_q4_0(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel);
void um_avx2_panel_unpack_k(um_dtype dtype, const um_avx2_columns *columns, size_t count,
                            um_avx2_panel *panel);
void um_avx2_panel_unpack_q6_k(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel);

/* Transpose 4 by 4 words of 32 bits within each half. */
static UM_ALWAYS_INLINE void um_avx2_turn_halves(const __m256i rows[4], __m256i out[4]) {
    const __m256i low01 = _mm256_unpacklo_epi32(rows[0], rows[1]);
    const __m256i low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
    const __m256i high01 = _mm256_unpackhi_epi32(rows[0], rows[1]);
    const __m256i high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
    out[0] = _mm256_unpacklo_epi64(low01, low23);
    out[1] = _mm256_unpackhi_epi64(low01, low23);
    out[2] = _mm256_unpacklo_epi64(high01, high23);
    out[3] = _mm256_unpackhi_epi64(high01, high23);
}

/* Lane c of out[e] is the e-th four bytes of the 16 at `offset` of column c. */
static UM_ALWAYS_INLINE void um_avx2_turn_16(const um_avx2_columns *columns, size_t offset,
                                             __m256i out[4]) {
    __m256i rows[4]; /* of columns r and r + 4, a half each */
    for (size_t r = 0; r < 4; r++) {
        rows[r] = _mm256_inserti128_si256(
            _mm256_castsi128_si256(
                _mm_loadu_si128((const __m128i *)(const void *)(columns->rows[r] + offset))),
            _mm_loadu_si128((const __m128i *)(const void *)(columns->rows[r + 4] + offset)), 1);
    }
    um_avx2_turn_halves(rows, out);
}

/* The same for 32 bytes. */
static UM_ALWAYS_INLINE void um_avx2_turn_32(const um_avx2_columns *columns, size_t offset,
                                             __m256i out[8]) {
    um_avx2_turn_16(columns, offset, out);
    um_avx2_turn_16(columns, offset + 16, out + 4);
}

/* The f16 numbers at `offset` of each column. */
static UM_ALWAYS_INLINE __m256 um_avx2_halfs_at(const um_avx2_columns *columns, size_t offset) {
    /* Assembled in general registers, which are idle: a vector load of values just stored piece by
     * piece would have to wait for the stores. */
    uint64_t words[2];
    for (size_t i = 0; i < 2; i++) {
        uint16_t bits[4];
        for (size_t j = 0; j < 4; j++) {
            memcpy(&bits[j], columns->rows[4 * i + j] + offset, sizeof bits[j]);
        }
        words[i] = (uint64_t)((uint32_t)bits[0] | (uint32_t)bits[1] << 16) |
                   (uint64_t)((uint32_t)bits[2] | (uint32_t)bits[3] << 16) << 32;
    }
    return _mm256_cvtph_ps(_mm_set_epi64x((int64_t)words[1], (int64_t)words[0]));
}

/* Store group `group` of four bytes of a block. */
static UM_ALWAYS_INLINE void um_avx2_panel_store(um_avx2_panel *panel, size_t block, size_t group,
                                                 __m256i value) {
    _mm256_store_si256((__m256i *)(void *)(panel->weights + block * 256 + group * 32), value);
}

#endif
