/* A panel: eight columns of the result (rows of the weights) and a stretch of their elements,
 * unpacked to integers and transposed so that a vector holds one group of elements of all columns.
 * It stays in the first-level cache while all rows of activations are multiplied by it. */
#ifndef UM_KERNELS_AVX2_PANEL_H
#define UM_KERNELS_AVX2_PANEL_H

#include "kernels/avx2/avx2.h"

#define UM_AVX2_PANEL_COLUMNS 8
/* Elements in a stretch, a multiple of every format's block, and the number of its blocks of 32. */
#define UM_AVX2_PANEL_STRETCH 512
#define UM_AVX2_PANEL_BLOCKS (UM_AVX2_PANEL_STRETCH / UM_PACK_BLOCK)

typedef struct um_avx2_panel {
    /* [block][group]: lane c of a vector is a group of consecutive elements of column c: four
     * bytes, which are signed for Q8_0 and otherwise qw + um_avx2_panel_offset (8 groups a block),
     * or two 16-bit integers for F16 and BF16 (16 groups a block). */
    _Alignas(32) uint8_t weights[UM_AVX2_PANEL_COLUMNS * UM_AVX2_PANEL_STRETCH * 2];
    _Alignas(32) float scales[2 * UM_AVX2_PANEL_BLOCKS][UM_AVX2_PANEL_COLUMNS]; /* by sub-block */
    _Alignas(32) float minimums[UM_AVX2_PANEL_BLOCKS][UM_AVX2_PANEL_COLUMNS];
} um_avx2_panel;

/* The offset that makes the weights of a panel unsigned. */
static inline int32_t um_avx2_panel_offset(um_dtype dtype) {
    return dtype == UM_DTYPE_Q4_0 ? 8 : (dtype == UM_DTYPE_Q6_K ? 32 : 0);
}

/* Unpack `count` elements of the `columns` rows of weights that begin at `rows`, `stride` bytes
 * apart; columns that do not exist become zeros. */
void um_avx2_panel_unpack(um_dtype dtype, const uint8_t *rows, size_t stride, size_t columns,
                          size_t count, um_avx2_panel *panel);

#endif
