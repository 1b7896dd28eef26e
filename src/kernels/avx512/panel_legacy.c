/* Q8_0 and Q4_0: one f16 scale for 32 elements. */
#include <string.h>

#include "kernels/avx512/panel.h"

#define BLOCK 32
#define GROUPS 8

void um_avx512_panel_unpack_q8_0(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q8_0);
    const um_avx512_columns columns = um_avx512_panel_half(source, half);
    for (size_t block = 0; block < count / BLOCK; block++) {
        const size_t at = block * size;
        __m512i groups[GROUPS];
        um_avx512_panel_turn_32(&columns, at + 2, groups);
        const __m512i offset = _mm512_set1_epi8((char)UM_AVX512_PANEL_OFFSET);
        for (size_t g = 0; g < GROUPS; g++) {
            um_avx512_panel_store(panel, GROUPS, block, g, half,
                                  _mm512_xor_si512(groups[g], offset));
        }
        _mm512_store_ps(panel->scales[block][half], um_avx512_panel_halfs(&columns, at));
    }
}

void um_avx512_panel_unpack_q4_0(const um_avx512_source *source, size_t half, size_t count,
                                 um_avx512_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q4_0);
    const um_avx512_columns columns = um_avx512_panel_half(source, half);
    const __m512i low = _mm512_set1_epi8(15);
    const __m512i offset = _mm512_set1_epi8(UM_AVX512_PANEL_OFFSET - 8);
    for (size_t block = 0; block < count / BLOCK; block++) {
        const size_t at = block * size;
        __m512i bytes[4];
        um_avx512_panel_turn(&columns, at + 2, bytes);
        for (size_t g = 0; g < 4; g++) {
            const __m512i early = _mm512_and_si512(bytes[g], low);
            const __m512i late = _mm512_and_si512(_mm512_srli_epi16(bytes[g], 4), low);
            um_avx512_panel_store(panel, GROUPS, block, g, half, _mm512_add_epi8(early, offset));
            um_avx512_panel_store(panel, GROUPS, block, g + 4, half, _mm512_add_epi8(late, offset));
        }
        _mm512_store_ps(panel->scales[block][half], um_avx512_panel_halfs(&columns, at));
    }
}
