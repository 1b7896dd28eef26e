/* Where the vector kernels put a packed row.  Rows are grouped into tiles of at most UM_TILE_ROWS
 * rows, whose heights differ by at most one; a tile is stored block after block, and a block as the
 * 32 integers of each row. */
#ifndef UM_KERNELS_TILE_H
#define UM_KERNELS_TILE_H

#include "kernels/packed.h"

#define UM_TILE_ROWS 6

typedef struct um_tile_place {
    uint8_t *integers; /* the row's part of the tile's first block */
    size_t scale;      /* index of the row's scale and sums in the first block */
    size_t rows;       /* of the tile */
    size_t row_bytes;  /* of one row's integers in a block */
} um_tile_place;

static inline um_tile_place um_tile_locate(const um_packed_rows *packed, size_t row) {
    const size_t blocks = um_pack_blocks(packed->k);
    const size_t tiles = (packed->rows + UM_TILE_ROWS - 1) / UM_TILE_ROWS;
    /* The first `higher` tiles have one row more than the others. */
    const size_t height = packed->rows / tiles;
    const size_t higher = packed->rows % tiles;
    const bool is_higher = row < higher * (height + 1);
    const size_t rows = is_higher ? height + 1 : height;
    const size_t past = is_higher ? row : row - higher * (height + 1);
    const size_t start = row - past % rows;
    const size_t bytes = packed->kind == UM_PACK_NARROW ? UM_PACK_BLOCK : 2 * UM_PACK_BLOCK;
    uint8_t *integers = packed->integers;
    return (um_tile_place){.integers = integers + (start * blocks + (row - start)) * bytes,
                           .scale = start * blocks + (row - start),
                           .rows = rows,
                           .row_bytes = bytes};
}

/* The data of a tile's rows from some block on; each array is [block][row of the tile]. */
typedef struct um_tile_rows {
    const uint8_t *integers;
    const float *scales;
    const int32_t *sums;
    const int32_t *late_sums;
    const float *scaled_sums;
} um_tile_rows;

static inline um_tile_rows um_tile_rows_from(const um_packed_rows *packed, um_tile_place place,
                                             size_t block) {
    const size_t at = place.scale + block * place.rows;
    const bool narrow = packed->kind == UM_PACK_NARROW;
    return (um_tile_rows){.integers = place.integers + block * place.rows * place.row_bytes,
                          .scales = packed->scales + at,
                          .sums = narrow ? packed->sums + at : NULL,
                          .late_sums = narrow ? packed->late_sums + at : NULL,
                          .scaled_sums = narrow ? packed->scaled_sums + at : NULL};
}

/* The end of as many whole tiles, from row `first` on, as have at most `most` rows together. */
static inline size_t um_tile_batch_end(const um_packed_rows *packed, size_t first, size_t most) {
    size_t end = first;
    while (end < packed->rows) {
        const size_t height = um_tile_locate(packed, end).rows;
        if (end + height - first > most) {
            break;
        }
        end += height;
    }
    return end;
}

#endif
