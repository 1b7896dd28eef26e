/* The arithmetic of the plain products with as many sums as hide its latency; what the compiler
 * makes of it is what it makes of them. */
#include "kernels/reference/reference.h"

#define LANES 64
#define STEPS 64 /* of a round */

void um_reference_peak_float(size_t rounds, um_peak_work *work) {
    float sums[LANES] = {0};
    float factor = 0.5f + 1.0f / (float)(rounds + 2); /* below 1, and unknown to the compiler */
    for (size_t i = 0; i < rounds * STEPS; i++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            sums[lane] = sums[lane] * factor + 1.0f;
        }
    }
    float total = 0;
    for (size_t lane = 0; lane < LANES; lane++) {
        total += sums[lane];
    }
    *work = (um_peak_work){2.0 * LANES * STEPS * (double)rounds, total};
}

/* Unsigned sums, which may wrap around. */
#define INTEGER_PEAK(name, type, limit)                                                            \
    void um_reference_##name(size_t rounds, um_peak_work *work) {                                  \
        type weights[LANES];                                                                       \
        uint32_t sums[LANES] = {0};                                                                \
        for (size_t lane = 0; lane < LANES; lane++) {                                              \
            weights[lane] = (type)((lane * 37 + rounds) % (limit));                                \
        }                                                                                          \
        for (size_t i = 0; i < rounds * STEPS; i++) {                                              \
            const type x = (type)(i % (limit));                                                    \
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

INTEGER_PEAK(peak_wide, int16_t, 8191)
INTEGER_PEAK(peak_narrow, int8_t, 127)
