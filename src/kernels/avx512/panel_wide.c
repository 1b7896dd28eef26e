/* F16 and BF16 as 14-bit integers with one scale, a power of two, for 32 elements (packed.h). */
#include <string.h>

#include "kernels/avx512/panel.h"

#define GROUPS 16 /* of two elements in a block of 32 */

/* The layout of a 16-bit float. */
typedef struct float_format {
    int32_t fraction_bits;
    int16_t fraction; /* mask */
    int16_t implied;  /* the bit above the fraction */
    int16_t infinite; /* exponent of infinities and NaN */
    int32_t to_f32;   /* added to an exponent, gives the f32 exponent of the step 2^(e - 12) */
} float_format;

static UM_ALWAYS_INLINE float_format format_of(um_dtype dtype) {
    return dtype == UM_DTYPE_F16 ? (float_format){10, 0x3FF, 0x400, 31, 127 - 15 - 12}
                                 : (float_format){7, 0x7F, 0x80, 255, -12};
}

/* The 16 vectors of a block; elements at or beyond `rest` are zero and not read. */
static UM_ALWAYS_INLINE void turn_block(const um_avx512_columns *columns, size_t offset,
                                        size_t rest, __m512i pairs[GROUPS]) {
    if (rest >= UM_PACK_BLOCK) {
        um_avx512_panel_turn_32(columns, offset, pairs);
        um_avx512_panel_turn_32(columns, offset + 32, pairs + 8);
        return;
    }
    _Alignas(64) uint8_t copies[16][64];
    memset(copies, 0, sizeof copies);
    for (size_t c = 0; c < 16; c++) {
        memcpy(copies[c], um_avx512_panel_at(columns, c, offset), rest * 2);
    }
    const um_avx512_source source = {.rows = copies[0], .stride = sizeof copies[0]};
    const um_avx512_columns copied = um_avx512_panel_half(&source, 0);
    um_avx512_panel_turn_32(&copied, 0, pairs);
    um_avx512_panel_turn_32(&copied, 32, pairs + 8);
}

static UM_ALWAYS_INLINE __m512i magnitude_of(__m512i bits) {
    return _mm512_and_si512(bits, _mm512_set1_epi16(0x7FFF));
}

/* The largest magnitude of each column, as bits in both halves of its lane. */
static UM_ALWAYS_INLINE __m512i largest(const __m512i pairs[GROUPS]) {
    __m512i most[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size_t g = 0; g < GROUPS; g++) {
        most[g % 2] = _mm512_max_epu16(most[g % 2], magnitude_of(pairs[g]));
    }
    most[0] = _mm512_max_epu16(most[0], most[1]);
    return _mm512_max_epu16(most[0], _mm512_rol_epi32(most[0], 16));
}

/* The exponents of magnitudes; those of subnormal numbers count as 1, the scale of their values. */
static UM_ALWAYS_INLINE __m512i exponents(float_format format, __m512i magnitude) {
    const __m512i exponent = _mm512_srl_epi16(magnitude, _mm_cvtsi32_si128(format.fraction_bits));
    return _mm512_max_epu16(exponent, _mm512_set1_epi16(1));
}

/* Steps for the exponents `most`; zero if the block counts as zero. */
static UM_ALWAYS_INLINE __m512 steps(um_dtype dtype, float_format format, __m512i bits,
                                     __m512i most) {
    const __m512i exponent = _mm512_and_si512(most, _mm512_set1_epi32(0xFFFF));
    const __m512i power =
        _mm512_slli_epi32(_mm512_add_epi32(exponent, _mm512_set1_epi32(format.to_f32)), 23);
    const __mmask16 bad = _mm512_cmpeq_epi32_mask(exponent, _mm512_set1_epi32(format.infinite));
    __m512 step = _mm512_castsi512_ps(power);
    step = _mm512_mask_blend_ps(bad, step, _mm512_set1_ps(__builtin_nanf("")));
    if (dtype == UM_DTYPE_F16) {
        return step;
    }
    const __m512 value = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    const __mmask16 used = _mm512_cmp_ps_mask(value, _mm512_set1_ps(UM_PACK_SMALLEST), _CMP_NLT_UQ);
    return _mm512_maskz_mov_ps(used, step);
}

/* Twice the significands, aligned so that a right shift by the largest exponent less a value's own
 * gives twice the value's quotient by the step. */
static UM_ALWAYS_INLINE __m512i significands(um_dtype dtype, float_format format, __m512i bits) {
    const __m128i places = _mm_cvtsi32_si128(13 - format.fraction_bits);
    const __m512i fraction = _mm512_sll_epi16(_mm512_set1_epi16(format.fraction), places);
    const __m512i implied = _mm512_sll_epi16(_mm512_set1_epi16(format.implied), places);
    const __m512i shifted = _mm512_sll_epi16(bits, places);
    if (dtype == UM_DTYPE_F16) {
        const __mmask32 normal = _mm512_test_epi16_mask(bits, _mm512_set1_epi16(0x7C00));
        const __m512i digits = _mm512_and_si512(shifted, fraction);
        return _mm512_mask_add_epi16(digits, normal, digits, implied);
    }
    /* (shifted & fraction) | implied: subnormal numbers are far below UM_PACK_SMALLEST, so that
     * they do not matter. */
    return _mm512_ternarylogic_epi32(shifted, fraction, implied, 0xEA);
}

/* round(value / step), halves away from zero, in integer arithmetic. */
static UM_ALWAYS_INLINE __m512i quantise(um_dtype dtype, float_format format, __m512i bits,
                                         __m512i most) {
    const __m512i shift = _mm512_sub_epi16(most, exponents(format, magnitude_of(bits)));
    const __m512i doubled = _mm512_srlv_epi16(significands(dtype, format, bits), shift);
    /* The average with zero is (x + 1) / 2. */
    const __m512i rounded = _mm512_avg_epu16(doubled, _mm512_setzero_si512());
    const __mmask32 negative = _mm512_movepi16_mask(bits);
    return _mm512_mask_sub_epi16(rounded, negative, _mm512_setzero_si512(), rounded);
}

static UM_ALWAYS_INLINE void unpack(um_dtype dtype, const um_avx512_source *source, size_t half,
                                    size_t count, um_avx512_panel *panel) {
    const um_avx512_columns columns = um_avx512_panel_half(source, half);
    const float_format format = format_of(dtype);
    for (size_t block = 0; block * UM_PACK_BLOCK < count; block++) {
        const size_t element = block * UM_PACK_BLOCK;
        __m512i pairs[GROUPS];
        turn_block(&columns, element * 2, source->k - element, pairs);
        const __m512i bits = largest(pairs);
        const __m512i most = exponents(format, bits);
        _mm512_store_ps(panel->scales[block][half], steps(dtype, format, bits, most));
        for (size_t g = 0; g < GROUPS; g++) {
            um_avx512_panel_store(panel, GROUPS, block, g, half,
                                  quantise(dtype, format, pairs[g], most));
        }
    }
}

void um_avx512_panel_unpack_wide(um_dtype dtype, const um_avx512_source *source, size_t half,
                                 size_t count, um_avx512_panel *panel) {
    if (dtype == UM_DTYPE_F16) {
        unpack(UM_DTYPE_F16, source, half, count, panel);
    } else {
        unpack(UM_DTYPE_BF16, source, half, count, panel);
    }
}
