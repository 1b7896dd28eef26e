/* Where a packed row lies: tiles of UM_TILE_ROWS rows, the last one with what is left. */
#ifndef UM_KERNELS_AVX512_TILE_H
#define UM_KERNELS_AVX512_TILE_H

#include "kernels/avx512/avx512.h"

#define UM_TILE_ROWS 6

typedef struct um_tile_place {
    uint8_t *integers; /* the row's part of the tile's first block */
    size_t scale;      /* index of the row's scale in the first block */
    size_t rows;       /* of the tile */
    size_t row_bytes;  /* of a row in a block */
} um_tile_place;

static inline um_tile_place um_tile_locate(const um_packed_rows *packed, size_t row) {
    const size_t blocks = um_pack_blocks(packed->k);
    const size_t start = row / UM_TILE_ROWS * UM_TILE_ROWS;
    const size_t left = packed->rows - start;
    const size_t bytes = packed->kind == UM_PACK_NARROW ? UM_PACK_BLOCK : 2 * UM_PACK_BLOCK;
    uint8_t *integers = packed->integers;
    return (um_tile_place){.integers = integers + (start * blocks + (row - start)) * bytes,
                           .scale = start * blocks + (row - start),
                           .rows = left < UM_TILE_ROWS ? left : UM_TILE_ROWS,
                           .row_bytes = bytes};
}

#endif
