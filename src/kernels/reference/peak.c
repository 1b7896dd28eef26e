/* The arithmetic of the plain products, with enough independent sums to hide its latency; the
 * compiler translates it as it does those products. */
#include "kernels/reference/reference.h"

#define LANES 64 /* independent sums */
#define STEPS 64 /* in a round */

/* Operands are volatile, so that the compiler can compute nothing in advance. */

void um_reference_peak_float(size_t rounds, um_peak_work *work) {
    volatile float operands[] = {0.5f, 1.0f};
    const float factor = operands[0];
    const float term = operands[1];
    float sums[LANES] = {0};
    for (size_t step = 0; step < rounds * STEPS; step++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            sums[lane] = sums[lane] * factor + term;
        }
    }
    float total = 0;
    for (size_t lane = 0; lane < LANES; lane++) {
        total += sums[lane];
    }
    *work = (um_peak_work){2.0 * LANES * STEPS * (double)rounds, total};
}

/* Unsigned sums, which may wrap around. */
#define INTEGER_PEAK(name, type)                                                                   \
    void um_reference_##name(size_t rounds, um_peak_work *work) {                                  \
        volatile type operands[] = {3, 5};                                                         \
        type weights[LANES];                                                                       \
        uint32_t sums[LANES] = {0};                                                                \
        for (size_t lane = 0; lane < LANES; lane++) {                                              \
            weights[lane] = operands[1];                                                           \
        }                                                                                          \
        for (size_t step = 0; step < rounds * STEPS; step++) {                                     \
            const type x = operands[0];                                                            \
            for (size_t lane = 0; lane < LANES; lane++) {                                          \
                sums[lane] += (uint32_t)((int32_t)weights[lane] * x);                              \
            }                                                                                      \
        }                                                                                          \
        uint32_t total = 0;                                                                        \
        for (size_t lane = 0; lane < LANES; lane++) {                                              \
            total += sums[lane];                                                                   \
        }                                                                                          \
        *work = (um_peak_work){2.0 * LANES * STEPS * (double)rounds, (float)total};                \
    }

INTEGER_PEAK(peak_wide, int16_t)
INTEGER_PEAK(peak_narrow, int8_t)
