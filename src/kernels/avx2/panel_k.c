/* Q4_K, Q5_K and Q6_K: super-blocks of 256 elements with integer scales for parts of them. */
#include "kernels/avx2/panel_turn.h"

#define SUPER 256
#define GROUPS 8 /* of four elements in a block of 32 */

/* ---- Q4_K, Q5_K -------------------------------------------------------------- */

/* factor times the unsigned byte `byte` of each lane. */
static UM_ALWAYS_INLINE __m256 scaled_byte(__m256i lanes, size_t byte, __m256 factor) {
    const __m256i shifted = _mm256_srl_epi32(lanes, _mm_cvtsi32_si128((int)byte * 8));
    const __m256i value = _mm256_and_si256(shifted, _mm256_set1_epi32(255));
    return _mm256_mul_ps(factor, _mm256_cvtepi32_ps(value));
}

/* The f16 number in the low half of each lane. */
static UM_ALWAYS_INLINE __m256 halfs_of(__m256i lanes) {
    const __m256i low = _mm256_and_si256(lanes, _mm256_set1_epi32(0xFFFF));
    const __m256i mixed = _mm256_packus_epi32(low, low); /* quarters 0, 0, 1, 1 */
    return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(mixed, 0x08)));
}

/* Scales and minimums of the eight sub-blocks, from `block` of the panel on.  A super-block begins
 * with d and m.  Then come four bytes each: the first four six-bit scales, the first four minimums,
 * and the low nibbles of the other scales and minimums, whose two high bits are the top bits of the
 * bytes of the first four. */
static UM_ALWAYS_INLINE void store_scales(const um_avx2_columns *columns, size_t at, size_t block,
                                          um_avx2_panel *panel) {
    __m256i words[4];
    um_avx2_turn_16(columns, at, words);
    const __m256 d = halfs_of(words[0]);
    const __m256 m = halfs_of(_mm256_srli_epi32(words[0], 16));
    const __m256i six = _mm256_set1_epi8(63);
    const __m256i four = _mm256_set1_epi8(15);
    const __m256i top = _mm256_set1_epi8(0x30);
    const __m256i scales[2] = {
        _mm256_and_si256(words[1], six),
        _mm256_or_si256(_mm256_and_si256(words[3], four),
                        _mm256_and_si256(_mm256_srli_epi32(words[1], 2), top))};
    const __m256i minimums[2] = {
        _mm256_and_si256(words[2], six),
        _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(words[3], 4), four),
                        _mm256_and_si256(_mm256_srli_epi32(words[2], 2), top))};
    for (size_t sub = 0; sub < 8; sub++) {
        _mm256_store_ps(panel->scales[block + sub], scaled_byte(scales[sub / 4], sub % 4, d));
        _mm256_store_ps(panel->minimums[block + sub], scaled_byte(minimums[sub / 4], sub % 4, m));
    }
}

/* Sub-blocks 2 pair and 2 pair + 1, whose quants share 32 bytes at `low`; `fifth` holds the turned
 * fifth bits, or is NULL. */
static UM_ALWAYS_INLINE void unpack_pair(const um_avx2_columns *columns, size_t low, size_t pair,
                                         const __m256i *fifth, size_t block, um_avx2_panel *panel) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i sixteen = _mm256_set1_epi8(16);
    __m256i bytes[GROUPS];
    um_avx2_turn_32(columns, low, bytes);
    for (size_t g = 0; g < GROUPS; g++) {
        for (size_t odd = 0; odd < 2; odd++) {
            __m256i q = odd ? _mm256_srli_epi16(bytes[g], 4) : bytes[g];
            q = _mm256_and_si256(q, nibble);
            if (fifth) {
                const __m256i bit = _mm256_set1_epi8((char)(1 << (2 * pair + odd)));
                const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(fifth[g], bit), bit);
                q = _mm256_or_si256(q, _mm256_and_si256(set, sixteen));
            }
            um_avx2_panel_store(panel, block + 2 * pair + odd, g, q);
        }
    }
}

static UM_ALWAYS_INLINE void unpack_super(bool has_fifth, const um_avx2_columns *columns, size_t at,
                                          size_t block, um_avx2_panel *panel) {
    const size_t low = at + (has_fifth ? 48 : 16);
    __m256i fifth[GROUPS];
    if (has_fifth) {
        um_avx2_turn_32(columns, at + 16, fifth);
    }
    store_scales(columns, at, block, panel);
    for (size_t pair = 0; pair < 4; pair++) {
        unpack_pair(columns, low + pair * 32, pair, has_fifth ? fifth : NULL, block, panel);
    }
}

void um_avx2_panel_unpack_k(um_dtype dtype, const um_avx2_columns *columns, size_t count,
                            um_avx2_panel *panel) {
    const size_t size = um_dtype_size(dtype);
    for (size_t i = 0; i < count / SUPER; i++) {
        if (dtype == UM_DTYPE_Q5_K) {
            unpack_super(true, columns, i * size, i * 8, panel);
        } else {
            unpack_super(false, columns, i * size, i * 8, panel);
        }
    }
}

/* ---- Q6_K ----------------------------------------------------------------------- */

static UM_ALWAYS_INLINE void store_q6_scales(const um_avx2_columns *columns, size_t at,
                                             size_t sub_block, um_avx2_panel *panel) {
    const __m256 d = um_avx2_halfs_at(columns, at + 208);
    __m256i turned[4];
    um_avx2_turn_16(columns, at + 192, turned);
    for (size_t sub = 0; sub < 16; sub++) {
        /* Byte sub % 4 of each lane, with its sign. */
        const __m256i up = _mm256_slli_epi32(turned[sub / 4], (int)(24 - sub % 4 * 8));
        const __m256 a = _mm256_cvtepi32_ps(_mm256_srai_epi32(up, 24));
        _mm256_store_ps(panel->scales[sub_block + sub], _mm256_mul_ps(d, a));
    }
}

/* Elements 32 r .. 32 r + 31 of a half super-block: one block with two sub-blocks. */
static UM_ALWAYS_INLINE void unpack_q6_block(const __m256i *low, const __m256i *high, size_t r,
                                             size_t block, um_avx2_panel *panel) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i upper = _mm256_set1_epi8(0x30);
    for (size_t g = 0; g < GROUPS; g++) {
        const __m256i l = low[r % 2 * GROUPS + g];
        const __m256i q = _mm256_and_si256(r < 2 ? l : _mm256_srli_epi16(l, 4), nibble);
        /* Move the two high bits to bits 4 and 5. */
        const __m256i h = r < 2 ? _mm256_slli_epi16(high[g], r == 0 ? 4 : 2)
                                : (r == 2 ? high[g] : _mm256_srli_epi16(high[g], 2));
        um_avx2_panel_store(panel, block, g, _mm256_or_si256(q, _mm256_and_si256(h, upper)));
    }
}

void um_avx2_panel_unpack_q6_k(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q6_K);
    for (size_t i = 0; i < count / SUPER; i++) {
        const size_t at = i * size;
        store_q6_scales(columns, at, i * 16, panel);
        for (size_t part = 0; part < 2; part++) {
            __m256i low[2 * GROUPS];
            __m256i high[GROUPS];
            um_avx2_turn_32(columns, at + part * 64, low);
            um_avx2_turn_32(columns, at + part * 64 + 32, low + GROUPS);
            um_avx2_turn_32(columns, at + 128 + part * 32, high);
            for (size_t r = 0; r < 4; r++) {
                unpack_q6_block(low, high, r, i * 8 + part * 4 + r, panel);
            }
        }
    }
}
