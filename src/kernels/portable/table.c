#include "kernels/detect.h"
#include "kernels/portable/portable.h"

void um_kernels_portable_overlay(um_kernels *kernels) {
    kernels->name = "portable";
#define UM_KERNEL_ASSIGN(kernel, parameters) kernels->kernel = um_portable_##kernel;
    UM_KERNEL_LIST(UM_KERNEL_ASSIGN)
#undef UM_KERNEL_ASSIGN
}
