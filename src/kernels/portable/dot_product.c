/* For ARM processors with the dot products of bytes (FEAT_DotProd); compiled with them: with gcc by
 * this line, because its option -march may conflict with a user's -mcpu. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

#include "kernels/detect.h"
#include "kernels/portable/packed_product.h"
#include "kernels/portable/peak.h"

static void pack_rows(um_pack_part part, const float *x, size_t x_stride,
                      const um_packed_rows *packed) {
    um_pack(true, part, x, x_stride, packed);
}

static void matmul_packed(um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,
                          const float *bias, float *y, size_t y_stride) {
    um_multiply_packed(true, dtype, n, rows, w, bias, y, y_stride);
}

static void peak_narrow(size_t rounds, um_peak_work *work) {
    um_peak_of_bytes(rounds, work);
}

void um_kernels_dot_product_overlay(um_kernels *kernels) {
    kernels->pack_rows = pack_rows;
    kernels->matmul_packed = matmul_packed;
    kernels->peak_narrow = peak_narrow;
}
