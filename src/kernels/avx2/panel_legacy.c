/* Q8_0 and Q4_0: blocks of 32 elements, each with an f16 scale in front. */
#include "kernels/avx2/panel_turn.h"

void um_avx2_panel_unpack_q8_0(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q8_0);
    for (size_t block = 0; block < count / UM_PACK_BLOCK; block++) {
        __m256i groups[8];
        um_avx2_turn_32(columns, block * size + 2, groups);
        for (size_t g = 0; g < 8; g++) {
            um_avx2_panel_store(panel, block, g, groups[g]);
        }
        _mm256_store_ps(panel->scales[block], um_avx2_halfs_at(columns, block * size));
    }
}

/* The first 16 elements of a block are the low halves of its bytes, the others the high ones. */
void um_avx2_panel_unpack_q4_0(const um_avx2_columns *columns, size_t count, um_avx2_panel *panel) {
    const size_t size = um_dtype_size(UM_DTYPE_Q4_0);
    const __m256i nibble = _mm256_set1_epi8(15);
    for (size_t block = 0; block < count / UM_PACK_BLOCK; block++) {
        __m256i groups[4];
        um_avx2_turn_16(columns, block * size + 2, groups);
        for (size_t g = 0; g < 4; g++) {
            const __m256i high = _mm256_srli_epi16(groups[g], 4);
            um_avx2_panel_store(panel, block, g, _mm256_and_si256(groups[g], nibble));
            um_avx2_panel_store(panel, block, g + 4, _mm256_and_si256(high, nibble));
        }
        _mm256_store_ps(panel->scales[block], um_avx2_halfs_at(columns, block * size));
    }
}
