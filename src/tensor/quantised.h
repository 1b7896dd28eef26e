/* Block-quantised formats, in the layouts of GGUF files (ggml's block_q8_0 and so on; facts from
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and the format's reference code).
 * Numbers are little-endian; d, m are f16; q are the stored integers of a block of consecutive
 * elements.
 *
 * Q8_0, 32 elements in 34 bytes: d, q[32] signed bytes.              x = d q
 * Q4_0, 32 in 18: d, 16 bytes; byte i holds q[i] low, q[i + 16] high. x = d (q - 8)
 *
 * Q4_K, Q5_K, 256 in 144 and 176: d, m, 12 bytes of scales, then quants, in eight sub-blocks of 32.
 * Sub-block s has a scale a[s] and a minimum b[s] of 6 bits each.    x = (d a) q - (m b)
 *   With c the 12 bytes: s < 4: a = c[s] & 63, b = c[s + 4] & 63; else
 *   a = c[s + 4] & 15 | c[s - 4] >> 6 << 4, b = c[s + 4] >> 4 | c[s] >> 6 << 4.
 *   Low four bits: 128 bytes; sub-blocks 2i and 2i + 1 share bytes 32 i .. 32 i + 31, the even
 *   one in the low halves.  In Q5_K, 32 bytes of fifth bits precede them: bit s of byte i belongs
 *   to element i of sub-block s.
 *
 * Q6_K, 256 in 210: 128 bytes of low four bits, 64 of high two bits, 16 signed scales a, d; sixteen
 * sub-blocks of 16.                                                   x = (d a) (q - 32)
 *   Each half h of 128 elements has 64 low bytes L and 32 high bytes H; its element 32 r + i has
 *   low bits from L[i + 32 (r & 1)], the low half if r < 2, else the high half, and high bits
 *   H[i] >> 2 r & 3. */
#ifndef UM_TENSOR_QUANTISED_H
#define UM_TENSOR_QUANTISED_H

#include "tensor/dtype.h"

/* Scale and minimum of sub-block `sub` (0 to 7) from the 12 packed bytes of Q4_K and Q5_K. */
void um_k_scale_and_minimum(const uint8_t packed[12], size_t sub, uint8_t *scale, uint8_t *minimum);

/* target[count] = the values of the blocks at `source`; `count` is a multiple of the block.  Each
 * value is one f32 multiplication (and, with a minimum, one subtraction) as written above. */
void um_dequantise(um_dtype dtype, const void *source, float *target, size_t count);

#endif
