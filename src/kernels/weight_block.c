#include "kernels/weight_block.h"

#include <math.h>

#include "tensor/quantised.h"

static void read_q8_0(const uint8_t *row, size_t block, um_weight_block *out) {
    const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q8_0);
    out->scales[0] = um_f32_from_f16_bytes(at);
    for (size_t i = 0; i < UM_PACK_BLOCK; i++) {
        out->q[i] = (int8_t)at[2 + i];
    }
}

static void read_q4_0(const uint8_t *row, size_t block, um_weight_block *out) {
    const uint8_t *at = row + block * um_dtype_size(UM_DTYPE_Q4_0);
    out->scales[0] = um_f32_from_f16_bytes(at);
    for (size_t i = 0; i < 16; i++) {
        out->q[i] = (int16_t)((at[2 + i] & 15) - 8);
        out->q[i + 16] = (int16_t)((at[2 + i] >> 4) - 8);
    }
}

static void read_k(um_dtype dtype, const uint8_t *row, size_t block, um_weight_block *out) {
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

static void read_q6_k(const uint8_t *row, size_t block, um_weight_block *out) {
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
                      um_weight_block *out) {
    float values[UM_PACK_BLOCK];
    const size_t count = um_pack_block_count(k, block);
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

void um_read_weight_block(um_dtype dtype, const uint8_t *row, size_t block, size_t k,
                          um_weight_block *out) {
    *out = (um_weight_block){.sub_blocks = 1};
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
