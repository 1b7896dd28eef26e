/* Unpacks weights of every stored type into a panel: the integers of each row first, which are then
 * transposed. */
#include "kernels/avx2/panel.h"

#include <math.h>
#include <string.h>

#include "tensor/quantised.h"

/* One row of weights: integers, scales and minimums of a stretch. */
typedef struct row_integers {
    _Alignas(32) uint8_t bytes[UM_AVX2_PANEL_STRETCH];
    _Alignas(32) int16_t words[UM_AVX2_PANEL_STRETCH];
    float scales[2 * UM_AVX2_PANEL_BLOCKS];
    float minimums[UM_AVX2_PANEL_BLOCKS];
} row_integers;

static float f16_at(const uint8_t *bytes) {
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return _cvtsh_ss(bits);
}

/* ---- Narrow types ---------------------------------------------------------------- */

static void read_q8_0(const uint8_t *row, size_t count, row_integers *out) {
    for (size_t block = 0; block < count / 32; block++) {
        const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q8_0);
        out->scales[block] = f16_at(at);
        memcpy(out->bytes + block * 32, at + 2, 32);
    }
}

static void read_q4_0(const uint8_t *row, size_t count, row_integers *out) {
    for (size_t block = 0; block < count / 32; block++) {
        const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q4_0);
        out->scales[block] = f16_at(at);
        const __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)(at + 2));
        const __m256i nibbles =
            _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
        _mm256_store_si256((__m256i *)(void *)(out->bytes + block * 32),
                           _mm256_and_si256(nibbles, _mm256_set1_epi8(15)));
    }
}

/* Sub-block `sub` of a block of Q4_K, or of Q5_K with its `fifth` bits. */
static void read_k_sub_block(const uint8_t *at, const uint8_t *fifth, const uint8_t *low,
                             size_t sub, size_t block, row_integers *out) {
    uint8_t scale = 0, minimum = 0;
    um_k_scale_and_minimum(at + 4, sub, &scale, &minimum);
    out->scales[block] = f16_at(at) * (float)scale;
    out->minimums[block] = f16_at(at + 2) * (float)minimum;
    uint8_t *bytes = out->bytes + block * 32;
    const unsigned shift = (unsigned)(sub % 2 * 4);
    for (size_t i = 0; i < 32; i++) {
        bytes[i] = low[sub / 2 * 32 + i] >> shift & 15;
    }
    for (size_t i = 0; fifth && i < 32; i++) {
        bytes[i] = (uint8_t)(bytes[i] | (fifth[i] >> sub & 1) << 4);
    }
}

static void read_k(um_dtype dtype, const uint8_t *row, size_t count, row_integers *out) {
    for (size_t block = 0; block < count / 32; block++) {
        const uint8_t *at = row + block / 8 * um_dtype_size(dtype);
        const bool has_fifth = dtype == UM_DTYPE_Q5_K;
        read_k_sub_block(at, has_fifth ? at + 16 : NULL, at + (has_fifth ? 48 : 16), block % 8,
                         block, out);
    }
}

static void read_q6_k(const uint8_t *row, size_t count, row_integers *out) {
    for (size_t block = 0; block < count / 32; block++) {
        const uint8_t *at = row + block / 8 * um_dtype_size(UM_DTYPE_Q6_K);
        const size_t half = block % 8 / 4, r = block % 4;
        const float d = f16_at(at + 208);
        const uint8_t *low = at + half * 64 + r % 2 * 32;
        const uint8_t *high = at + 128 + half * 32;
        for (size_t i = 0; i < 32; i++) {
            const int bits = low[i] >> (r / 2 * 4) & 15;
            out->bytes[block * 32 + i] = (uint8_t)(bits | (high[i] >> (2 * r) & 3) << 4);
        }
        for (size_t s = 0; s < 2; s++) {
            out->scales[2 * block + s] = d * (float)(int8_t)at[192 + block % 8 * 2 + s];
        }
    }
}

/* ---- Wide types --------------------------------------------------------------------- */

