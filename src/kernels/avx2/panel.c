/* Unpacks weights of every stored type into a panel.  The narrow types have files of their own;
 * rows of wide ones become integers first, which are then transposed. */
#include "kernels/avx2/panel.h"

#include <math.h>
#include <string.h>

#include "kernels/avx2/panel_turn.h"

/* ---- Wide types ----------------------------------------------------------------------- */

/* A stretch of one row. */
typedef struct wide_row {
    _Alignas(32) int16_t words[UM_AVX2_PANEL_STRETCH];
    float scales[UM_AVX2_PANEL_BLOCKS];
} wide_row;

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
                                       wide_row *out) {
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

static UM_ALWAYS_INLINE void unpack_wide(um_dtype dtype, const um_avx2_columns *columns,
                                         size_t count, um_avx2_panel *panel) {
    const size_t blocks = um_pack_blocks(count);
    wide_row read[UM_AVX2_PANEL_COLUMNS];
    um_avx2_columns words;
    for (size_t c = 0; c < UM_AVX2_PANEL_COLUMNS; c++) {
        read_wide(dtype, columns->rows[c], count, &read[c]);
        words.rows[c] = (const uint8_t *)read[c].words;
        for (size_t block = 0; block < blocks; block++) {
            panel->scales[block][c] = read[c].scales[block];
        }
    }
    for (size_t piece = 0; piece < 2 * blocks; piece++) {
        __m256i groups[8];
        um_avx2_turn_32(&words, piece * 32, groups);
        for (size_t g = 0; g < 8; g++) {
            um_avx2_panel_store(panel, piece, g, groups[g]);
        }
    }
}

/* ---- All types ------------------------------------------------------------------------ */

static void unpack(um_dtype dtype, const um_avx2_columns *columns, size_t count,
                   um_avx2_panel *panel) {
    switch (dtype) {
        case UM_DTYPE_Q8_0:
            um_avx2_panel_unpack_q8_0(columns, count, panel);
            break;
        case UM_DTYPE_Q4_0:
            um_avx2_panel_unpack_q4_0(columns, count, panel);
            break;
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
            um_avx2_panel_unpack_k(dtype, columns, count, panel);
            break;
        case UM_DTYPE_Q6_K:
            um_avx2_panel_unpack_q6_k(columns, count, panel);
            break;
        case UM_DTYPE_F16:
            unpack_wide(UM_DTYPE_F16, columns, count, panel);
            break;
        case UM_DTYPE_F32: /* not packed: see matmul */
        case UM_DTYPE_BF16:
            unpack_wide(UM_DTYPE_BF16, columns, count, panel);
            break;
    }
}

void um_avx2_panel_unpack(um_dtype dtype, const uint8_t *rows, size_t stride, size_t columns,
                          size_t count, um_avx2_panel *panel) {
    static const uint16_t zeros[UM_AVX2_PANEL_STRETCH + 32]; /* a stretch of any type */
    um_avx2_columns sources;
    for (size_t c = 0; c < UM_AVX2_PANEL_COLUMNS; c++) {
        sources.rows[c] = c < columns ? rows + c * stride : (const uint8_t *)zeros;
    }
    unpack(dtype, &sources, count, panel);
}
