/* A panel: eight columns of the result (rows of the weights) and a stretch of their elements,
 * unpacked to integers and transposed so that a vector holds one element of all columns.  It stays
 * in the first-level cache while all rows of activations are multiplied by it. */
#ifndef UM_KERNELS_PORTABLE_PANEL_H
#define UM_KERNELS_PORTABLE_PANEL_H

#include "kernels/portable/vector.h"

#define UM_PORTABLE_PANEL_COLUMNS 8
#define UM_PORTABLE_PANEL_HALVES 2 /* of the columns, for vectors of four floats */
/* Elements in a stretch, a multiple of every format's block, and the number of its blocks of 32. */
#define UM_PORTABLE_PANEL_STRETCH 512
#define UM_PORTABLE_PANEL_BLOCKS (UM_PORTABLE_PANEL_STRETCH / UM_PACK_BLOCK)

typedef struct um_portable_panel {
    union {
        um_shorts shorts[UM_PORTABLE_PANEL_STRETCH];   /* [element] */
        um_bytes bytes[UM_PORTABLE_PANEL_STRETCH / 2]; /* as um_multiply_bytes takes them */
    } weights;
    um_floats scales[UM_PORTABLE_PANEL_BLOCKS][2]
                    [UM_PORTABLE_PANEL_HALVES]; /* by sub-block of a block */
    um_floats minimums[UM_PORTABLE_PANEL_BLOCKS][UM_PORTABLE_PANEL_HALVES];
} um_portable_panel;

/* Unpack elements first .. first + count - 1 of the `columns` rows of k weights that begin at
 * `rows`, to bytes if `bytes`, which only narrow types may be; columns that do not exist become
 * zeros.  `first` is a multiple of the stretch. */
void um_portable_panel_unpack(um_dtype dtype, bool bytes, const uint8_t *rows, size_t k,
                              size_t columns, size_t first, size_t count, um_portable_panel *panel);

#endif
