/* y = x w^T in f32, by dot products in tiles of up to 4 rows by 4 columns.  Weights are read where
 * they lie, so a single row, as in decoding, costs no copy. */
#include "kernels/portable/portable.h"
#include "kernels/portable/vector.h"

#define TILE_ROWS 4
#define TILE_COLUMNS TILE_ROWS

typedef struct tile_arguments {
    size_t k;
    const float *x;
    size_t x_stride;
    const float *w;
    size_t w_stride;
    const float *bias; /* of the tile's columns, or NULL */
    float *y;
    size_t y_stride;
} tile_arguments;

/* In the functions below, `rows` and `columns` are constants at every call, so that the sums stay
 * in registers. */

/* Add the products of four elements of each row. */
static UM_ALWAYS_INLINE void multiply(size_t rows, size_t columns, const float *x, size_t x_stride,
                                      const float *w, size_t w_stride,
                                      um_floats sum[TILE_ROWS][TILE_COLUMNS]) {
    um_floats value[TILE_COLUMNS];
    for (size_t j = 0; j < columns; j++) {
        value[j] = um_v4_load_whole(w + j * w_stride);
    }
    for (size_t i = 0; i < rows; i++) {
        const um_floats factor = um_v4_load_whole(x + i * x_stride);
        for (size_t j = 0; j < columns; j++) {
            sum[i][j] = um_v4_multiply_add(factor, value[j], sum[i][j]);
        }
    }
}

/* The last elements of each row, fewer than four, followed by zeros. */
static void copy_rest(size_t rows, size_t count, const float *x, size_t stride,
                      float rest[TILE_ROWS * UM_V4_LANES]) {
    memset(rest, 0, TILE_ROWS * UM_V4_LANES * sizeof *rest);
    for (size_t i = 0; i < rows; i++) {
        memcpy(rest + i * UM_V4_LANES, x + i * stride, count * sizeof *rest);
    }
}

static UM_ALWAYS_INLINE void tile(size_t rows, size_t columns, const tile_arguments *t) {
    um_floats sum[TILE_ROWS][TILE_COLUMNS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            sum[i][j] = um_v4_splat(0.0f);
        }
    }
    size_t l = 0;
    for (; l + UM_V4_LANES <= t->k; l += UM_V4_LANES) {
        multiply(rows, columns, t->x + l, t->x_stride, t->w + l, t->w_stride, sum);
    }
    if (l < t->k) {
        float x[TILE_ROWS * UM_V4_LANES], w[TILE_COLUMNS * UM_V4_LANES];
        copy_rest(rows, t->k - l, t->x + l, t->x_stride, x);
        copy_rest(columns, t->k - l, t->w + l, t->w_stride, w);
        multiply(rows, columns, x, UM_V4_LANES, w, UM_V4_LANES, sum);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            t->y[i * t->y_stride + j] = um_v4_sum(sum[i][j]) + (t->bias ? t->bias[j] : 0.0f);
        }
    }
}

static UM_ALWAYS_INLINE void tile_of_rows(size_t rows, size_t columns, const tile_arguments *t) {
    switch (rows) {
        case 4:
            tile(4, columns, t);
            break;
        case 3:
            tile(3, columns, t);
            break;
        case 2:
            tile(2, columns, t);
            break;
        default:
            tile(1, columns, t);
            break;
    }
}

/* All rows times `columns` columns, a constant. */
static UM_ALWAYS_INLINE void all_rows(size_t m, size_t columns, tile_arguments t) {
    for (size_t i = 0; i < m; i += TILE_ROWS) {
        tile_of_rows(m - i < TILE_ROWS ? m - i : TILE_ROWS, columns, &t);
        t.x += TILE_ROWS * t.x_stride;
        t.y += TILE_ROWS * t.y_stride;
    }
}

void um_portable_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                        const float *w, size_t w_stride, const float *bias, float *y,
                        size_t y_stride) {
    tile_arguments t = {
        .k = k, .x = x, .x_stride = x_stride, .w_stride = w_stride, .y_stride = y_stride};
    for (size_t j = 0; j < n;) {
        t.w = w + j * w_stride;
        t.bias = bias ? bias + j : NULL;
        t.y = y + j;
        if (n - j >= TILE_COLUMNS) {
            all_rows(m, TILE_COLUMNS, t);
            j += TILE_COLUMNS;
        } else {
            all_rows(m, 1, t);
            j++;
        }
    }
}
