/* Products with stored weights that are not f32: integers times integers, block by block.
 *
 * Activations are quantised once for all matrices that they meet ("packed"), weights are brought
 * to integers where they are used, out of the layout in which the file has them; nothing of a
 * model is held twice.
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
 * scales are sw and sw', and i and i' their integer sums, the first line is
 *
 *   sum <- fma(fma((float) i', sw', (float) i sw), sx, sum).
 *
 * Narrow types (Q8_0, Q4_0, Q4_K, Q5_K, Q6_K): qw, sw and the minimum are those of the file, with
 * sub-blocks of 16 for Q6_K; activations have 8 bits, sx = a / 127, qx = round(x (127 / a)), a the
 * largest magnitude of the block.
 *
 * Wide types (F16, BF16): both sides have 14 bits, so that 32 products always fit 32 bits.  For
 * activations 8191 stands in place of 127.  For weights sw = 2^(e - 12), 2^e the power of two at or
 * below the largest magnitude (at least 2^-14 for F16), and qw = round(w / sw), halves away from
 * zero: a weight of F16 is exact if it has at least a quarter of 2^e, one of BF16 if it has a 32nd.
 * The error beside f32 arithmetic is about that of rounding the activations to F16.
 *
 * A block whose largest magnitude is below 1e-30 counts as zero; one that holds an infinity or a
 * NaN makes its results NaN or infinite. */
#ifndef UM_KERNELS_PACKED_H
#define UM_KERNELS_PACKED_H

#include "tensor/dtype.h"

#define UM_PACK_BLOCK 32
#define UM_PACK_SMALLEST 1e-30f

typedef enum um_pack_kind { UM_PACK_NARROW, UM_PACK_WIDE } um_pack_kind;

/* Packed activations.  Their inner layout is that of the kernels which made them. */
typedef struct um_packed_rows {
    um_pack_kind kind;
    size_t rows;
    size_t k;
    void *integers;     /* UM_PACK_INTEGER_BYTES for each block */
    float *scales;      /* [rows, blocks] in the kernels' order, as the three below */
    int32_t *sums;      /* sum qx of a block, or a multiple of it; narrow only */
    int32_t *late_sums; /* the same of the last 16 elements of it; narrow only */
    float *scaled_sums; /* sx sum qx of a block; narrow only */
} um_packed_rows;

static inline size_t um_pack_blocks(size_t k) {
    return k / UM_PACK_BLOCK + (k % UM_PACK_BLOCK != 0 ? 1 : 0);
}

/* Bytes of the `integers` of a block, for any kind and version. */
#define UM_PACK_INTEGER_BYTES (UM_PACK_BLOCK * sizeof(int16_t))

/* How activations are packed for weights of the type; not for F32. */
static inline um_pack_kind um_pack_kind_of(um_dtype dtype) {
    return um_dtype_is_plain(dtype) ? UM_PACK_WIDE : UM_PACK_NARROW;
}

#endif
