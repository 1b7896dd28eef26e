/* A panel: some columns of the result (rows of the weights) and a stretch of their elements,
 * unpacked to integers and transposed so that a vector holds one group of elements of 16 columns,
 * as the dot-product instructions need it.  It stays in the first-level cache while all rows of
 * activations are multiplied by it. */
#ifndef UM_KERNELS_AVX512_PANEL_H
#define UM_KERNELS_AVX512_PANEL_H

#include "kernels/avx512/avx512.h"

#define UM_AVX512_PANEL_COLUMNS 32
#define UM_AVX512_PANEL_HALVES 2 /* vectors of 16 columns */
#define UM_AVX512_PANEL_BYTES 16384
/* Blocks of 32 elements that fit: of bytes, and of 16-bit integers. */
#define UM_AVX512_PANEL_NARROW_BLOCKS 16
#define UM_AVX512_PANEL_WIDE_BLOCKS 8

typedef struct um_avx512_panel {
    /* [block][group][half]: lane c of a vector is a group of consecutive elements of column c: four
     * unsigned bytes (8 groups a block), which are qw + UM_AVX512_PANEL_OFFSET (just qw for types
     * with a minimum), or two 16-bit integers (16 groups a block). */
    _Alignas(64) uint8_t weights[UM_AVX512_PANEL_BYTES];
    /* [sub-block][half] of 16 columns: one sub-block a block, or two for Q6_K. */
    _Alignas(64) float scales[2 * UM_AVX512_PANEL_NARROW_BLOCKS][UM_AVX512_PANEL_HALVES][16];
    _Alignas(64) float minimums[UM_AVX512_PANEL_NARROW_BLOCKS][UM_AVX512_PANEL_HALVES][16];
} um_avx512_panel;

/* 32 rows of weights, or their rest from some element on. */
typedef struct um_avx512_source {
    const uint8_t *rows; /* the first one */
    size_t stride;       /* bytes between rows */
    size_t k;            /* elements of each */
} um_avx512_source;

/* Half `half` of a source: 16 columns. */
typedef struct um_avx512_columns {
    const uint8_t *quarters[4]; /* columns 0, 4, 8, 12 */
    size_t stride;
} um_avx512_columns;

static UM_ALWAYS_INLINE um_avx512_columns um_avx512_panel_half(const um_avx512_source *source,
                                                               size_t half) {
    const uint8_t *rows = source->rows + half * 16 * source->stride;
    const size_t quarter = 4 * source->stride;
    return (um_avx512_columns){{rows, rows + quarter, rows + 2 * quarter, rows + 3 * quarter},
                               source->stride};
}

static UM_ALWAYS_INLINE const uint8_t *um_avx512_panel_at(const um_avx512_columns *columns,
                                                          size_t column, size_t offset) {
    return columns->quarters[column / 4] + column % 4 * columns->stride + offset;
}

/* Added to the weights of narrow types in a panel (except those of types with a minimum, which are
 * never negative): the dot-product instruction multiplies unsigned by signed bytes, and the
 * activations are the signed ones.  The packed sums are stored times -UM_AVX512_PANEL_OFFSET, so
 * that integer sums that start from them undo the offset. */
#define UM_AVX512_PANEL_OFFSET 128

/* Unpack the first `count` elements of every column: as many as a panel holds, or all if there are
 * fewer. */
void um_avx512_panel_unpack(um_dtype dtype, const um_avx512_source *source, size_t count,
                            um_avx512_panel *panel);

/* The same for half `half` of the panel; there is one file for each family of formats. */
void um_avx512_panel_unpack_q8_0(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel);
void um_avx512_panel_unpack_q4_0(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel);
void um_avx512_panel_unpack_k(um_dtype dtype, const um_avx512_source *source, size_t half,
                              size_t count, um_avx512_panel *panel);
void um_avx512_panel_unpack_q6_k(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel);
void um_avx512_panel_unpack_wide(um_dtype dtype, const um_avx512_source *source, size_t half,
                                 size_t count, um_avx512_panel *panel);

/* ---- For the files that unpack ------------------------------------------- */

