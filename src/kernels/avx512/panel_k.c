/* Q4_K, Q5_K and Q6_K: super-blocks of 256 elements with integer scales for parts of them. */
#include "kernels/avx512/panel.h"

#define SUPER 256
#define GROUPS 8 /* of four elements in a block of 32 */

/* ---- Q4_K, Q5_K -------------------------------------------------------------- */

/* factor times the unsigned byte `byte` of each lane. */
static UM_ALWAYS_INLINE __m512 scaled_byte(__m512i lanes, size_t byte, __m512 factor) {
    const __m512i shifted = _mm512_srl_epi32(lanes, _mm_cvtsi32_si128((int)byte * 8));
    const __m512i value = _mm512_and_si512(shifted, _mm512_set1_epi32(255));
    return _mm512_mul_ps(factor, _mm512_cvtepi32_ps(value));
}

static UM_ALWAYS_INLINE __m512 halfs_of(__m512i lanes) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes));
}

/* Scales and minimums of the eight sub-blocks, from `block` of the panel on.  A super-block begins
 * with d and m.  Then come four bytes each: the first four six-bit scales, the first four minimums,
 * and the low nibbles of the other scales and minimums, whose two high bits are the top bits of the
 * bytes of the first four. */
static void store_scales(const um_avx512_columns *columns, size_t at, size_t block, size_t half,
                         um_avx512_panel *panel) {
    __m512i words[4];
    um_avx512_panel_turn(columns, at, words);
    const __m512 d = halfs_of(words[0]);
    const __m512 m = halfs_of(_mm512_srli_epi32(words[0], 16));
    const __m512i six = _mm512_set1_epi8(63);
    const __m512i four = _mm512_set1_epi8(15);
    const __m512i top = _mm512_set1_epi8(0x30);
    const __m512i scales[2] = {
        _mm512_and_si512(words[1], six),
        _mm512_or_si512(_mm512_and_si512(words[3], four),
                        _mm512_and_si512(_mm512_srli_epi32(words[1], 2), top))};
    const __m512i minimums[2] = {
        _mm512_and_si512(words[2], six),
        _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(words[3], 4), four),
                        _mm512_and_si512(_mm512_srli_epi32(words[2], 2), top))};
    for (size_t sub = 0; sub < 8; sub++) {
        _mm512_store_ps(panel->scales[block + sub][half], scaled_byte(scales[sub / 4], sub % 4, d));
        _mm512_store_ps(panel->minimums[block + sub][half],
                        scaled_byte(minimums[sub / 4], sub % 4, m));
    }
}

/* Sub-blocks 2 pair and 2 pair + 1, whose quants share 32 bytes at `low`; `fifth` holds the
 * transposed fifth bits, or is NULL. */
static UM_ALWAYS_INLINE void unpack_pair(const um_avx512_columns *columns, size_t low, size_t pair,
                                         const __m512i *fifth, size_t block, size_t half,
                                         um_avx512_panel *panel) {
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i sixteen = _mm512_set1_epi8(16);
    __m512i bytes[GROUPS];
    um_avx512_panel_turn_32(columns, low, bytes);
    for (size_t g = 0; g < GROUPS; g++) {
        for (size_t odd = 0; odd < 2; odd++) {
            __m512i q = odd ? _mm512_srli_epi16(bytes[g], 4) : bytes[g];
            q = _mm512_and_si512(q, nibble);
            if (fifth) {
                const __m512i bit = _mm512_set1_epi8((char)(1 << (2 * pair + odd)));
                q = _mm512_mask_add_epi8(q, _mm512_test_epi8_mask(fifth[g], bit), q, sixteen);
            }
            um_avx512_panel_store(panel, GROUPS, block + 2 * pair + odd, g, half, q);
        }
    }
}

void um_avx512_panel_unpack_k(um_dtype dtype, const um_avx512_source *source, size_t half,
                              size_t count, um_avx512_panel *panel) {
    const size_t size = um_dtype_size(dtype);
    const um_avx512_columns columns = um_avx512_panel_half(source, half);
    const bool has_fifth = dtype == UM_DTYPE_Q5_K;
    for (size_t i = 0; i < count / SUPER; i++) {
        const size_t at = i * size;
        const size_t low = at + (has_fifth ? 48 : 16);
        __m512i fifth[GROUPS];
        if (has_fifth) {
            um_avx512_panel_turn_32(&columns, at + 16, fifth);
        }
        store_scales(&columns, at, i * 8, half, panel);
        for (size_t pair = 0; pair < 4; pair++) {
            unpack_pair(&columns, low + pair * 32, pair, has_fifth ? fifth : NULL, i * 8, half,
                        panel);
        }
    }
}

/* ---- Q6_K ----------------------------------------------------------------------- */

static void store_q6_scales(const um_avx512_columns *columns, size_t at, size_t sub_block,
                            size_t half, um_avx512_panel *panel) {
    const __m512 d = um_avx512_panel_halfs(columns, at + 208);
    __m512i turned[4];
    um_avx512_panel_turn(columns, at + 192, turned);
    for (size_t sub = 0; sub < 16; sub++) {
        /* Byte sub % 4 of each lane, with its sign. */
        const __m512i up = _mm512_slli_epi32(turned[sub / 4], (unsigned)(24 - sub % 4 * 8));
        const __m512 a = _mm512_cvtepi32_ps(_mm512_srai_epi32(up, 24));
        _mm512_store_ps(panel->scales[sub_block + sub][half], _mm512_mul_ps(d, a));
    }
}

/* Elements 32 r .. 32 r + 31 of a half super-block: one block with two sub-blocks. */
static UM_ALWAYS_INLINE void unpack_q6_block(const __m512i *low, const __m512i *high, size_t r,
                                             size_t block, size_t half, um_avx512_panel *panel) {
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i upper = _mm512_set1_epi8(0x30);
    const __m512i offset = _mm512_set1_epi8(UM_AVX512_PANEL_OFFSET - 32);
    for (size_t g = 0; g < GROUPS; g++) {
        const __m512i l = low[r % 2 * GROUPS + g];
        __m512i q = _mm512_and_si512(r < 2 ? l : _mm512_srli_epi16(l, 4), nibble);
        /* Move the two high bits to bits 4 and 5. */
        const __m512i h = r < 2 ? _mm512_slli_epi16(high[g], r == 0 ? 4 : 2)
                                : (r == 2 ? high[g] : _mm512_srli_epi16(high[g], 2));
        q = _mm512_or_si512(q, _mm512_and_si512(h, upper));
        um_avx512_panel_store(panel, GROUPS, block, g, half, _mm512_add_epi8(q, offset));
    }
}

void um_avx512_panel_unpack_q6_k(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q6_K);
    const um_avx512_columns columns = um_avx512_panel_half(source, half);
    for (size_t i = 0; i < count / SUPER; i++) {
        const size_t at = i * size;
        store_q6_scales(&columns, at, i * 16, half, panel);
        for (size_t part = 0; part < 2; part++) {
            __m512i low[2 * GROUPS];
            __m512i high[GROUPS];
            um_avx512_panel_turn_32(&columns, at + part * 64, low);
            um_avx512_panel_turn_32(&columns, at + part * 64 + 32, low + GROUPS);
            um_avx512_panel_turn_32(&columns, at + 128 + part * 32, high);
            for (size_t r = 0; r < 4; r++) {
                unpack_q6_block(low, high, r, i * 8 + part * 4 + r, half, panel);
            }
        }
    }
}
