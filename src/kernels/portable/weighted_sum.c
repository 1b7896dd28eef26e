/* y = p v, y += p v and y += p^T v, of f32 numbers and of f32 numbers rounded to BF16; and x w^T of
 * the latter. */
#include "kernels/portable/portable.h"
#include "kernels/portable/product.h"

UM_PRODUCT_KERNELS(um_portable, um_portable_product_f32, um_portable_product_bf16)
