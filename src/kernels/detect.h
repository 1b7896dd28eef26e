/* What the overlays of instruction-set folders need of the code that is compiled without those
 * instructions. */
#ifndef UM_KERNELS_DETECT_H
#define UM_KERNELS_DETECT_H

#include "kernels/kernels.h"

/* Replace the table's entries that the AVX2 folder has; call only on a processor with them. */
void um_kernels_avx2_overlay(um_kernels *kernels);
/* The same for the AVX-512 folder, over the AVX2 one. */
void um_kernels_avx512_overlay(um_kernels *kernels);
/* Those that need AVX512_BF16 as well. */
void um_kernels_avx512_bf16_overlay(um_kernels *kernels);

#endif
