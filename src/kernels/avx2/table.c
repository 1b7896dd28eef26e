#include "kernels/avx2/avx2.h"

#include "kernels/detect.h"

void um_kernels_avx2_overlay(um_kernels *kernels) {
    kernels->name = "avx2";
    kernels->matmul = um_avx2_matmul;
    kernels->pack_rows = um_avx2_pack_rows;
    kernels->matmul_packed = um_avx2_matmul_packed;
    kernels->weighted_sum = um_avx2_weighted_sum;
    kernels->weighted_sum_add = um_avx2_weighted_sum_add;
    kernels->transposed_sum_add = um_avx2_transposed_sum_add;
    kernels->matmul_bf16 = um_avx2_matmul_bf16;
    kernels->weighted_sum_bf16 = um_avx2_weighted_sum_bf16;
    kernels->weighted_sum_add_bf16 = um_avx2_weighted_sum_add_bf16;
    kernels->transposed_sum_add_bf16 = um_avx2_transposed_sum_add_bf16;
    kernels->softmax = um_avx2_softmax;
    kernels->rms_norm = um_avx2_rms_norm;
    kernels->rotate_half = um_avx2_rotate_half;
    kernels->swiglu = um_avx2_swiglu;
    kernels->rms_norm_backward = um_avx2_rms_norm_backward;
    kernels->swiglu_backward = um_avx2_swiglu_backward;
    kernels->softmax_backward = um_avx2_softmax_backward;
    kernels->cross_entropy = um_avx2_cross_entropy;
    kernels->adamw = um_avx2_adamw;
    kernels->logit_range = um_avx2_logit_range;
    kernels->exponential = um_avx2_exponential;
    kernels->exponential_sums = um_avx2_exponential_sums;
    kernels->gather_range = um_avx2_gather_range;
    kernels->split_range = um_avx2_split_range;
    kernels->peak_float = um_avx2_peak_float;
    kernels->peak_wide = um_avx2_peak_wide;
    kernels->peak_narrow = um_avx2_peak_narrow;
}
