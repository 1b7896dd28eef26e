/* The product that all sums over rows with AVX2 are made of: c (+)= a b, of f32 numbers or of f32
 * numbers rounded to BF16. */
#ifndef UM_KERNELS_AVX2_PRODUCT_H
#define UM_KERNELS_AVX2_PRODUCT_H

#include "kernels/avx2/avx2.h"

/* c[i][j] (+)= sum over l < k of a[i * a_row + l * a_step] * b[l * b_step + j * b_column], for
 * i < m, j < n.  One of a_row and a_step is 1, and one of b_step and b_column; b_column is 1 unless
 * the factors are rounded.
 *
 * Every element is one chain of fused multiply-adds over ascending l, starting from zero or from
 * the value in c.  Storing c and continuing from it later rounds nothing, so the result does not
 * depend on how a sum is cut into blocks or on which tile an element falls into. */
typedef struct um_avx2_product {
    size_t m;
    size_t n;
    size_t k;
    const float *a;
    size_t a_row;
    size_t a_step;
    const float *b;
    size_t b_step;
    size_t b_column;
    float *c;
    size_t c_stride;
    bool add; /* start from the values in c; otherwise from zero */
} um_avx2_product;

void um_avx2_product_f32(const um_avx2_product *of);

/* With the arithmetic of the _bf16 kernels in kernels.h, without a bias. */
void um_avx2_product_bf16(const um_avx2_product *of);

#endif
