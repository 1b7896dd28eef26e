/* The float that has these bits. */
#ifndef UM_KERNELS_FLOAT_BITS_H
#define UM_KERNELS_FLOAT_BITS_H

#include <stdint.h>
#include <string.h>

static inline float um_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
