#include "kernels/avx512/avx512.h"

#include "kernels/detect.h"

void um_kernels_avx512_bf16_overlay(um_kernels *kernels) {
#define UM_KERNEL_ASSIGN(kernel, parameters) kernels->kernel = um_avx512_##kernel;
    UM_BF16_KERNEL_LIST(UM_KERNEL_ASSIGN)
#undef UM_KERNEL_ASSIGN
}

void um_kernels_avx512_overlay(um_kernels *kernels) {
    kernels->name = "avx512";
    kernels->matmul = um_avx512_matmul;
    kernels->weighted_sum = um_avx512_weighted_sum;
    kernels->weighted_sum_add = um_avx512_weighted_sum_add;
    kernels->transposed_sum_add = um_avx512_transposed_sum_add;
    kernels->softmax = um_avx512_softmax;
    kernels->swiglu = um_avx512_swiglu;
    kernels->pack_rows = um_avx512_pack_rows;
    kernels->matmul_packed = um_avx512_matmul_packed;
    kernels->logit_range = um_avx512_logit_range;
    kernels->exponential = um_avx512_exponential;
    kernels->exponential_sums = um_avx512_exponential_sums;
    kernels->gather_range = um_avx512_gather_range;
    kernels->split_range = um_avx512_split_range;
    kernels->peak_float = um_avx512_peak_float;
    kernels->peak_wide = um_avx512_peak_wide;
    kernels->peak_narrow = um_avx512_peak_narrow;
}
