/* y = x w^T: a panel of w (32 rows, a part of the sum) is transposed, and all rows of x are
 * multiplied by it in that form. */
#include "kernels/avx512/product.h"
#include "kernels/avx512/transpose.h"
#include "kernels/bias.h"

/* panel[l][j] = w[j][l] for l < k and j < 16; zero if there is no row j. */
static void turn_half(size_t k, size_t rows, const float *w, size_t w_stride, float *panel) {
    for (size_t l = 0; l < k; l += 16) {
        const size_t width = k - l < 16 ? k - l : 16;
        const __mmask16 lanes = um_avx512_mask(width);
        __m512i r[16];
        for (size_t j = 0; j < 16; j++) {
            const __mmask16 present = j < rows ? lanes : 0;
            r[j] = _mm512_maskz_loadu_epi32(present, w + (j < rows ? j : 0) * w_stride + l);
        }
        um_avx512_transpose(r);
        for (size_t i = 0; i < width; i++) {
            _mm512_store_si512(panel + (l + i) * UM_PRODUCT_COLUMNS, r[i]);
        }
    }
}

static void turn_panel(size_t k, size_t columns, const float *w, size_t w_stride, float *panel) {
    turn_half(k, columns < 16 ? columns : 16, w, w_stride, panel);
    if (columns > 16) {
        turn_half(k, columns - 16, w + 16 * w_stride, w_stride, panel + 16);
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
        um_add_bias(m, columns, bias ? bias + j : NULL, y + j, y_stride);
    }
}
