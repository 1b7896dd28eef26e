#include "kernels/avx2/avx2.h"

/* Independent sums: two multiply-adds a cycle with up to five cycles of latency need ten, and two
 * operands still fit the 16 registers. */
#define CHAINS 12
#define STEPS 64 /* in a round */

/* From here on the compiler knows nothing about the value, so it can neither reuse a product of
 * constants nor leave one out. */
#define OPAQUE(value) __asm__ volatile("" : "+x"(value))

static um_peak_work work_of(size_t rounds, double products, float result) {
    return (um_peak_work){2.0 * products * CHAINS * STEPS * (double)rounds, result};
}

static float add_integers(const __m256i sums[CHAINS]) {
    __m256i total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total = _mm256_add_epi32(total, sums[i]);
    }
    return um_avx2_sum(_mm256_cvtepi32_ps(total));
}

void um_avx2_peak_float(size_t rounds, um_peak_work *work) {
    __m256 sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm256_set1_ps((float)i);
    }
    __m256 factor = _mm256_set1_ps(0.5f);
    __m256 term = _mm256_set1_ps(1.0f);
    OPAQUE(factor);
    OPAQUE(term);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) {
            sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
        }
    }
    __m256 total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total = _mm256_add_ps(total, sums[i]);
    }
    *work = work_of(rounds, 8, um_avx2_sum(total));
}

void um_avx2_peak_wide(size_t rounds, um_peak_work *work) {
    __m256i sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm256_setzero_si256();
    }
    __m256i x = _mm256_set1_epi16(3);
    const __m256i w = _mm256_set1_epi16(5);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) {
            OPAQUE(x);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(x, w));
        }
    }
    *work = work_of(rounds, 16, add_integers(sums));
}

void um_avx2_peak_narrow(size_t rounds, um_peak_work *work) {
    __m256i sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm256_setzero_si256();
    }
    __m256i x = _mm256_set1_epi8(3);
    const __m256i w = _mm256_set1_epi8(5);
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) {
            OPAQUE(x);
            const __m256i pairs = _mm256_maddubs_epi16(w, x);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
        }
    }
    *work = work_of(rounds, 32, add_integers(sums));
}
