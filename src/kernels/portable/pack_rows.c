/* Activations to integers, in the layout of the plain version: row after row, block after block. */
#include <math.h>

#include "kernels/portable/portable.h"
#include "kernels/portable/vector.h"

#define VECTORS (UM_PACK_BLOCK / UM_LANES) /* in a block */

/* Adding and subtracting it rounds a small number to the nearest integer, ties to even. */
#define ROUNDING 12582912.0f

/* The scale (returned), the integers and their sum of a block of `count` values. */
static float quantise(size_t count, const float *x, float limit, int16_t *q, int32_t *sum) {
    um_floats values[VECTORS];
    um_ints most = {0};
    for (size_t i = 0; i < VECTORS; i++) {
        const size_t lanes = um_lanes_at(i * UM_LANES, count);
        values[i] = lanes > 0 ? um_load(x + i * UM_LANES, lanes) : um_all(0.0f);
        most = um_larger_bits(most, um_magnitude_bits(values[i]));
    }
    const float largest = um_largest_of_bits(most);
    *sum = 0;
    if (!isfinite(largest) || largest < UM_PACK_SMALLEST) {
        memset(q, 0, UM_PACK_BLOCK * sizeof *q);
        return isfinite(largest) ? 0.0f : largest / limit; /* whatever the integers are: NaN */
    }
    const um_floats inverse = um_all(limit / largest), rounding = um_all(ROUNDING);
    um_ints sums = {0};
    for (size_t i = 0; i < VECTORS; i++) {
        const um_floats rounded = values[i] * inverse + rounding - rounding;
        const um_ints integers = __builtin_convertvector(rounded, um_ints);
        sums += integers;
        for (size_t j = 0; j < UM_LANES; j++) {
            q[i * UM_LANES + j] = (int16_t)integers[j];
        }
    }
    *sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return largest / limit;
}

void um_portable_pack_rows(size_t first, size_t count, const float *x, size_t x_stride,
                           const um_packed_rows *packed) {
    const size_t blocks = um_pack_blocks(packed->k);
    const bool narrow = packed->kind == UM_PACK_NARROW;
    int16_t *integers = packed->integers;
    for (size_t row = 0; row < count; row++) {
        for (size_t block = 0; block < blocks; block++) {
            const size_t at = (first + row) * blocks + block;
            int32_t sum = 0;
            packed->scales[at] = quantise(
                um_pack_block_count(packed->k, block), x + row * x_stride + block * UM_PACK_BLOCK,
                narrow ? 127.0f : 8191.0f, integers + at * UM_PACK_BLOCK, &sum);
            if (narrow) {
                packed->scaled_sums[at] = packed->scales[at] * (float)sum;
            }
        }
    }
}
