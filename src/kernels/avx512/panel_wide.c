/* F16 and BF16 as 14-bit integers with a scale for 32 elements. */
#include <string.h>

#include "kernels/avx512/panel.h"

#define GROUPS 16 /* of two elements in a block of 32 */
#define LARGEST 8191.0f

/* The 16 vectors of a block; elements at or beyond `rest` are zero and not read. */
static void turn_block(const uint8_t *const *columns, size_t offset, size_t rest,
                       __m512i pairs[GROUPS]) {
    if (rest >= UM_PACK_BLOCK) {
        for (size_t q = 0; q < 4; q++) {
            um_panel_turn(columns, offset + q * 16, pairs + q * 4);
        }
        return;
    }
    _Alignas(64) uint8_t copies[16][64];
    const uint8_t *at[16];
    memset(copies, 0, sizeof copies);
    for (size_t c = 0; c < 16; c++) {
        memcpy(copies[c], columns[c] + offset, rest * 2);
        at[c] = copies[c];
    }
    for (size_t q = 0; q < 4; q++) {
        um_panel_turn(at, q * 16, pairs + q * 4);
    }
}

/* The largest magnitude of each column, as a number; NaN if there is one. */
static __m512 largest(um_dtype dtype, const __m512i pairs[GROUPS]) {
    const __m512i magnitude = _mm512_set1_epi16(0x7FFF);
    __m512i most = _mm512_and_si512(pairs[0], magnitude);
    for (size_t g = 1; g < GROUPS; g++) {
        most = _mm512_max_epu16(most, _mm512_and_si512(pairs[g], magnitude));
    }
    most = _mm512_max_epu16(most, _mm512_srli_epi32(most, 16));
    if (dtype == UM_DTYPE_BF16) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(most, 16));
    }
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(most));
}

/* The f32 value of the 16-bit number in the upper half of each lane, scaled by 2^-112 for F16. */
static UM_ALWAYS_INLINE __m512 value_of_upper(um_dtype dtype, __m512i lanes) {
    if (dtype == UM_DTYPE_BF16) {
        return _mm512_castsi512_ps(_mm512_and_si512(lanes, _mm512_set1_epi32((int)0xFFFF0000u)));
    }
    const __m512i sign = _mm512_set1_epi32((int)0x80000000u);
    const __m512i digits =
        _mm512_and_si512(_mm512_srli_epi32(lanes, 3), _mm512_set1_epi32(0x0FFFE000));
    /* sign ? lanes : digits, bit by bit */
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(sign, lanes, digits, 0xCA));
}

static UM_ALWAYS_INLINE __m512i quantise(um_dtype dtype, __m512i lanes, __m512 inverse) {
    __m512 value = value_of_upper(dtype, lanes);
    if (dtype == UM_DTYPE_F16) {
        value = _mm512_mul_ps(value, _mm512_set1_ps(0x1p112f));
    }
    return _mm512_cvtps_epi32(_mm512_mul_ps(value, inverse));
}

static UM_ALWAYS_INLINE void unpack(um_dtype dtype, const um_panel_source *source, size_t half,
                                    size_t first, size_t count, um_panel *panel) {
    const uint8_t *const *columns = source->rows + half * 16;
    for (size_t block = 0; block * UM_PACK_BLOCK < count; block++) {
        const size_t element = first + block * UM_PACK_BLOCK;
        __m512i pairs[GROUPS];
        turn_block(columns, element * 2, source->k - element, pairs);
        const __m512 most = largest(dtype, pairs);
        const __mmask16 used =
            _mm512_cmp_ps_mask(most, _mm512_set1_ps(UM_PACK_SMALLEST), _CMP_NLT_UQ);
        const __m512 limit = _mm512_set1_ps(LARGEST);
        const __m512 inverse = _mm512_maskz_div_ps(used, limit, most);
        _mm512_store_ps(panel->scales[block][half], _mm512_maskz_div_ps(used, most, limit));
        for (size_t g = 0; g < GROUPS; g++) {
            const __m512i odd = quantise(dtype, pairs[g], inverse);
            const __m512i even = quantise(dtype, _mm512_slli_epi32(pairs[g], 16), inverse);
            const __m512i both =
                _mm512_mask_blend_epi16(0xAAAAAAAAu, even, _mm512_slli_epi32(odd, 16));
            um_panel_store(panel, GROUPS, block, g, half, both);
        }
    }
}

void um_panel_unpack_wide(um_dtype dtype, const um_panel_source *source, size_t half, size_t first,
                          size_t count, um_panel *panel) {
    if (dtype == UM_DTYPE_F16) {
        unpack(UM_DTYPE_F16, source, half, first, count, panel);
    } else {
        unpack(UM_DTYPE_BF16, source, half, first, count, panel);
    }
}
