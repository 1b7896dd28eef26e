/* y = p v, y += p v and y += p^T v: rows of v need no transposing.  A panel of v (32 columns, a
 * part of the sum) is copied to contiguous memory if enough rows of p are multiplied by it. */
#include "kernels/avx512/product.h"

/* The number of rows from which the copy pays. */
#define ROWS_TO_COPY 16
/* Rows of v at most this many floats apart fill a cache evenly without a copy. */
#define NEAR 64
/* Columns of a transposed p that are copied together: a cache line. */
#define STRIP_ROWS 16

/* Columns after the last become zero. */
static void copy_panel(size_t k, size_t columns, const float *v, size_t v_stride, float *panel) {
    const __mmask16 low = um_avx512_mask(columns < 16 ? columns : 16);
    const __mmask16 high = um_avx512_mask(columns < 16 ? 0 : columns - 16);
    for (size_t l = 0; l < k; l++) {
        _mm512_store_ps(panel + l * UM_PRODUCT_COLUMNS,
                        _mm512_maskz_loadu_ps(low, v + l * v_stride));
        _mm512_store_ps(panel + l * UM_PRODUCT_COLUMNS + 16,
                        _mm512_maskz_loadu_ps(high, v + l * v_stride + 16));
    }
}

/* All of k for a panel of columns; t.b is v. */
static void sum_panel(size_t m, size_t columns, um_product_tile t, float *panel) {
    const bool copies = m >= ROWS_TO_COPY && t.b_step > NEAR;
    const float *v = t.b;
    const size_t v_stride = t.b_step;
    const size_t k = t.k;
    for (size_t l = 0; l < k || l == 0; l += UM_PRODUCT_DEPTH) {
        t.k = k - l < UM_PRODUCT_DEPTH ? k - l : UM_PRODUCT_DEPTH;
        t.b = v + l * v_stride;
        if (copies) {
            copy_panel(t.k, columns, t.b, v_stride, panel);
            t.b = panel;
            t.b_step = UM_PRODUCT_COLUMNS;
        }
        um_product_panel(m, columns, t);
        t.a += t.k;
        t.add = true;
    }
}

/* y = p v, or with `add` y += p v. */
static void sum_columns(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                        const float *v, size_t v_stride, float *y, size_t y_stride, bool add) {
    _Alignas(64) float panel[UM_PRODUCT_DEPTH * UM_PRODUCT_COLUMNS];
    um_product_tile t = {.k = k,
                         .a = p,
                         .a_row = p_stride,
                         .a_step = 1,
                         .b = v,
                         .b_step = v_stride,
                         .c = y,
                         .c_stride = y_stride,
                         .add = add};
    for (size_t j = 0; j < n; j += UM_PRODUCT_COLUMNS) {
        sum_panel(m, n - j < UM_PRODUCT_COLUMNS ? n - j : UM_PRODUCT_COLUMNS, t, panel);
        t.b += UM_PRODUCT_COLUMNS;
        t.c += UM_PRODUCT_COLUMNS;
    }
}

void um_avx512_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                            const float *v, size_t v_stride, float *y, size_t y_stride) {
    sum_columns(m, n, k, p, p_stride, v, v_stride, y, y_stride, false);
}

void um_avx512_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride) {
    sum_columns(m, n, k, p, p_stride, v, v_stride, y, y_stride, true);
}

/* ---- Transposed ----------------------------------------------------------------------- */

/* Copy some columns of p as [l][column].  Rows of p are too far apart for the processor to foresee,
 * so those of the next strip, at `next`, are prefetched. */
static void copy_strip(size_t k, size_t rows, const float *p, size_t p_stride, const float *next,
                       float *strip) {
    const __mmask16 lanes = um_avx512_mask(rows);
    for (size_t l = 0; l < k; l++) {
        _mm_prefetch((const char *)(next + l * p_stride), _MM_HINT_T0);
        _mm512_store_ps(strip + l * STRIP_ROWS, _mm512_maskz_loadu_ps(lanes, p + l * p_stride));
    }
}

typedef struct transposed_workspace {
    _Alignas(64) float panels[2][UM_PRODUCT_DEPTH * UM_PRODUCT_COLUMNS];
    _Alignas(64) float strip[UM_PRODUCT_DEPTH * STRIP_ROWS];
} transposed_workspace;

/* A part of the sum, for two panels of columns at a time, so that p is read from memory half as
 * often. */
static void add_transposed_part(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                const float *v, size_t v_stride, float *y, size_t y_stride,
                                transposed_workspace *with) {
    for (size_t j = 0; j < n; j += UM_PRODUCT_COLUMNS) {
        copy_panel(k, n - j < UM_PRODUCT_COLUMNS ? n - j : UM_PRODUCT_COLUMNS, v + j, v_stride,
                   with->panels[j / UM_PRODUCT_COLUMNS]);
    }
    for (size_t i = 0; i < m; i += STRIP_ROWS) {
        const size_t rows = m - i < STRIP_ROWS ? m - i : STRIP_ROWS;
        copy_strip(k, rows, p + i, p_stride, rows < m - i ? p + i + STRIP_ROWS : p + k * p_stride,
                   with->strip);
        for (size_t j = 0; j < n; j += UM_PRODUCT_COLUMNS) {
            um_product_panel(rows, n - j < UM_PRODUCT_COLUMNS ? n - j : UM_PRODUCT_COLUMNS,
                             (um_product_tile){.k = k,
                                               .a = with->strip,
                                               .a_row = 1,
                                               .a_step = STRIP_ROWS,
                                               .b = with->panels[j / UM_PRODUCT_COLUMNS],
                                               .b_step = UM_PRODUCT_COLUMNS,
                                               .c = y + i * y_stride + j,
                                               .c_stride = y_stride,
                                               .add = true});
        }
    }
}

void um_avx512_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                  const float *v, size_t v_stride, float *y, size_t y_stride) {
    transposed_workspace with;
    const size_t most = 2 * UM_PRODUCT_COLUMNS;
    for (size_t j = 0; j < n; j += most) {
        for (size_t l = 0; l < k; l += UM_PRODUCT_DEPTH) {
            add_transposed_part(
                m, n - j < most ? n - j : most, k - l < UM_PRODUCT_DEPTH ? k - l : UM_PRODUCT_DEPTH,
                p + l * p_stride, p_stride, v + l * v_stride + j, v_stride, y + j, y_stride, &with);
        }
    }
}
