#include "tensor/dtype.h"

#include <string.h>

#include "tensor/quantised.h"

const char *um_dtype_name(um_dtype dtype) {
    switch (dtype) {
#define UM_DTYPE_CASE(name, text, elements, bytes)                                                 \
    case name:                                                                                     \
        return text;
        UM_DTYPE_LIST(UM_DTYPE_CASE)
#undef UM_DTYPE_CASE
    }
    return "unknown";
}

size_t um_dtype_size(um_dtype dtype) {
    switch (dtype) {
#define UM_DTYPE_CASE(name, text, elements, bytes)                                                 \
    case name:                                                                                     \
        return bytes;
        UM_DTYPE_LIST(UM_DTYPE_CASE)
#undef UM_DTYPE_CASE
    }
    return 0;
}

size_t um_dtype_block(um_dtype dtype) {
    switch (dtype) {
#define UM_DTYPE_CASE(name, text, elements, bytes)                                                 \
    case name:                                                                                     \
        return elements;
        UM_DTYPE_LIST(UM_DTYPE_CASE)
#undef UM_DTYPE_CASE
    }
    return 1;
}

bool um_dtype_is_plain(um_dtype dtype) {
    return um_dtype_block(dtype) == 1;
}

size_t um_dtype_row_bytes(um_dtype dtype, size_t count) {
    return count / um_dtype_block(dtype) * um_dtype_size(dtype);
}

bool um_dtype_from_name(const char *name, um_dtype *dtype) {
#define UM_DTYPE_COMPARE(value, text, elements, bytes)                                             \
    if (strcmp(name, text) == 0) {                                                                 \
        *dtype = value;                                                                            \
        return true;                                                                               \
    }
    UM_DTYPE_LIST(UM_DTYPE_COMPARE)
#undef UM_DTYPE_COMPARE
    return false;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float um_f32_from_bf16(uint16_t bits) {
    return float_of((uint32_t)bits << 16);
}

uint16_t um_bf16_from_f32(float value) {
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
        return (uint16_t)(bits >> 16 | 0x40u); /* quiet the NaN: its payload may be cut off */
    }
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float um_f32_from_f16(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    const uint32_t exponent = bits >> 10 & 0x1Fu;
    const uint32_t mantissa = bits & 0x3FFu;
    if (exponent == 0x1F) {
        return float_of(sign | 0x7F800000u | mantissa << 13);
    }
    if (exponent == 0) {
        const float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_of(sign | (exponent + 112u) << 23 | mantissa << 13);
}

float um_f32_from_f16_bytes(const uint8_t bytes[2]) {
    return um_f32_from_f16((uint16_t)(bytes[0] | bytes[1] << 8));
}

uint16_t um_f16_from_f32(float value) {
    const uint32_t bits = bits_of(value);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
        return (uint16_t)(sign | 0x7E00u);
    }
    if (magnitude >= 0x477FF000u) { /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00u);
    }
    if (magnitude < 0x38800000u) { /* subnormal: the addition rounds to a multiple of 2^-24 */
        const uint32_t rounded = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
        return (uint16_t)(sign | rounded);
    }
    const uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

void um_convert_to_f32(um_dtype dtype, const void *source, float *target, size_t count) {
    const uint16_t *halves = source;
    switch (dtype) {
        case UM_DTYPE_F32:
            memcpy(target, source, count * sizeof *target);
            break;
        case UM_DTYPE_F16:
            for (size_t i = 0; i < count; i++) {
                target[i] = um_f32_from_f16(halves[i]);
            }
            break;
        case UM_DTYPE_BF16:
            for (size_t i = 0; i < count; i++) {
                target[i] = um_f32_from_bf16(halves[i]);
            }
            break;
        case UM_DTYPE_Q8_0:
        case UM_DTYPE_Q4_0:
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
        case UM_DTYPE_Q6_K:
            um_dequantise(dtype, source, target, count);
            break;
    }
}

void um_convert_from_f32(um_dtype dtype, const float *source, void *target, size_t count) {
    uint16_t *halves = target;
    switch (dtype) {
        case UM_DTYPE_F32:
            memcpy(target, source, count * sizeof *source);
            break;
        case UM_DTYPE_F16:
            for (size_t i = 0; i < count; i++) {
                halves[i] = um_f16_from_f32(source[i]);
            }
            break;
        case UM_DTYPE_BF16:
            for (size_t i = 0; i < count; i++) {
                halves[i] = um_bf16_from_f32(source[i]);
            }
            break;
        case UM_DTYPE_Q8_0:
        case UM_DTYPE_Q4_0:
        case UM_DTYPE_Q4_K:
        case UM_DTYPE_Q5_K:
        case UM_DTYPE_Q6_K:
            break; /* see um_quantise */
    }
}
