/* The tile that all f32 products with AVX-512 are made of: some rows of a times 16 or 32 columns of
 * b, in registers.
 *
 * Every element is one chain of fused multiply-adds over ascending l, starting from zero or from
 * the value in c.  Storing c and continuing from it later rounds nothing, so the result does not
 * depend on how a sum is cut into blocks or on which tile an element falls into. */
#ifndef UM_KERNELS_AVX512_PRODUCT_H
#define UM_KERNELS_AVX512_PRODUCT_H

#include "kernels/avx512/avx512.h"

/* Rows of a whole tile: 16 sums hide the latency of a multiply-add, and leave registers for the
 * operands. */
#define UM_PRODUCT_ROWS 8
#define UM_PRODUCT_VECTORS 2
#define UM_PRODUCT_COLUMNS (16 * UM_PRODUCT_VECTORS)
/* Rows of a panel of b: it takes half of the first-level cache, and the rest is for a and c. */
#define UM_PRODUCT_DEPTH 128

/* c[i][j] (+)= sum over l < k of a[i * a_row + l * a_step] * b[l * b_step + j]. */
typedef struct um_product_tile {
    size_t k;
    const float *a;
    size_t a_row;
    size_t a_step;
    const float *b;
    size_t b_step;
    float *c;
    size_t c_stride;
    __mmask16 columns[UM_PRODUCT_VECTORS];
    bool add; /* start from the values in c; otherwise from zero */
} um_product_tile;

/* `rows` and `vectors` are constants at every call, so that the sums stay in registers. */
static UM_ALWAYS_INLINE void um_product_rows(size_t rows, size_t vectors,
                                             const um_product_tile *t) {
    __m512 sum[UM_PRODUCT_ROWS][UM_PRODUCT_VECTORS];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            const __mmask16 lanes = t->add ? t->columns[j] : 0;
            sum[i][j] = _mm512_maskz_loadu_ps(lanes, t->c + i * t->c_stride + 16 * j);
        }
    }
    const float *a = t->a;
    const float *b = t->b;
    for (size_t l = 0; l < t->k; l++) {
        __m512 value[UM_PRODUCT_VECTORS];
        for (size_t j = 0; j < vectors; j++) {
            value[j] = _mm512_maskz_loadu_ps(t->columns[j], b + 16 * j);
        }
        for (size_t i = 0; i < rows; i++) {
            const __m512 factor = _mm512_set1_ps(a[i * t->a_row]);
            for (size_t j = 0; j < vectors; j++) {
                sum[i][j] = _mm512_fmadd_ps(factor, value[j], sum[i][j]);
            }
        }
        a += t->a_step;
        b += t->b_step;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < vectors; j++) {
            _mm512_mask_storeu_ps(t->c + i * t->c_stride + 16 * j, t->columns[j], sum[i][j]);
        }
    }
}

/* The same; then `t` moves past these rows. */
static UM_ALWAYS_INLINE void um_product_advance(size_t rows, size_t vectors, um_product_tile *t) {
    um_product_rows(rows, vectors, t);
    t->a += rows * t->a_row;
    t->c += rows * t->c_stride;
}

static UM_ALWAYS_INLINE void um_product_column(size_t m, size_t vectors, um_product_tile t) {
    for (; m >= UM_PRODUCT_ROWS; m -= UM_PRODUCT_ROWS) {
        um_product_advance(UM_PRODUCT_ROWS, vectors, &t);
    }
    if (m >= 4) {
        um_product_advance(4, vectors, &t);
        m -= 4;
    }
    if (m >= 2) {
        um_product_advance(2, vectors, &t);
        m -= 2;
    }
    if (m == 1) {
        um_product_advance(1, vectors, &t);
    }
}

/* m rows times the `columns` <= UM_PRODUCT_COLUMNS columns that start at t.b and t.c; sets t's
 * masks. */
static inline void um_product_panel(size_t m, size_t columns, um_product_tile t) {
    t.columns[0] = um_avx512_mask(columns < 16 ? columns : 16);
    t.columns[1] = um_avx512_mask(columns < 16 ? 0 : columns - 16);
    if (columns > 16) {
        um_product_column(m, UM_PRODUCT_VECTORS, t);
    } else {
        um_product_column(m, 1, t);
    }
}

#endif
