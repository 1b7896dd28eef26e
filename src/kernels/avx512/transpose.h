/* Transposes 16 vectors of 16 lanes: rows become columns. */
#ifndef UM_KERNELS_AVX512_TRANSPOSE_H
#define UM_KERNELS_AVX512_TRANSPOSE_H

#include "kernels/avx512/avx512.h"

/* In place, by interleaving single lanes, then pairs, then quarters of registers. */
static UM_ALWAYS_INLINE void um_avx512_transpose(__m512i r[16]) {
    __m512i t[16];
    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4) {
        for (size_t j = 0; j < 2; j++) {
            r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + 2 + j]);
            r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + 2 + j]);
        }
    }
    /* The quarters of r[4 g + c] are columns c, c + 4, c + 8, c + 12 of rows 4 g .. 4 g + 3. */
    for (size_t c = 0; c < 4; c++) {
        const __m512i low = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);
        const __m512i high = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xDD);
        const __m512i more_low = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
        const __m512i more_high = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xDD);
        t[c] = _mm512_shuffle_i32x4(low, more_low, 0x88);
        t[8 + c] = _mm512_shuffle_i32x4(low, more_low, 0xDD);
        t[4 + c] = _mm512_shuffle_i32x4(high, more_high, 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(high, more_high, 0xDD);
    }
    for (size_t i = 0; i < 16; i++) {
        r[i] = t[i];
    }
}

#endif
