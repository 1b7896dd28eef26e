#include "kernels/portable/packed_product.h"

#include "kernels/portable/portable.h"

/* On ARM, multiplying bytes takes an instruction that not all processors have: dot_product.c. */
#if defined(__aarch64__)
#define BYTES false
#else
#define BYTES true
#endif

void um_portable_pack_rows(um_pack_part part, const float *x, size_t x_stride,
                           const um_packed_rows *packed) {
    um_pack(BYTES, part, x, x_stride, packed);
}

void um_portable_matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                               const float *bias, float *y, size_t y_stride) {
    um_multiply_packed(BYTES, dtype, n, rows, w, bias, y, y_stride);
}
