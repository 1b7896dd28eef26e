/* y = x w^T: a panel of w, 32 rows of it and a part of the sum, is turned into columns, in which
 * form all rows of x meet it. */
#include "kernels/avx512/product.h"

/* Turn 16 rows of 16 floats into columns, in place: pairs, fours, then quarters of registers. */
static UM_ALWAYS_INLINE void transpose(__m512 r[16]) {
    __m512 t[16];
    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4) {
        for (size_t j = 0; j < 2; j++) {
            const __m512d low = _mm512_castps_pd(t[i + j]);
            const __m512d high = _mm512_castps_pd(t[i + 2 + j]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    /* r[4 g + c] has column c, c + 4, c + 8, c + 12 of rows 4 g .. 4 g + 3 in its quarters. */
    for (size_t c = 0; c < 4; c++) {
        const __m512 low = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        const __m512 high = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xDD);
        const __m512 more_low = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        const __m512 more_high = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xDD);
        t[c] = _mm512_shuffle_f32x4(low, more_low, 0x88);
        t[8 + c] = _mm512_shuffle_f32x4(low, more_low, 0xDD);
        t[4 + c] = _mm512_shuffle_f32x4(high, more_high, 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(high, more_high, 0xDD);
    }
    for (size_t i = 0; i < 16; i++) {
        r[i] = t[i];
    }
}

/* panel[l][j] = w[j][l] for l < k and j < 16; zero where there is no row j. */
static void turn_half(size_t k, size_t rows, const float *w, size_t w_stride, float *panel) {
    for (size_t l = 0; l < k; l += 16) {
        const size_t width = k - l < 16 ? k - l : 16;
        const __mmask16 lanes = um_avx512_mask(width);
        __m512 r[16];
        for (size_t j = 0; j < 16; j++) {
            const __mmask16 present = j < rows ? lanes : 0;
            r[j] = _mm512_maskz_loadu_ps(present, w + (j < rows ? j : 0) * w_stride + l);
        }
        transpose(r);
        for (size_t i = 0; i < width; i++) {
            _mm512_store_ps(panel + (l + i) * UM_PRODUCT_COLUMNS, r[i]);
        }
    }
}

static void turn_panel(size_t k, size_t columns, const float *w, size_t w_stride, float *panel) {
    turn_half(k, columns < 16 ? columns : 16, w, w_stride, panel);
    if (columns > 16) {
        turn_half(k, columns - 16, w + 16 * w_stride, w_stride, panel + 16);
    }
}

static void add_bias(size_t m, size_t columns, const float *bias, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < columns; j++) {
            y[i * y_stride + j] += bias[j];
        }
    }
}

void um_avx512_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                      size_t w_stride, const float *bias, float *y, size_t y_stride) {
    _Alignas(64) float panel[UM_PRODUCT_DEPTH * UM_PRODUCT_COLUMNS];
    for (size_t j = 0; j < n; j += UM_PRODUCT_COLUMNS) {
        const size_t columns = n - j < UM_PRODUCT_COLUMNS ? n - j : UM_PRODUCT_COLUMNS;
        for (size_t l = 0; l < k || l == 0; l += UM_PRODUCT_DEPTH) {
            const size_t depth = k - l < UM_PRODUCT_DEPTH ? k - l : UM_PRODUCT_DEPTH;
            turn_panel(depth, columns, w + j * w_stride + l, w_stride, panel);
            um_product_panel(m, columns,
                             (um_product_tile){.k = depth,
                                               .a = x + l,
                                               .a_row = x_stride,
                                               .a_step = 1,
                                               .b = panel,
                                               .b_step = UM_PRODUCT_COLUMNS,
                                               .c = y + j,
                                               .c_stride = y_stride,
                                               .add = l > 0});
        }
        if (bias) {
            add_bias(m, columns, bias + j, y + j, y_stride);
        }
    }
}
