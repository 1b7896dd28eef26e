/* The integers and scales of one block of 32 stored weights, as packed.h defines them, in plain C.
 */
#ifndef UM_KERNELS_WEIGHT_BLOCK_H
#define UM_KERNELS_WEIGHT_BLOCK_H

#include "kernels/packed.h"

typedef struct um_weight_block {
    int16_t q[UM_PACK_BLOCK];
    size_t sub_blocks; /* with a scale of their own: 1 or 2 */
    float scales[2];
    bool has_minimum;
    float minimum;
} um_weight_block;

/* Block number `block` of a row of k weights of any type but F32; elements behind the row are 0. */
void um_read_weight_block(um_dtype dtype, const uint8_t *row, size_t block, size_t k,
                          um_weight_block *out);

#endif
