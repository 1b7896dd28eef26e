#include "tensor/quantise.h"

#include <float.h>
#include <math.h>

#include "tensor/quantise_internal.h"

/* Largest magnitude for which the scales of every format fit into an f16 (65504), with room for
 * the search: 8 steps for Q4_0, 15 * 63 for Q4_K, 32 * 128 for Q6_K. */
#define MAGNITUDE_MAXIMUM 500000.0f

bool um_can_quantise(um_dtype dtype) {
    return dtype == UM_DTYPE_Q8_0 || dtype == UM_DTYPE_Q4_0 || dtype == UM_DTYPE_Q4_K ||
           dtype == UM_DTYPE_Q6_K;
}

/* Like roundf, in arithmetic that compilers can vectorise; the sum is exact in double. */
static int round_half_away(float value) {
    return (int)((double)value + (value < 0 ? -0.5 : 0.5));
}

/* 1 / d, or 0 if d is so small that 1 / d might not be finite: d is then 0 as an f16, so the quants
 * do not matter. */
static float inverse_of(float d) {
    return fabsf(d) >= FLT_MIN ? 1.0f / d : 0.0f;
}

static void quantise_q8_0(const float *source, uint8_t *block) {
    float largest = 0;
    for (size_t i = 0; i < 32; i++) {
        const float magnitude = fabsf(source[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const float d = largest / 127.0f;
    const float inverse = inverse_of(d);
    um_put_f16(block, d);
    for (size_t i = 0; i < 32; i++) {
        block[2 + i] = (uint8_t)(int8_t)round_half_away(source[i] * inverse);
    }
}

static uint8_t nibble(float scaled) {
    const int q = (int)(scaled + 8.5f);
    return (uint8_t)(q > 15 ? 15 : q);
}

static void quantise_q4_0(const float *source, uint8_t *block) {
    float largest = 0; /* of largest magnitude, with its sign; the first of equals */
    for (size_t i = 0; i < 32; i++) {
        largest = fabsf(source[i]) > fabsf(largest) ? source[i] : largest;
    }
    const float d = largest / -8.0f;
    const float inverse = inverse_of(d);
    um_put_f16(block, d);
    for (size_t i = 0; i < 16; i++) {
        const uint8_t low = nibble(source[i] * inverse);
        const uint8_t high = nibble(source[i + 16] * inverse);
        block[2 + i] = (uint8_t)(low | high << 4);
    }
}

static bool is_in_range(const float *source, size_t count) {
    bool in_range = true;
    for (size_t i = 0; i < count; i++) {
        in_range = in_range && fabsf(source[i]) <= MAGNITUDE_MAXIMUM; /* false for NaN */
    }
    return in_range;
}

bool um_quantise(um_dtype dtype, const float *source, void *target, size_t count) {
    const size_t elements = um_dtype_block(dtype);
    uint8_t *block = target;
    if (!um_can_quantise(dtype) || !is_in_range(source, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i += elements, block += um_dtype_size(dtype)) {
        if (dtype == UM_DTYPE_Q8_0) {
            quantise_q8_0(source + i, block);
        } else if (dtype == UM_DTYPE_Q4_0) {
            quantise_q4_0(source + i, block);
        } else if (dtype == UM_DTYPE_Q4_K) {
            um_quantise_q4_k_block(source + i, block);
        } else {
            um_quantise_q6_k_block(source + i, block);
        }
    }
    return true;
}
