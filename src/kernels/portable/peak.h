/* What the peak kernels of this folder share. */
#ifndef UM_KERNELS_PORTABLE_PEAK_H
#define UM_KERNELS_PORTABLE_PEAK_H

#include "kernels/portable/vector.h"

/* Independent sums, which hide the latency of a multiply-add and fit the registers. */
#define UM_PEAK_CHAINS 16
#define UM_PEAK_STEPS 64 /* in a round */

/* From here on the compiler knows nothing about the value, so it can neither reuse a product of
 * constants nor leave one out. */
#define UM_OPAQUE(value) __asm__ volatile("" : "+m"(value))

static inline um_peak_work um_peak_work_of(size_t rounds, float result) {
    return (um_peak_work){2.0 * UM_PEAK_CHAINS * UM_V4_LANES * UM_PEAK_STEPS * (double)rounds,
                          result};
}

static inline float um_add_integers(const um_ints sums[UM_PEAK_CHAINS]) {
    um_ints total = sums[0];
    for (size_t i = 1; i < UM_PEAK_CHAINS; i++) {
        total += sums[i];
    }
    return um_v4_sum(__builtin_convertvector(total, um_floats));
}

/* peak_narrow of products of bytes, four to a lane. */
static UM_ALWAYS_INLINE void um_peak_of_bytes(size_t rounds, um_peak_work *work) {
    um_ints sums[UM_PEAK_CHAINS] = {{0}};
    um_bytes w[8];
    int8_t x[16];
    memset(w, 5, sizeof w);
    memset(x, 3, sizeof x);
    /* A step of 16 products each; a round is UM_PEAK_STEPS products of each lane. */
    for (size_t step = 0; step < rounds * UM_PEAK_STEPS / 16; step++) {
#pragma GCC unroll 8
        for (size_t i = 0; i < UM_PEAK_CHAINS; i += 2) {
            UM_OPAQUE(x);
            um_multiply_bytes(w, x, &sums[i], &sums[i + 1]);
        }
    }
    *work = um_peak_work_of(rounds, um_add_integers(sums));
}

#endif
