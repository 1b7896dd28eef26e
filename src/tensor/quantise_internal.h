/* Shared by the files that implement quantise.h. */
#ifndef UM_TENSOR_QUANTISE_INTERNAL_H
#define UM_TENSOR_QUANTISE_INTERNAL_H

#include "tensor/dtype.h"

/* One block of 256 elements, all finite and of magnitudes that quantise.c lets through. */
void um_quantise_q4_k_block(const float *source, uint8_t *block);
void um_quantise_q6_k_block(const float *source, uint8_t *block);

static inline void um_put_f16(uint8_t *bytes, float value) {
    const uint16_t bits = um_f16_from_f32(value);
    bytes[0] = (uint8_t)(bits & 0xFF);
    bytes[1] = (uint8_t)(bits >> 8);
}

/* `value` after storing it as an f16 and reading it back. */
static inline float um_round_to_f16(float value) {
    return um_f32_from_f16(um_f16_from_f32(value));
}

#endif
