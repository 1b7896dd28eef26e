#include "kernels/avx2/operand.h"

/* Transpose 8 vectors of 8 lanes by interleaving single lanes, then pairs, then halves. */
static UM_ALWAYS_INLINE void transpose(__m256 r[UM_LANES]) {
    __m256 t[UM_LANES];
    for (size_t i = 0; i < UM_LANES; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < UM_LANES; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (size_t i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
    for (size_t i = 0; i < UM_LANES; i++) {
        r[i] = t[i];
    }
}

void um_avx2_turn_rounded_panel(size_t k, size_t columns, const float *b, size_t b_column,
                                float *panel) {
    for (size_t j = 0; j < columns; j += UM_LANES) {
        float *column = panel + j / UM_GROUP_COLUMNS * UM_GROUP_SIZE + j % UM_GROUP_COLUMNS;
        for (size_t l = 0; l < k; l += UM_LANES) {
            __m256 r[UM_LANES];
            for (size_t i = 0; i < UM_LANES; i++) {
                r[i] = j + i < columns ? um_avx2_operand(true, b + (j + i) * b_column + l, k - l)
                                       : _mm256_setzero_ps();
            }
            transpose(r);
            for (size_t i = 0; i < UM_LANES; i++) {
                _mm256_store_ps(column + um_avx2_place(true, l + i) * UM_GROUP_COLUMNS, r[i]);
            }
        }
    }
}
