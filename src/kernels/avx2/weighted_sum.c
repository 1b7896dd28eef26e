/* y = p v, y += p v and y += p^T v: 4 rows of y by 16 columns of v in registers, k in ascending
 * order.
 */
#include "kernels/avx2/avx2.h"

#define ROWS 4
#define VECTORS 2

/* y[i][j] (+)= sum over l < k of p[i * p_row + l * p_step] * v[l * v_stride + j]. */
typedef struct sum_arguments {
    size_t k;
    const float *p;
    size_t p_row;
    size_t p_step;
    const float *v;
    size_t v_stride;
    float *y;
    size_t y_stride;
    bool add;
} sum_arguments;

/* `rows` and `vectors` are constants at every call, so the loops unroll into registers.  Of the
 * last vector there are `lanes`. */
static UM_ALWAYS_INLINE void tile(size_t rows, size_t vectors, size_t lanes,
                                  const sum_arguments *a) {
    __m256 sum[ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            sum[i][j] = a->add ? um_avx2_load(a->y + i * a->y_stride + j * UM_LANES, lanes)
                               : _mm256_setzero_ps();
        }
    }
    for (size_t l = 0; l < a->k; l++) {
        __m256 value[VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = um_avx2_load(a->v + l * a->v_stride + j * UM_LANES, lanes);
        }
        for (size_t i = 0; i < rows; i++) {
            const __m256 weight = _mm256_broadcast_ss(a->p + i * a->p_row + l * a->p_step);
            for (size_t j = 0; j < vectors; j++) {
                sum[i][j] = _mm256_fmadd_ps(weight, value[j], sum[i][j]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            um_avx2_store(a->y + i * a->y_stride + j * UM_LANES, lanes, sum[i][j]);
        }
    }
}

static UM_ALWAYS_INLINE void columns_of_rows(size_t rows, size_t n, sum_arguments a) {
    for (; n >= VECTORS * UM_LANES; n -= VECTORS * UM_LANES) {
        tile(rows, VECTORS, UM_LANES, &a);
        a.v += VECTORS * UM_LANES;
        a.y += VECTORS * UM_LANES;
    }
    if (n >= UM_LANES) {
        tile(rows, 1, UM_LANES, &a);
        a.v += UM_LANES;
        a.y += UM_LANES;
        n -= UM_LANES;
    }
    if (n > 0) {
        tile(rows, 1, n, &a);
    }
}

static void sum_rows(size_t m, size_t n, sum_arguments a) {
    for (; m >= ROWS; m -= ROWS) {
        columns_of_rows(ROWS, n, a);
        a.p += ROWS * a.p_row;
        a.y += ROWS * a.y_stride;
    }
    for (; m > 0; m--) {
        columns_of_rows(1, n, a);
        a.p += a.p_row;
        a.y += a.y_stride;
    }
}

void um_avx2_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                          const float *v, size_t v_stride, float *y, size_t y_stride) {
    sum_rows(m, n, (sum_arguments){k, p, p_stride, 1, v, v_stride, y, y_stride, false});
}

void um_avx2_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                              const float *v, size_t v_stride, float *y, size_t y_stride) {
    sum_rows(m, n, (sum_arguments){k, p, p_stride, 1, v, v_stride, y, y_stride, true});
}

void um_avx2_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride) {
    sum_rows(m, n, (sum_arguments){k, p, 1, p_stride, v, v_stride, y, y_stride, true});
}
