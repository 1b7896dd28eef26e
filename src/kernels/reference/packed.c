/* The plain version of the arithmetic that packed.h defines. */
#include <math.h>
#include <string.h>

#include "kernels/reference/reference.h"
#include "kernels/weight_block.h"

/* ---- Activations ---------------------------------------------------------------- */

/* The scale (returned) and integers of up to 32 values, followed by zeros.  A NaN makes the scale
 * NaN, because magnitudes are compared as integers. */
static float quantise(size_t count, const float *x, float limit, int16_t q[UM_PACK_BLOCK]) {
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7FFFFFFFu;
        most = bits > most ? bits : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    memset(q, 0, UM_PACK_BLOCK * sizeof *q);
    if (largest < UM_PACK_SMALLEST) {
        return 0;
    }
    if (!isfinite(largest)) {
        return largest / limit; /* whatever the integers are, the result is NaN */
    }
    const float inverse = limit / largest;
    for (size_t i = 0; i < count; i++) {
        q[i] = (int16_t)lrintf(x[i] * inverse);
    }
    return largest / limit;
}

/* Layout: row after row, block after block. */
void um_reference_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                            const um_packed_rows *packed) {
    const size_t blocks = um_pack_blocks(packed->k);
    const bool narrow = packed->kind == UM_PACK_NARROW;
    int16_t *integers = packed->integers;
    for (size_t row = 0; row < part.row_count; row++) {
        for (size_t i = 0; i < part.block_count; i++) {
            const size_t block = part.first_block + i;
            const size_t at = (part.first_row + row) * blocks + block;
            int16_t *q = integers + at * UM_PACK_BLOCK;
            packed->scales[at] =
                quantise(um_pack_block_count(packed->k, block),
                         x + row * x_stride + block * UM_PACK_BLOCK, narrow ? 127.0f : 8191.0f, q);
            int32_t sum = 0;
            for (size_t e = 0; e < UM_PACK_BLOCK; e++) {
                sum += q[e];
            }
            if (narrow) {
                packed->scaled_sums[at] = packed->scales[at] * (float)sum;
            }
        }
    }
}

/* ---- The product --------------------------------------------------------------------- */

static float integer_sum(const um_weight_block *w, const int16_t *qx, size_t first, size_t count) {
    int32_t sum = 0;
    for (size_t i = first; i < first + count; i++) {
        sum += (int32_t)qx[i] * w->q[i];
    }
    return (float)sum;
}

static float add_block(const um_weight_block *w, const int16_t *qx, float scale, float scaled_sum,
                       float total) {
    if (w->sub_blocks == 2) {
        const float early = integer_sum(w, qx, 0, 16) * w->scales[0];
        const float late = integer_sum(w, qx, 16, 16);
        return fmaf(fmaf(late, w->scales[1], early), scale, total);
    }
    total = fmaf(integer_sum(w, qx, 0, UM_PACK_BLOCK), scale * w->scales[0], total);
    return w->has_minimum ? fmaf(-w->minimum, scaled_sum, total) : total;
}

void um_reference_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                                const float *bias, float *y, size_t y_stride) {
    const size_t blocks = um_pack_blocks(rows->k);
    const size_t row_bytes = um_dtype_row_bytes(dtype, rows->k);
    const bool narrow = rows->kind == UM_PACK_NARROW;
    const int16_t *integers = rows->integers;
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < rows->rows; i++) {
            y[i * y_stride + j] = 0;
        }
        for (size_t block = 0; block < blocks; block++) {
            um_weight_block read;
            um_read_weight_block(dtype, (const uint8_t *)w + j * row_bytes, block, rows->k, &read);
            for (size_t i = 0; i < rows->rows; i++) {
                const size_t at = i * blocks + block;
                y[i * y_stride + j] =
                    add_block(&read, integers + at * UM_PACK_BLOCK, rows->scales[at],
                              narrow ? rows->scaled_sums[at] : 0, y[i * y_stride + j]);
            }
        }
        for (size_t i = 0; bias && i < rows->rows; i++) {
            y[i * y_stride + j] += bias[j];
        }
    }
}
