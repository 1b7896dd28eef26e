/* Compiled without special instructions: runs on any processor of the architecture. */
#include "kernels/detect.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

bool um_kernels_portable(um_kernels *kernels) {
#if defined(UM_HAVE_PORTABLE)
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("fma")) {
        return false;
    }
#endif
    um_kernels_portable_overlay(kernels);
#if defined(__aarch64__)
    if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) {
        um_kernels_dot_product_overlay(kernels);
    }
#endif
    return true;
#else
    (void)kernels;
    return false;
#endif
}

#if defined(UM_HAVE_AVX2)
#include <cpuid.h>

/* Ask the processor itself, because older clang has no name for this feature. */
static bool has_f16c(void) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & (unsigned)bit_F16C) != 0;
}

bool um_kernels_avx2(um_kernels *kernels) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c()) {
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

#if defined(UM_HAVE_AVX512)
bool um_kernels_avx512(um_kernels *kernels) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512vnni")) {
        return false;
    }
    um_kernels_avx512_overlay(kernels);
    if (__builtin_cpu_supports("avx512bf16")) {
        um_kernels_avx512_bf16_overlay(kernels);
    }
    return true;
}
#else
bool um_kernels_avx512(um_kernels *kernels) {
    (void)kernels;
    return false;
}
#endif
