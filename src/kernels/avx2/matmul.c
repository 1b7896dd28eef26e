/* y = x w^T as tiles of dot products: 3 rows of x by 4 rows of w, eight lanes each, so that
 * 12 accumulators, 3 x vectors and one w vector fill the 16 registers and 7 loads feed 12
 * multiply-adds.  Weights are read in place, without packing, in panels of so few rows that they
 * stay in the first-level cache while all rows of x are multiplied by them.
 *
 * Every element is summed in the same order whatever tile it falls into: lane l takes the products
 * l, l + 8, l + 16 ... and the lanes are added as in reduce. */
#include "kernels/avx2/avx2.h"

#define ROWS 3
#define COLUMNS 4      /* a tile has a multiple of these, or one */
#define WIDE_COLUMNS 8 /* of a tile with one row, for which 4 accumulators are too few */
#define PANEL_BYTES 16384

/* Lane j is the sum ((0+1)+(2+3)) + ((4+5)+(6+7)) of the lanes of v[j]. */
static UM_ALWAYS_INLINE __m128 reduce(const __m256 v[COLUMNS]) {
    const __m256 pairs = _mm256_hadd_ps(v[0], v[1]);
    const __m256 more_pairs = _mm256_hadd_ps(v[2], v[3]);
    const __m256 halves = _mm256_hadd_ps(pairs, more_pairs);
    return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

typedef struct tile_arguments {
    size_t k;
    const float *x;
    size_t x_stride;
    const float *w; /* the tile's first row */
    size_t w_stride;
    const float *bias; /* at the tile's first column, or NULL */
    float *y;
    size_t y_stride;
} tile_arguments;

static UM_ALWAYS_INLINE void advance_columns(tile_arguments *a, size_t columns) {
    a->w += columns * a->w_stride;
    a->bias = a->bias ? a->bias + columns : NULL;
    a->y += columns;
}

/* Add the lanes and the bias, and store. */
static UM_ALWAYS_INLINE void finish(size_t rows, size_t columns, __m256 sum[ROWS][WIDE_COLUMNS],
                                    const tile_arguments *a) {
    for (size_t i = 0; i < rows; i++) {
        float *y = a->y + i * a->y_stride;
        if (columns == 1) {
            const __m256 zero = _mm256_setzero_ps();
            const __m256 single[COLUMNS] = {sum[i][0], zero, zero, zero};
            const float total = _mm_cvtss_f32(reduce(single));
            y[0] = a->bias ? total + a->bias[0] : total;
        }
        for (size_t j = 0; j + COLUMNS <= columns; j += COLUMNS) {
            const __m128 total = reduce(&sum[i][j]);
            _mm_storeu_ps(y + j, a->bias ? _mm_add_ps(total, _mm_loadu_ps(a->bias + j)) : total);
        }
    }
}

/* `rows` and `columns` are constants at every call, so the loops unroll into registers. */
static UM_ALWAYS_INLINE void tile(size_t rows, size_t columns, const tile_arguments *a) {
    __m256 sum[ROWS][WIDE_COLUMNS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            sum[i][j] = _mm256_setzero_ps();
        }
    }
    const size_t whole = a->k / UM_LANES * UM_LANES;
    for (size_t l = 0; l < whole; l += UM_LANES) {
        __m256 x[ROWS];
        for (size_t i = 0; i < rows; i++) {
            x[i] = _mm256_loadu_ps(a->x + i * a->x_stride + l);
        }
        for (size_t j = 0; j < columns; j++) {
            const __m256 w = _mm256_loadu_ps(a->w + j * a->w_stride + l);
            for (size_t i = 0; i < rows; i++) {
                sum[i][j] = _mm256_fmadd_ps(x[i], w, sum[i][j]);
            }
        }
    }
    if (whole < a->k) {
        const __m256i mask = um_avx2_tail_mask(a->k - whole);
        for (size_t j = 0; j < columns; j++) {
            const __m256 w = _mm256_maskload_ps(a->w + j * a->w_stride + whole, mask);
            for (size_t i = 0; i < rows; i++) {
                const __m256 x = _mm256_maskload_ps(a->x + i * a->x_stride + whole, mask);
                sum[i][j] = _mm256_fmadd_ps(x, w, sum[i][j]);
            }
        }
    }
    finish(rows, columns, sum, a);
}

/* All n columns of `rows` rows, in tiles of `step` columns and single ones. */
static UM_ALWAYS_INLINE void columns_of_rows(size_t rows, size_t step, size_t n, tile_arguments a) {
    size_t j = 0;
    for (; j + step <= n; j += step) {
        tile(rows, step, &a);
        advance_columns(&a, step);
    }
    for (; j < n; j++) {
        tile(rows, 1, &a);
        advance_columns(&a, 1);
    }
}

static UM_ALWAYS_INLINE void panel(size_t m, size_t n, tile_arguments a) {
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS) {
        columns_of_rows(ROWS, COLUMNS, n, a);
        a.x += ROWS * a.x_stride;
        a.y += ROWS * a.y_stride;
    }
    if (m - i == 2) {
        columns_of_rows(2, COLUMNS, n, a);
    } else if (m - i == 1) {
        columns_of_rows(1, WIDE_COLUMNS, n, a);
    }
}

/* Rows of w in a panel, a multiple of the widest tile. */
static size_t panel_columns(size_t k) {
    const size_t row_bytes = (k + 1) * sizeof(float);
    const size_t columns = PANEL_BYTES / row_bytes / WIDE_COLUMNS * WIDE_COLUMNS;
    return columns > WIDE_COLUMNS ? columns : WIDE_COLUMNS;
}

void um_avx2_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                    size_t w_stride, const float *bias, float *y, size_t y_stride) {
    tile_arguments a = {.k = k,
                        .x = x,
                        .x_stride = x_stride,
                        .w = w,
                        .w_stride = w_stride,
                        .bias = bias,
                        .y = y,
                        .y_stride = y_stride};
    const size_t columns = panel_columns(k);
    for (size_t j = 0; j < n; j += columns) {
        panel(m, n - j < columns ? n - j : columns, a);
        advance_columns(&a, columns);
    }
}
