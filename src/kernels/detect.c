/* Compiled without special instructions: runs on any processor of the architecture. */
#include "kernels/detect.h"

#if defined(UM_HAVE_AVX2)
bool um_kernels_avx2(um_kernels *kernels) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("f16c")) {
        return false;
    }
    um_kernels_avx2_overlay(kernels);
    return true;
}
#else
bool um_kernels_avx2(um_kernels *kernels) {
    (void)kernels;
    return false;
}
#endif