static inline __m256 load_wide(um_dtype dtype, const uint16_t *at) {
    const __m128i bits = _mm_loadu_si128((const __m128i *)(const void *)at);
    if (dtype == UM_DTYPE_F16) {
        return _mm256_cvtph_ps(bits);
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

/* Rounds halves away from zero; exact for values with at most 16 significant bits. */
static __m256i round_away(__m256 value) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const __m256 half = _mm256_or_ps(_mm256_and_ps(value, sign), _mm256_set1_ps(0.5f));
    return _mm256_cvttps_epi32(_mm256_add_ps(value, half));
}

static UM_ALWAYS_INLINE void read_wide_block(um_dtype dtype, const uint16_t *halves, int16_t *words,
                                             float *scale) {
    __m256 values[4];
    for (size_t i = 0; i < 4; i++) {
        values[i] = load_wide(dtype, halves + 8 * i);
    }
    const uint32_t largest = um_avx2_largest_magnitude(values);
    uint32_t exponent = largest >> 23;
    if (exponent == 255 || um_float_of_bits(largest) < UM_PACK_SMALLEST) {
        *scale = exponent == 255 ? NAN : 0;
        memset(words, 0, 32 * sizeof *words);
        return;
    }
    /* 2^(e - 12) and its inverse (packed.h). */
    exponent = dtype == UM_DTYPE_F16 && exponent < 113 ? 113 : exponent;
    *scale = um_float_of_bits((exponent - 12) << 23);
    const __m256 inverse = _mm256_set1_ps(um_float_of_bits((254 - exponent + 12) << 23));
    for (size_t i = 0; i < 4; i += 2) {
        const __m256i a = round_away(_mm256_mul_ps(values[i], inverse));
        const __m256i b = round_away(_mm256_mul_ps(values[i + 1], inverse));
        const __m256i mixed = _mm256_packs_epi32(a, b); /* quarters a, b, a, b */
        _mm256_store_si256((__m256i *)(void *)(words + 8 * i),
                           _mm256_permute4x64_epi64(mixed, 0xD8));
    }
}

static UM_ALWAYS_INLINE void read_wide(um_dtype dtype, const uint8_t *row, size_t count,
                                       row_integers *out) {
    size_t first = 0;
    for (; first + 32 <= count; first += 32) {
        read_wide_block(dtype, (const uint16_t *)(const void *)row + first, out->words + first,
                        &out->scales[first / 32]);
    }
    if (first < count) {
        uint16_t halves[32] = {0};
        memcpy(halves, row + 2 * first, (count - first) * sizeof *halves);
        read_wide_block(dtype, halves, out->words + first, &out->scales[first / 32]);
    }
}

/* ---- Turning ----------------------------------------------------------------------------- */

/* out[e]: the e-th four bytes of each of eight rows of 32 bytes. */
static void turn(const uint8_t *const rows[8], uint8_t *out) {
    __m256i r[8], t[8];
    for (size_t i = 0; i < 8; i++) {
        r[i] = _mm256_loadu_si256((const __m256i *)(const void *)rows[i]);
    }
    for (size_t i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) {
        _mm256_store_si256((__m256i *)(void *)(out + i * 32),
                           _mm256_permute2x128_si256(r[i], r[i + 4], 0x20));
        _mm256_store_si256((__m256i *)(void *)(out + (i + 4) * 32),
                           _mm256_permute2x128_si256(r[i], r[i + 4], 0x31));
    }
}

static void read_row(um_dtype dtype, const uint8_t *row, size_t count, row_integers *out) {
    switch (dtype) {
        case UM_DTYPE_Q8_0:
            read_q8_0(row, count, out);
            break;
        case UM_DTYPE_Q4_0:
            read_q4_0(row, count, out);
            break;
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
            read_k(dtype, row, count, out);
            break;
        case UM_DTYPE_Q6_K:
            read_q6_k(row, count, out);
            break;
        case UM_DTYPE_F16:
            read_wide(UM_DTYPE_F16, row, count, out);
            break;
        case UM_DTYPE_F32: /* not packed: see matmul */
        case UM_DTYPE_BF16:
            read_wide(UM_DTYPE_BF16, row, count, out);
            break;
    }
}

/* Scales and minimums of one row into its column. */
static void store_scales(um_dtype dtype, const row_integers *row, size_t column, size_t blocks,
                         um_avx2_panel *panel) {
    const size_t sub_blocks = dtype == UM_DTYPE_Q6_K ? 2 * blocks : blocks;
    const bool has_minimum = dtype == UM_DTYPE_Q4_K || dtype == UM_DTYPE_Q5_K;
    for (size_t i = 0; i < sub_blocks; i++) {
        panel->scales[i][column] = row->scales[i];
    }
    for (size_t i = 0; has_minimum && i < blocks; i++) {
        panel->minimums[i][column] = row->minimums[i];
    }
}

void um_avx2_panel_unpack(um_dtype dtype, const uint8_t *rows, size_t stride, size_t columns,
                          size_t count, um_avx2_panel *panel) {
    static const row_integers nothing;
    const bool wide = um_pack_kind_of(dtype) == UM_PACK_WIDE;
    const size_t blocks = um_pack_blocks(count);
    row_integers read[UM_AVX2_PANEL_COLUMNS];
    const uint8_t *integers[UM_AVX2_PANEL_COLUMNS];
    for (size_t c = 0; c < UM_AVX2_PANEL_COLUMNS; c++) {
        const row_integers *row = c < columns ? &read[c] : &nothing;
        if (c < columns) {
            read_row(dtype, rows + c * stride, count, &read[c]);
        }
        store_scales(dtype, row, c, blocks, panel);
        integers[c] = wide ? (const uint8_t *)row->words : row->bytes;
    }
    const size_t pieces = wide ? 2 * blocks : blocks;
    for (size_t i = 0; i < pieces; i++) {
        turn(integers, panel->weights + i * 256);
        for (size_t c = 0; c < UM_AVX2_PANEL_COLUMNS; c++) {
            integers[c] += 32;
        }
    }
}
