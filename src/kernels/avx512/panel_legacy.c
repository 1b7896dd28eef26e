/* Q8_0 and Q4_0: one f16 scale for 32 elements. */
#include <string.h>

#include "kernels/avx512/panel.h"

#define BLOCK 32
#define GROUPS 8

static UM_ALWAYS_INLINE void store_block(um_panel *panel, size_t block, size_t half, __m512 scale,
                                         const __m512i groups[GROUPS]) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t g = 0; g < GROUPS; g++) {
        um_panel_store(panel, GROUPS, block, g, half, groups[g]);
        sum = um_panel_sum(sum, groups[g]);
    }
    um_panel_store_start(panel, block, half, sum);
    _mm512_store_ps(panel->scales[block][half], scale);
}

void um_panel_unpack_q8_0(const um_panel_source *source, size_t half, size_t first, size_t count,
                          um_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q8_0);
    const uint8_t *const *columns = source->rows + half * 16;
    for (size_t block = 0; block < count / BLOCK; block++) {
        const size_t at = (first / BLOCK + block) * size;
        __m512i groups[GROUPS];
        um_panel_turn_32(columns, at + 2, groups);
        store_block(panel, block, half, um_panel_halfs(columns, at), groups);
    }
}

void um_panel_unpack_q4_0(const um_panel_source *source, size_t half, size_t first, size_t count,
                          um_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q4_0);
    const uint8_t *const *columns = source->rows + half * 16;
    const __m512i low = _mm512_set1_epi8(15);
    const __m512i middle = _mm512_set1_epi8(8);
    for (size_t block = 0; block < count / BLOCK; block++) {
        const size_t at = (first / BLOCK + block) * size;
        __m512i bytes[4];
        um_panel_turn(columns, at + 2, bytes);
        __m512i groups[GROUPS];
        for (size_t i = 0; i < 4; i++) {
            groups[i] = _mm512_sub_epi8(_mm512_and_si512(bytes[i], low), middle);
            groups[i + 4] =
                _mm512_sub_epi8(_mm512_and_si512(_mm512_srli_epi16(bytes[i], 4), low), middle);
        }
        store_block(panel, block, half, um_panel_halfs(columns, at), groups);
    }
}
