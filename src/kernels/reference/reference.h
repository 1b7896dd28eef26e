/* The plain versions of all kernels, declared from the list. */
#ifndef UM_KERNELS_REFERENCE_REFERENCE_H
#define UM_KERNELS_REFERENCE_REFERENCE_H

#include "kernels/kernels.h"

#define UM_KERNEL_DECLARATION(kernel, parameters) void um_reference_##kernel parameters;
UM_KERNEL_LIST(UM_KERNEL_DECLARATION)
#undef UM_KERNEL_DECLARATION

#endif
