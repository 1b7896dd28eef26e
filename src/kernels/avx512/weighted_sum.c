/* y = p v: up to 12 rows of p by 32 columns of v in registers, k in ascending order. */
#include "kernels/avx512/avx512.h"

#define ROWS 12
#define VECTORS 2

typedef struct tile_arguments {
    size_t k;
    const float *p;
    size_t p_stride;
    const float *v;
    size_t v_stride;
    float *y;
    size_t y_stride;
    __mmask16 columns[VECTORS];
} tile_arguments;

/* `rows` and `vectors` are constants at every call, so the loops unroll into registers. */
static UM_ALWAYS_INLINE void tile(size_t rows, size_t vectors, const tile_arguments *a) {
    __m512 sum[ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            sum[i][j] = _mm512_setzero_ps();
        }
    }
    for (size_t l = 0; l < a->k; l++) {
        __m512 value[VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = _mm512_maskz_loadu_ps(a->columns[j], a->v + l * a->v_stride + j * 16);
        }
        for (size_t i = 0; i < rows; i++) {
            const __m512 weight = _mm512_set1_ps(a->p[i * a->p_stride + l]);
            for (size_t j = 0; j < vectors; j++) {
                sum[i][j] = _mm512_fmadd_ps(weight, value[j], sum[i][j]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            _mm512_mask_storeu_ps(a->y + i * a->y_stride + j * 16, a->columns[j], sum[i][j]);
        }
    }
}

static UM_ALWAYS_INLINE void columns_of_rows(size_t rows, size_t n, tile_arguments a) {
    for (size_t j = 0; j < n; j += 16 * VECTORS) {
        const size_t rest = n - j;
        a.columns[0] = um_avx512_mask(rest < 16 ? rest : 16);
        a.columns[1] = um_avx512_mask(rest < 16 ? 0 : (rest < 32 ? rest - 16 : 16));
        if (rest > 16) {
            tile(rows, VECTORS, &a);
        } else {
            tile(rows, 1, &a);
        }
        a.v += 16 * VECTORS;
        a.y += 16 * VECTORS;
    }
}

void um_avx512_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                            const float *v, size_t v_stride, float *y, size_t y_stride) {
    tile_arguments a = {
        .k = k, .p_stride = p_stride, .v = v, .v_stride = v_stride, .y_stride = y_stride};
    size_t row = 0;
    while (row < m) {
        const size_t rest = m - row;
        a.p = p + row * p_stride;
        a.y = y + row * y_stride;
        if (rest >= ROWS) {
            columns_of_rows(ROWS, n, a);
            row += ROWS;
        } else if (rest >= 4) {
            columns_of_rows(4, n, a);
            row += 4;
        } else {
            columns_of_rows(1, n, a);
            row += 1;
        }
    }
}
