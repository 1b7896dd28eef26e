#include "kernels/portable/peak.h"

#include "kernels/portable/portable.h"

void um_portable_peak_float(size_t rounds, um_peak_work *work) {
    um_floats sums[UM_PEAK_CHAINS];
    for (size_t i = 0; i < UM_PEAK_CHAINS; i++) {
        sums[i] = um_v4_splat((float)i);
    }
    float half = 0.5f, one = 1.0f;
    UM_OPAQUE(half);
    UM_OPAQUE(one);
    const um_floats factor = um_v4_splat(half), term = um_v4_splat(one);
    for (size_t step = 0; step < rounds * UM_PEAK_STEPS; step++) {
#pragma GCC unroll 16
        for (size_t i = 0; i < UM_PEAK_CHAINS; i++) {
            sums[i] = um_v4_multiply_add(sums[i], factor, term);
        }
    }
    um_floats total = sums[0];
    for (size_t i = 1; i < UM_PEAK_CHAINS; i++) {
        total += sums[i];
    }
    *work = um_peak_work_of(rounds, um_v4_sum(total));
}

void um_portable_peak_wide(size_t rounds, um_peak_work *work) {
    um_ints sums[UM_PEAK_CHAINS] = {{0}};
    um_shorts w[8];
    int16_t x[8];
    for (size_t e = 0; e < 8; e++) {
        w[e] = (um_shorts){5, 5, 5, 5, 5, 5, 5, 5};
        x[e] = 3;
    }
    for (size_t step = 0; step < rounds * UM_PEAK_STEPS / 8; step++) {
#pragma GCC unroll 8
        for (size_t i = 0; i < UM_PEAK_CHAINS; i += 2) {
            UM_OPAQUE(x);
            um_multiply_shorts(w, x, &sums[i], &sums[i + 1]);
        }
    }
    *work = um_peak_work_of(rounds, um_add_integers(sums));
}

/* As packed_product.c multiplies narrow integers. */
void um_portable_peak_narrow(size_t rounds, um_peak_work *work) {
#if defined(__aarch64__)
    um_portable_peak_wide(rounds, work);
#else
    um_peak_of_bytes(rounds, work);
#endif
}
