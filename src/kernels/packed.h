/* Products with stored weights that are not f32: integers times integers, block by block.
 *
 * Activations are quantised ("packed") once for all the matrices that multiply them.  Weights are
 * converted to integers where they are used, from their layout in the file, so no part of a model
 * is held twice.
 *
 * The arithmetic, which every version of the kernels follows bit for bit.  A row of k elements
 * is cut into blocks of 32, the last one filled up with zeros.  With q the integers and s the
 * scale of a block, in order of the blocks b of a row,
 *
 *   sum <- fma((float) sum_k qx[k] qw[k], sx sw, sum)
 *   sum <- fma(-minimum, sx sum_k qx[k], sum)          after it, for types with a minimum
 *   y   =  sum + bias
 *
 * where the integer sums are exact and sx sw is rounded to f32.  With two sub-blocks of 16, whose
 * scales are sw and sw' and whose integer sums are i and i', the first line is
 *
 *   sum <- fma(fma((float) i', sw', (float) i sw), sx, sum).
 *
 * Narrow types (Q8_0, Q4_0, Q4_K, Q5_K, Q6_K): qw, sw and the minimum are those of the file, with
 * sub-blocks of 16 for Q6_K; activations have 8 bits, sx = a / 127, qx = round(x (127 / a)), with a
 * the largest magnitude of the block.
 *
 * Wide types (F16, BF16): both sides have 14 bits, so that 32 products always fit 32 bits.
 * Activations are packed as above, with 8191 in place of 127.  For weights sw = 2^(e - 12), with
 * 2^e the power of two at or below the largest magnitude (at least 2^-14 for F16), and
 * qw = round(w / sw), halves away from zero: an F16 weight is exact if it is at least a quarter of
 * 2^e, a BF16 weight if it is at least a 32nd.  Compared with f32 arithmetic, the error is about
 * that of rounding the activations to F16.
 *
 * A block whose largest magnitude is below 1e-30 counts as zero; one that contains an infinity or a
 * NaN makes its results NaN or infinite. */
#ifndef UM_KERNELS_PACKED_H
#define UM_KERNELS_PACKED_H

#include "tensor/dtype.h"

#define UM_PACK_BLOCK 32
#define UM_PACK_SMALLEST 1e-30f

typedef enum um_pack_kind { UM_PACK_NARROW, UM_PACK_WIDE } um_pack_kind;

/* Packed activations.  The order within the arrays is up to the kernels that packed them. */
typedef struct um_packed_rows {
    um_pack_kind kind;
    size_t rows;
    size_t k;
    void *integers;     /* UM_PACK_INTEGER_BYTES for each block */
    float *scales;      /* [rows, blocks] in the kernels' order, like the three below */
    int32_t *sums;      /* sum qx of a block, or a multiple of it; narrow only */
    int32_t *late_sums; /* the same for the block's last 16 elements; narrow only */
    float *scaled_sums; /* sx sum qx of a block; narrow only */
} um_packed_rows;

/* Some blocks of some rows, to be packed. */
typedef struct um_pack_part {
    size_t first_row;
    size_t row_count;
    size_t first_block;
    size_t block_count;
} um_pack_part;

static inline size_t um_pack_blocks(size_t k) {
    return k / UM_PACK_BLOCK + (k % UM_PACK_BLOCK != 0 ? 1 : 0);
}

/* Elements of a row in block number `block`; behind the last there are zeros. */
static inline size_t um_pack_block_count(size_t k, size_t block) {
    const size_t rest = k - block * UM_PACK_BLOCK;
    return rest < UM_PACK_BLOCK ? rest : UM_PACK_BLOCK;
}

/* Bytes that hold the `integers` of a block, for any kind and version. */
#define UM_PACK_INTEGER_BYTES (UM_PACK_BLOCK * sizeof(int16_t))

/* How activations are packed for weights of the type; not for F32. */
static inline um_pack_kind um_pack_kind_of(um_dtype dtype) {
    return um_dtype_is_plain(dtype) ? UM_PACK_WIDE : UM_PACK_NARROW;
}

#endif
