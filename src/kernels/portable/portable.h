/* The kernels of this folder, by the names of the list. */
#ifndef UM_KERNELS_PORTABLE_PORTABLE_H
#define UM_KERNELS_PORTABLE_PORTABLE_H

#include "kernels/kernels.h"

#define UM_PORTABLE_DECLARE(name, parameters) void um_portable_##name parameters;
UM_KERNEL_LIST(UM_PORTABLE_DECLARE)
#undef UM_PORTABLE_DECLARE

#endif
