/* The plain version of every kernel: its specification, fallback and test oracle. */
#ifndef UM_KERNELS_REFERENCE_REFERENCE_H
#define UM_KERNELS_REFERENCE_REFERENCE_H

#include "kernels/kernels.h"

#define UM_REFERENCE_DECLARATION(name, parameters) void um_reference_##name parameters;
UM_KERNEL_LIST(UM_REFERENCE_DECLARATION)
#undef UM_REFERENCE_DECLARATION

#endif
