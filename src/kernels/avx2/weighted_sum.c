/* y = p v, y += p v and y += p^T v, of f32 numbers and of f32 numbers rounded to BF16; and x w^T of
 * the latter. */
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/product.h"

UM_PRODUCT_KERNELS(um_avx2, um_avx2_product_f32, um_avx2_product_bf16)
