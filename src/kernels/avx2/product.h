/* The product that all sums over rows with AVX2 are made of. */
#ifndef UM_KERNELS_AVX2_PRODUCT_H
#define UM_KERNELS_AVX2_PRODUCT_H

#include "kernels/strided_product.h"

void um_avx2_product_f32(const um_strided_product *of);

/* With the arithmetic of the _bf16 kernels in kernels.h, without a bias. */
void um_avx2_product_bf16(const um_strided_product *of);

#endif
