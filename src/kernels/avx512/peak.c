#include "kernels/avx512/avx512.h"

#define CHAINS 16 /* independent sums: two a cycle with up to five cycles of latency need ten */
#define STEPS 64  /* in a round */

/* From here on the compiler knows nothing about the value. */
#define OPAQUE(value) __asm__ volatile("" : "+v"(value))

static um_peak_work work_of(size_t rounds, double products, float result) {
    return (um_peak_work){2.0 * products * CHAINS * STEPS * (double)rounds, result};
}

static float add_integers(const __m512i sums[CHAINS]) {
    __m512i total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total = _mm512_add_epi32(total, sums[i]);
    }
    return _mm512_reduce_add_ps(_mm512_cvtepi32_ps(total));
}

void um_avx512_peak_float(size_t rounds, um_peak_work *work) {
    __m512 sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm512_set1_ps((float)i);
    }
    __m512 factor = _mm512_set1_ps(0.5f);
    __m512 term = _mm512_set1_ps(1.0f);
    OPAQUE(factor);
    OPAQUE(term);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 16
        for (size_t i = 0; i < CHAINS; i++) {
            sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
        }
    }
    __m512 total = sums[0];
    for (size_t i = 1; i < CHAINS; i++) {
        total = _mm512_add_ps(total, sums[i]);
    }
    *work = work_of(rounds, 16, _mm512_reduce_add_ps(total));
}

void um_avx512_peak_wide(size_t rounds, um_peak_work *work) {
    __m512i sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm512_setzero_si512();
    }
    __m512i x = _mm512_set1_epi16(3);
    __m512i w = _mm512_set1_epi16(5);
    OPAQUE(x);
    OPAQUE(w);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 16
        for (size_t i = 0; i < CHAINS; i++) {
            sums[i] = _mm512_dpwssd_epi32(sums[i], w, x);
        }
    }
    *work = work_of(rounds, 32, add_integers(sums));
}

void um_avx512_peak_narrow(size_t rounds, um_peak_work *work) {
    __m512i sums[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        sums[i] = _mm512_setzero_si512();
    }
    __m512i x = _mm512_set1_epi8(3);
    __m512i w = _mm512_set1_epi8(5);
    OPAQUE(x);
    OPAQUE(w);
    for (size_t step = 0; step < rounds * STEPS; step++) {
#pragma GCC unroll 16
        for (size_t i = 0; i < CHAINS; i++) {
            sums[i] = _mm512_dpbusd_epi32(sums[i], w, x);
        }
    }
    *work = work_of(rounds, 64, add_integers(sums));
}
