/* The overlays that the instruction-set folders define for code that is compiled without those
 * instructions. */
#ifndef UM_KERNELS_DETECT_H
#define UM_KERNELS_DETECT_H

#include "kernels/kernels.h"

/* Replace all entries by those of the portable folder; on x86 call this only on a processor with
 * FMA.
 */
void um_kernels_portable_overlay(um_kernels *kernels);
/* Replace the entries for which the portable folder has ARM's dot products of bytes (FEAT_DotProd).
 */
void um_kernels_dot_product_overlay(um_kernels *kernels);
/* Replace the table's entries that the AVX2 folder implements; call this only on a processor that
 * has those instructions. */
void um_kernels_avx2_overlay(um_kernels *kernels);
/* The same for the AVX-512 folder, on top of the AVX2 entries. */
void um_kernels_avx512_overlay(um_kernels *kernels);
/* The same for the kernels that also need AVX512_BF16. */
void um_kernels_avx512_bf16_overlay(um_kernels *kernels);

#endif
