#include "tensor/quantised.h"

void um_k_scale_and_minimum(const uint8_t packed[12], size_t sub, uint8_t *scale,
                            uint8_t *minimum) {
    if (sub < 4) {
        *scale = packed[sub] & 63;
        *minimum = packed[sub + 4] & 63;
        return;
    }
    *scale = (uint8_t)((packed[sub + 4] & 15) | packed[sub - 4] >> 6 << 4);
    *minimum = (uint8_t)(packed[sub + 4] >> 4 | packed[sub] >> 6 << 4);
}

static void dequantise_q8_0(const uint8_t *block, float *target) {
    const float d = um_f32_from_f16_bytes(block);
    for (size_t i = 0; i < 32; i++) {
        target[i] = d * (float)(int8_t)block[2 + i];
    }
}

static void dequantise_q4_0(const uint8_t *block, float *target) {
    const float d = um_f32_from_f16_bytes(block);
    for (size_t i = 0; i < 16; i++) {
        target[i] = d * (float)((block[2 + i] & 15) - 8);
        target[i + 16] = d * (float)((block[2 + i] >> 4) - 8);
    }
}

/* Q4_K, and Q5_K with `fifth` bits. */
static void dequantise_k(const uint8_t *block, const uint8_t *fifth, const uint8_t *low,
                         float *target) {
    const float d = um_f32_from_f16_bytes(block);
    const float m = um_f32_from_f16_bytes(block + 2);
    for (size_t sub = 0; sub < 8; sub++) {
        uint8_t scale = 0, minimum = 0;
        um_k_scale_and_minimum(block + 4, sub, &scale, &minimum);
        const float step = d * (float)scale;
        const float least = m * (float)minimum;
        for (size_t i = 0; i < 32; i++) {
            int q = low[sub / 2 * 32 + i] >> (sub % 2 * 4) & 15;
            q |= fifth ? (fifth[i] >> sub & 1) << 4 : 0;
            target[sub * 32 + i] = step * (float)q - least;
        }
    }
}

static void dequantise_q6_k(const uint8_t *block, float *target) {
    const float d = um_f32_from_f16_bytes(block + 208);
    for (size_t i = 0; i < 256; i++) {
        const size_t half = i / 128, r = i % 128 / 32, at = i % 32;
        const uint8_t low = block[half * 64 + r % 2 * 32 + at];
        const uint8_t high = block[128 + half * 32 + at];
        const int q = (r < 2 ? low & 15 : low >> 4) | (high >> (2 * r) & 3) << 4;
        const float step = d * (float)(int8_t)block[192 + i / 16];
        target[i] = step * (float)(q - 32);
    }
}

void um_dequantise(um_dtype dtype, const void *source, float *target, size_t count) {
    const size_t elements = um_dtype_block(dtype);
    const uint8_t *block = source;
    for (size_t i = 0; i < count; i += elements, block += um_dtype_size(dtype)) {
        switch (dtype) {
            case UM_DTYPE_Q8_0:
                dequantise_q8_0(block, target + i);
                break;
            case UM_DTYPE_Q4_0:
                dequantise_q4_0(block, target + i);
                break;
            case UM_DTYPE_Q4_K:
                dequantise_k(block, NULL, block + 16, target + i);
                break;
            case UM_DTYPE_Q5_K:
                dequantise_k(block, block + 16, block + 48, target + i);
                break;
            case UM_DTYPE_Q6_K:
                dequantise_q6_k(block, target + i);
                break;
            case UM_DTYPE_F32:
            case UM_DTYPE_F16:
            case UM_DTYPE_BF16:
                break; /* um_convert_to_f32 does not send these here */
        }
    }
}
