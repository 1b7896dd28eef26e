/* Copies of a product's operands, laid out for its tiles; see product.c.
 *
 * If the factors are rounded to BF16, the copies swap every two neighbours along the sum, and put a
 * zero before a last element without a neighbour: this is the order in which VDPBF16PS adds. */
#ifndef UM_KERNELS_AVX2_OPERAND_H
#define UM_KERNELS_AVX2_OPERAND_H

#include "kernels/avx2/avx2.h"

/* A group of a panel's columns and a strip stay in a first-level cache of 32 KiB, the panel in the
 * second. */
#define UM_PANEL_DEPTH 128 /* a multiple of eight */
#define UM_PANEL_COLUMNS 64
#define UM_GROUP_COLUMNS 16
#define UM_GROUP_SIZE (UM_PANEL_DEPTH * UM_GROUP_COLUMNS)
#define UM_STRIP_ROWS 48 /* whole cache lines, if a is transposed */
#define UM_CACHE_LINE 16 /* floats */

typedef struct um_avx2_operands {
    _Alignas(32) float panel[UM_PANEL_DEPTH * UM_PANEL_COLUMNS]; /* [group][l][column] */
    _Alignas(32) float strip[UM_STRIP_ROWS * UM_PANEL_DEPTH];    /* [row][l], transposed [l][row] */
} um_avx2_operands;

/* In all functions, k <= UM_PANEL_DEPTH; floats after the last are not read.  A parameter `rounds`
 * is a constant at every call. */

/* Where element l of a sum lies in a copy. */
static UM_ALWAYS_INLINE size_t um_avx2_place(bool rounds, size_t l) {
    return rounds ? l ^ 1 : l;
}

/* Rounded to BF16, to nearest, ties to even, in a mode that reads subnormal numbers as zero. */
static UM_ALWAYS_INLINE __m256 um_avx2_round_bf16(__m256 x) {
    __m256 one = _mm256_set1_ps(1.0f);
    __asm__("" : "+x"(one)); /* so that the product, which flushes, is not optimised away */
    const __m256 flushed = _mm256_mul_ps(x, one);
    const __m256i bits = _mm256_castps_si256(flushed);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
    const __m256i rounded =
        _mm256_and_si256(_mm256_add_epi32(bits, half), _mm256_set1_epi32((int)0xFFFF0000u));
    const __m256 is_nan = _mm256_cmp_ps(flushed, flushed, _CMP_UNORD_Q);
    return _mm256_blendv_ps(_mm256_castsi256_ps(rounded), flushed, is_nan);
}

static UM_ALWAYS_INLINE __m256 um_avx2_operand(bool rounds, const float *x, size_t lanes) {
    const __m256 value = um_avx2_load(x, lanes);
    return rounds ? um_avx2_round_bf16(value) : value;
}

/* b [k, columns], columns <= UM_PANEL_COLUMNS; zeros after the last column fill a whole vector. */
static UM_ALWAYS_INLINE void um_avx2_copy_panel(bool rounds, size_t k, size_t columns,
                                                const float *b, size_t b_step, float *panel) {
    for (size_t j = 0; j < columns; j += UM_LANES) {
        const size_t lanes = columns - j < UM_LANES ? columns - j : UM_LANES;
        float *column = panel + j / UM_GROUP_COLUMNS * UM_GROUP_SIZE + j % UM_GROUP_COLUMNS;
        for (size_t l = 0; l < k; l++) {
            _mm256_store_ps(column + um_avx2_place(rounds, l) * UM_GROUP_COLUMNS,
                            um_avx2_operand(rounds, b + l * b_step + j, lanes));
        }
        if (rounds && k % 2 != 0) {
            _mm256_store_ps(column + (k - 1) * UM_GROUP_COLUMNS, _mm256_setzero_ps());
        }
    }
}

/* a [rows, k], rounded. */
static inline void um_avx2_round_strip(size_t rows, size_t k, const float *a, size_t a_row,
                                       float *strip) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t l = 0; l < k; l += UM_LANES) {
            const __m256 value = um_avx2_operand(true, a + i * a_row + l, k - l);
            _mm256_store_ps(strip + i * UM_PANEL_DEPTH + l, _mm256_permute_ps(value, 0xB1));
        }
    }
}

/* a [k, rows].  Its rows are too far apart for the processor to foresee, so those of the next
 * strip, if there is one, are prefetched. */
static UM_ALWAYS_INLINE void um_avx2_copy_strip(bool rounds, size_t rows, size_t k, const float *a,
                                                size_t a_step, bool has_next, float *strip) {
    for (size_t l = 0; l < k; l++) {
        float *place = strip + um_avx2_place(rounds, l) * UM_STRIP_ROWS;
        for (size_t i = 0; i < rows; i += UM_LANES) {
            _mm256_store_ps(place + i, um_avx2_operand(rounds, a + l * a_step + i, rows - i));
        }
        for (size_t i = 0; has_next && i < UM_STRIP_ROWS; i += UM_CACHE_LINE) {
            _mm_prefetch((const char *)(a + l * a_step + UM_STRIP_ROWS + i), _MM_HINT_T0);
        }
    }
    for (size_t i = 0; rounds && k % 2 != 0 && i < rows; i += UM_LANES) {
        _mm256_store_ps(strip + (k - 1) * UM_STRIP_ROWS + i, _mm256_setzero_ps());
    }
}

void um_avx2_turn_rounded_panel(size_t k, size_t columns, const float *b, size_t b_column,
                                float *panel);

#endif
