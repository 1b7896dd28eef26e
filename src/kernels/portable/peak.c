#include "kernels/portable/portable.h"
#include "kernels/portable/vector.h"

/* Independent sums, which hide the latency of a multiply-add and fit the registers. */
#define CHAINS 16
#define STEPS 64 /* in a round */

/* From here on the compiler knows nothing about the value, so it can neither reuse a product of
 * constants nor leave one out. */
#define OPAQUE(value) __asm__ volatile("" : "+m"(value))

static um_peak_work work_of(size_t rounds, double sums, float result) {
    return (um_peak_work){2.0 * sums * STEPS * (double)rounds, result};
}

void um_portable_peak_float(size_t rounds, um_peak_work *work) {
    um_floats sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = um_all((float)i);
    }
    float half = 0.5f, one = 1.0f;
    OPAQUE(half);
    OPAQUE(one);
    const um_floats factor = um_all(half), term = um_all(one);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 16
        for (size_t i = 0; i < CHAINS; i++) {
            sums[i] = um_multiply_add(sums[i], factor, term);
        }
    }
    um_floats total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total += sums[i];
    }
    *work = work_of(rounds, CHAINS * UM_LANES, um_sum(total));
}

void um_portable_peak_wide(size_t rounds, um_peak_work *work) {
    um_ints sums[CHAINS] = {{0}};
    um_shorts w[8];
    int16_t x[8];
    for (size_t e = 0; e < 8; e++) {
        w[e] = (um_shorts){5, 5, 5, 5, 5, 5, 5, 5};
        x[e] = 3;
    }
    for (size_t step = 0; step < rounds * STEPS / 8; step++) {
#pragma GCC unroll 8
        for (size_t i = 0; i < CHAINS; i += 2) {
            OPAQUE(x);
            um_multiply_shorts(w, x, &sums[i], &sums[i + 1]);
        }
    }
    um_ints total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total += sums[i];
    }
    *work = work_of(rounds, CHAINS * UM_LANES, um_sum(__builtin_convertvector(total, um_floats)));
}

/* Narrow integers are multiplied as wide ones. */
void um_portable_peak_narrow(size_t rounds, um_peak_work *work) {
    um_portable_peak_wide(rounds, work);
}
