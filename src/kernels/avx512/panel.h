/* A panel: some columns of the result (rows of the weights) and a stretch of their elements,
 * unpacked to integers and turned so that a vector holds one group of elements of 16 columns, which
 * is what the dot-product instructions want.  It stays in the first-level cache while all rows of
 * activations pass by. */
#ifndef UM_KERNELS_AVX512_PANEL_H
#define UM_KERNELS_AVX512_PANEL_H

#include "kernels/avx512/avx512.h"

#define UM_PANEL_COLUMNS 32
#define UM_PANEL_HALVES 2 /* vectors of 16 columns */
#define UM_PANEL_BYTES 16384
/* Blocks of 32 elements that fit: of bytes, and of 16-bit integers. */
#define UM_PANEL_NARROW_BLOCKS 16
#define UM_PANEL_WIDE_BLOCKS 8

typedef struct um_panel {
    /* [block][group][half]: lane c of a vector is a group of consecutive elements of column c, four
     * signed bytes (8 groups a block) or two 16-bit integers (16 groups a block). */
    _Alignas(64) uint8_t weights[UM_PANEL_BYTES];
    /* [sub-block][half] of 16 columns: one sub-block a block, or two for Q6_K. */
    _Alignas(64) float scales[2 * UM_PANEL_NARROW_BLOCKS][UM_PANEL_HALVES][16];
    /* Narrow only, by sub-block: what the integer sum starts from.  The instruction multiplies
     * unsigned by signed bytes, so activations are packed as q + 128 and -128 sum qw undoes it. */
    _Alignas(64) int32_t starts[2 * UM_PANEL_NARROW_BLOCKS][UM_PANEL_HALVES][16];
    _Alignas(64) float minimums[UM_PANEL_NARROW_BLOCKS][UM_PANEL_HALVES][16];
} um_panel;

/* Rows of weights at `row_bytes` from each other; a column beyond the last repeats it. */
typedef struct um_panel_source {
    const uint8_t *rows[UM_PANEL_COLUMNS];
    size_t k;
} um_panel_source;

/* Unpack elements first .. first + count - 1 of every column; `first` is a multiple of the stretch
 * that the panel holds. */
void um_panel_unpack(um_dtype dtype, const um_panel_source *source, size_t first, size_t count,
                     um_panel *panel);

/* One file a family of formats: half `half` of the panel, `count` elements from `first` on. */
void um_panel_unpack_q8_0(const um_panel_source *source, size_t half, size_t first, size_t count,
                          um_panel *panel);
void um_panel_unpack_q4_0(const um_panel_source *source, size_t half, size_t first, size_t count,
                          um_panel *panel);
void um_panel_unpack_k(um_dtype dtype, const um_panel_source *source, size_t half, size_t first,
                       size_t count, um_panel *panel);
void um_panel_unpack_q6_k(const um_panel_source *source, size_t half, size_t first, size_t count,
                          um_panel *panel);
void um_panel_unpack_wide(um_dtype dtype, const um_panel_source *source, size_t half, size_t first,
                          size_t count, um_panel *panel);

/* ---- For the files that unpack ------------------------------------------- */

static UM_ALWAYS_INLINE __m128i um_panel_load_16(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

static UM_ALWAYS_INLINE __m256i um_panel_load_32(const uint8_t *bytes) {
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* Turn 4 by 4 words of 32 bits within each quarter. */
static UM_ALWAYS_INLINE void um_panel_turn_quarters(const __m512i rows[4], __m512i out[4]) {
    const __m512i low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
    const __m512i high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* out[e] has in lane c the e-th four bytes of the 16 at columns[c] + offset. */
static UM_ALWAYS_INLINE void um_panel_turn(const uint8_t *const *columns, size_t offset,
                                           __m512i out[4]) {
    __m512i rows[4]; /* of columns r, r + 4, r + 8 and r + 12, a quarter each */
    for (size_t r = 0; r < 4; r++) {
        const __m256i low =
            _mm256_inserti128_si256(_mm256_castsi128_si256(um_panel_load_16(columns[r] + offset)),
                                    um_panel_load_16(columns[r + 4] + offset), 1);
        const __m256i high = _mm256_inserti128_si256(
            _mm256_castsi128_si256(um_panel_load_16(columns[r + 8] + offset)),
            um_panel_load_16(columns[r + 12] + offset), 1);
        rows[r] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    um_panel_turn_quarters(rows, out);
}

/* The same for 32 bytes, with fewer steps than two of 16. */
static UM_ALWAYS_INLINE void um_panel_turn_32(const uint8_t *const *columns, size_t offset,
                                              __m512i out[8]) {
    __m512i rows[8]; /* of columns r and r + 8, a half each */
    for (size_t r = 0; r < 8; r++) {
        rows[r] = _mm512_inserti64x4(_mm512_castsi256_si512(um_panel_load_32(columns[r] + offset)),
                                     um_panel_load_32(columns[r + 8] + offset), 1);
    }
    /* first[e]: words e and e + 4 of columns 0 to 3, then of 8 to 11; second[e]: of 4 to 7, 12
     * to 15. */
    __m512i first[4];
    __m512i second[4];
    um_panel_turn_quarters(rows, first);
    um_panel_turn_quarters(rows + 4, second);
    const __m512i lower = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i upper = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    for (size_t e = 0; e < 4; e++) {
        out[e] = _mm512_permutex2var_epi64(first[e], lower, second[e]);
        out[e + 4] = _mm512_permutex2var_epi64(first[e], upper, second[e]);
    }
}

/* Store a vector of weights; `groups` is 8 or 16 a block. */
static UM_ALWAYS_INLINE void um_panel_store(um_panel *panel, size_t groups, size_t block,
                                            size_t group, size_t half, __m512i value) {
    const size_t at = (block * groups + group) * UM_PANEL_HALVES + half;
    _mm512_store_si512(panel->weights + at * 64, value);
}

/* 128 sum of the signed bytes in each lane, added to `sum`. */
static UM_ALWAYS_INLINE __m512i um_panel_sum(__m512i sum, __m512i value) {
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi8((char)0x80), value);
}

static UM_ALWAYS_INLINE void um_panel_store_start(um_panel *panel, size_t sub_block, size_t half,
                                                  __m512i sum) {
    _mm512_store_si512(panel->starts[sub_block][half],
                       _mm512_sub_epi32(_mm512_setzero_si512(), sum));
}

/* The f16 numbers at columns[c] + offset. */
static UM_ALWAYS_INLINE __m512 um_panel_halfs(const uint8_t *const *columns, size_t offset) {
    /* Put together in general registers, which are idle: a vector load of what was just stored
     * piece by piece would have to wait for the stores. */
    uint64_t words[4];
    for (size_t i = 0; i < 4; i++) {
        uint16_t bits[4];
        for (size_t j = 0; j < 4; j++) {
            memcpy(&bits[j], columns[4 * i + j] + offset, sizeof bits[j]);
        }
        words[i] = (uint64_t)((uint32_t)bits[0] | (uint32_t)bits[1] << 16) |
                   (uint64_t)((uint32_t)bits[2] | (uint32_t)bits[3] << 16) << 32;
    }
    return _mm512_cvtph_ps(_mm256_set_epi64x((int64_t)words[3], (int64_t)words[2],
                                             (int64_t)words[1], (int64_t)words[0]));
}

#endif
