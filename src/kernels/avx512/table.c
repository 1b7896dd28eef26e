#include "kernels/avx512/avx512.h"

#include "kernels/detect.h"

void um_kernels_avx512_overlay(um_kernels *kernels) {
    kernels->name = "avx512";
    kernels->pack_rows = um_avx512_pack_rows;
    kernels->matmul_packed = um_avx512_matmul_packed;
}