static UM_ALWAYS_INLINE __m128i um_avx512_panel_load_16(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

static UM_ALWAYS_INLINE __m256i um_avx512_panel_load_32(const uint8_t *bytes) {
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* Transpose 4 by 4 words of 32 bits within each quarter. */
static UM_ALWAYS_INLINE void um_avx512_panel_turn_quarters(const __m512i rows[4], __m512i out[4]) {
    const __m512i low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
    const __m512i high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* Lane c of out[e] is the e-th group of four of the 16 bytes at `offset` of column c. */
static UM_ALWAYS_INLINE void um_avx512_panel_turn(const um_avx512_columns *columns, size_t offset,
                                                  __m512i out[4]) {
    __m512i rows[4]; /* of columns r, r + 4, r + 8 and r + 12, a quarter each */
    for (size_t r = 0; r < 4; r++) {
        const __m256i low = _mm256_inserti128_si256(
            _mm256_castsi128_si256(um_avx512_panel_load_16(um_avx512_panel_at(columns, r, offset))),
            um_avx512_panel_load_16(um_avx512_panel_at(columns, r + 4, offset)), 1);
        const __m256i high = _mm256_inserti128_si256(
            _mm256_castsi128_si256(
                um_avx512_panel_load_16(um_avx512_panel_at(columns, r + 8, offset))),
            um_avx512_panel_load_16(um_avx512_panel_at(columns, r + 12, offset)), 1);
        rows[r] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    um_avx512_panel_turn_quarters(rows, out);
}

/* The same for 32 bytes, with fewer steps than two of 16. */
static UM_ALWAYS_INLINE void um_avx512_panel_turn_32(const um_avx512_columns *columns,
                                                     size_t offset, __m512i out[8]) {
    __m512i rows[8]; /* of columns r and r + 8, a half each */
    for (size_t r = 0; r < 8; r++) {
        rows[r] = _mm512_inserti64x4(
            _mm512_castsi256_si512(um_avx512_panel_load_32(um_avx512_panel_at(columns, r, offset))),
            um_avx512_panel_load_32(um_avx512_panel_at(columns, r + 8, offset)), 1);
    }
    /* first[e]: words e and e + 4 of columns 0 to 3, then of 8 to 11; second[e]: the same of 4 to
     * 7, then of 12 to 15. */
    __m512i first[4];
    __m512i second[4];
    um_avx512_panel_turn_quarters(rows, first);
    um_avx512_panel_turn_quarters(rows + 4, second);
    const __m512i lower = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i upper = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    for (size_t e = 0; e < 4; e++) {
        out[e] = _mm512_permutex2var_epi64(first[e], lower, second[e]);
        out[e + 4] = _mm512_permutex2var_epi64(first[e], upper, second[e]);
    }
}

/* Store a vector of weights; `groups` is 8 or 16 a block. */
static UM_ALWAYS_INLINE void um_avx512_panel_store(um_avx512_panel *panel, size_t groups,
                                                   size_t block, size_t group, size_t half,
                                                   __m512i value) {
    const size_t at = (block * groups + group) * UM_AVX512_PANEL_HALVES + half;
    _mm512_store_si512(panel->weights + at * 64, value);
}

/* The f16 numbers at `offset` of each column. */
static UM_ALWAYS_INLINE __m512 um_avx512_panel_halfs(const um_avx512_columns *columns,
                                                     size_t offset) {
    /* Assembled in general registers, which are idle: a vector load of values just stored piece by
     * piece would have to wait for the stores. */
    uint64_t words[4];
    for (size_t i = 0; i < 4; i++) {
        uint16_t bits[4];
        for (size_t j = 0; j < 4; j++) {
            memcpy(&bits[j], um_avx512_panel_at(columns, 4 * i + j, offset), sizeof bits[j]);
        }
        words[i] = (uint64_t)((uint32_t)bits[0] | (uint32_t)bits[1] << 16) |
                   (uint64_t)((uint32_t)bits[2] | (uint32_t)bits[3] << 16) << 32;
    }
    return _mm512_cvtph_ps(_mm256_set_epi64x((int64_t)words[3], (int64_t)words[2],
                                             (int64_t)words[1], (int64_t)words[0]));
}

#endif
