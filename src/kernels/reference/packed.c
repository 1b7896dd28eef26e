/* The plain version of the arithmetic that packed.h defines. */
#include <math.h>
#include <string.h>

#include "kernels/reference/reference.h"
#include "tensor/quantised.h"

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

static size_t block_count(size_t k, size_t block) {
    const size_t rest = k - block * UM_PACK_BLOCK;
    return rest < UM_PACK_BLOCK ? rest : UM_PACK_BLOCK;
}

/* Layout: row after row, block after block. */
void um_reference_pack_rows(size_t first, size_t count, const float *x, size_t x_stride,
                            const um_packed_rows *packed) {
    const size_t blocks = um_pack_blocks(packed->k);
    const bool narrow = packed->kind == UM_PACK_NARROW;
    int16_t *integers = packed->integers;
    for (size_t row = 0; row < count; row++) {
        for (size_t block = 0; block < blocks; block++) {
            const size_t at = (first + row) * blocks + block;
            int16_t *q = integers + at * UM_PACK_BLOCK;
            packed->scales[at] =
                quantise(block_count(packed->k, block), x + row * x_stride + block * UM_PACK_BLOCK,
                         narrow ? 127.0f : 8191.0f, q);
            int32_t sum = 0;
            for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
                sum += q[i];
            }
            if (narrow) {
                packed->scaled_sums[at] = packed->scales[at] * (float)sum;
            }
        }
    }
}

/* ---- Weights ---------------------------------------------------------------------- */

/* One block of 32 weights. */
typedef struct weight_block {
    int16_t q[UM_PACK_BLOCK];
    size_t sub_blocks; /* with a scale of their own */
    float scales[2];
    bool has_minimum;
    float minimum;
} weight_block;

static void read_q8_0(const uint8_t *row, size_t block, weight_block *out) {
    const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q8_0);
    out->scales[0] = um_f32_from_f16_bytes(at);
    for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
        out->q[i] = (int8_t)at[2 + i];
    }
}

static void read_q4_0(const uint8_t *row, size_t block, weight_block *out) {
    const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q4_0);
    out->scales[0] = um_f32_from_f16_bytes(at);
    for (size_t i = 0; i < 16; i++) {
        out->q[i] = (int16_t)((at[2 + i] & 15) - 8);
        out->q[i + 16] = (int16_t)((at[2 + i] >> 4) - 8);
    }
}

static void read_k(um_dtype dtype, const uint8_t *row, size_t block, weight_block *out) {
    const uint8_t *at = row + block / 8 * um_dtype_size(dtype);
    const size_t sub = block % 8;
    const uint8_t *low = at + (dtype == UM_DTYPE_Q5_K ? 48 : 16) + sub / 2 * 32;
    uint8_t scale = 0, minimum = 0;
    um_k_scale_and_minimum(at + 4, sub, &scale, &minimum);
    out->scales[0] = um_f32_from_f16_bytes(at) * (float)scale;
    out->has_minimum = true;
    out->minimum = um_f32_from_f16_bytes(at + 2) * (float)minimum;
    for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
        const int fifth = dtype == UM_DTYPE_Q5_K ? (at[16 + i] >> sub & 1) << 4 : 0;
        out->q[i] = (int16_t)((low[i] >> (sub % 2 * 4) & 15) | fifth);
    }
}

static void read_q6_k(const uint8_t *row, size_t block, weight_block *out) {
    const uint8_t *at = row + block / 8 * um_dtype_size(UM_DTYPE_Q6_K);
    const size_t half = block % 8 / 4, r = block % 4;
    const float d = um_f32_from_f16_bytes(at + 208);
    out->sub_blocks = 2;
    for (size_t s = 0; s < 2; s++) {
        out->scales[s] = d * (float)(int8_t)at[192 + block % 8 * 2 + s];
    }
    for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
        const int low = at[half * 64 + r % 2 * 32 + i] >> (r / 2 * 4) & 15;
        const int high = at[128 + half * 32 + i] >> (2 * r) & 3;
        out->q[i] = (int16_t)((low | high << 4) - 32);
    }
}

static void read_wide(um_dtype dtype, const uint8_t *row, size_t block, size_t k,
                      weight_block *out) {
    float values[UM_PACK_BLOCK];
    const size_t count = block_count(k, block);
    um_convert_to_f32(dtype, row + um_dtype_row_bytes(dtype, block * UM_PACK_BLOCK), values, count);
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            out->scales[0] = NAN;
            return;
        }
        largest = fmaxf(largest, fabsf(values[i]));
    }
    if (largest < UM_PACK_SMALLEST) {
        return;
    }
    /* 2^-12 times the power of two at or below the largest; subnormal F16 count with the smallest
     * normal exponent. */
    int exponent = 0;
    (void)frexpf(largest, &exponent);
    exponent = dtype == UM_DTYPE_F16 && exponent < -13 ? -13 : exponent;
    out->scales[0] = ldexpf(1, exponent - 13);
    for (size_t i = 0; i < count; i++) {
        out->q[i] = (int16_t)lroundf(values[i] / out->scales[0]);
    }
}

static void read_block(um_dtype dtype, const uint8_t *row, size_t block, size_t k,
                       weight_block *out) {
    *out = (weight_block){.sub_blocks = 1};
    switch (dtype) {
        case UM_DTYPE_Q8_0:
            read_q8_0(row, block, out);
            break;
        case UM_DTYPE_Q4_0:
            read_q4_0(row, block, out);
            break;
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
            read_k(dtype, row, block, out);
            break;
        case UM_DTYPE_Q6_K:
            read_q6_k(row, block, out);
            break;
        case UM_DTYPE_F32: /* not packed: see matmul */
        case UM_DTYPE_F16:
        case UM_DTYPE_BF16:
            read_wide(dtype, row, block, k, out);
            break;
    }
}

/* ---- The product --------------------------------------------------------------------- */

static float integer_sum(const weight_block *w, const int16_t *qx, size_t first, size_t count) {
    int32_t sum = 0;
    for (size_t i = first; i < first + count; i++) {
        sum += (int32_t)qx[i] * w->q[i];
    }
    return (float)sum;
}

static float add_block(const weight_block *w, const int16_t *qx, float scale, float scaled_sum,
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
            weight_block read;
            read_block(dtype, (const uint8_t *)w + j * row_bytes, block, rows->k, &read);
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
