/* y = p v: 4 rows of p by 16 columns of v in registers, k in ascending order. */
#include "kernels/avx2/avx2.h"

#define ROWS 4
#define VECTORS 2

static UM_ALWAYS_INLINE void tile(size_t rows, size_t vectors, size_t k, const float *p,
                                  size_t p_stride, const float *v, size_t v_stride, float *y,
                                  size_t y_stride) {
    __m256 sum[ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            sum[i][j] = _mm256_setzero_ps();
        }
    }
    for (size_t l = 0; l < k; l++) {
        __m256 value[VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = _mm256_loadu_ps(v + l * v_stride + j * UM_LANES);
        }
        for (size_t i = 0; i < rows; i++) {
            const __m256 weight = _mm256_broadcast_ss(p + i * p_stride + l);
            for (size_t j = 0; j < vectors; j++) {
                sum[i][j] = _mm256_fmadd_ps(weight, value[j], sum[i][j]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            _mm256_storeu_ps(y + i * y_stride + j * UM_LANES, sum[i][j]);
        }
    }
}

/* Fewer than eight columns at the end: the same multiply-adds under a mask. */
static void tail_columns(size_t m, size_t columns, size_t k, const float *p, size_t p_stride,
                         const float *v, size_t v_stride, float *y, size_t y_stride) {
    const __m256i mask = um_avx2_tail_mask(columns);
    for (size_t i = 0; i < m; i++) {
        __m256 sum = _mm256_setzero_ps();
        for (size_t l = 0; l < k; l++) {
            sum = _mm256_fmadd_ps(_mm256_broadcast_ss(p + i * p_stride + l),
                                  _mm256_maskload_ps(v + l * v_stride, mask), sum);
        }
        _mm256_maskstore_ps(y + i * y_stride, mask, sum);
    }
}

static UM_ALWAYS_INLINE void columns_of_rows(size_t rows, size_t n, size_t k, const float *p,
                                             size_t p_stride, const float *v, size_t v_stride,
                                             float *y, size_t y_stride) {
    size_t j = 0;
    for (; j + VECTORS * UM_LANES <= n; j += VECTORS * UM_LANES) {
        tile(rows, VECTORS, k, p, p_stride, v + j, v_stride, y + j, y_stride);
    }
    for (; j + UM_LANES <= n; j += UM_LANES) {
        tile(rows, 1, k, p, p_stride, v + j, v_stride, y + j, y_stride);
    }
    if (j < n) {
        tail_columns(rows, n - j, k, p, p_stride, v + j, v_stride, y + j, y_stride);
    }
}

void um_avx2_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                          const float *v, size_t v_stride, float *y, size_t y_stride) {
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS) {
        columns_of_rows(ROWS, n, k, p + i * p_stride, p_stride, v, v_stride, y + i * y_stride,
                        y_stride);
    }
    for (; i < m; i++) {
        columns_of_rows(1, n, k, p + i * p_stride, p_stride, v, v_stride, y + i * y_stride,
                        y_stride);
    }
}
