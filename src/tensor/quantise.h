/* f32 to the block-quantised formats of quantised.h. */
#ifndef UM_TENSOR_QUANTISE_H
#define UM_TENSOR_QUANTISE_H

#include "tensor/dtype.h"

/* Whether um_quantise can make blocks of the type: Q8_0, Q4_0, Q4_K and Q6_K. */
bool um_can_quantise(um_dtype dtype);

/* Quantise `count` elements (a multiple of the block) of `source` into the blocks at `target`.  A
 * block depends on its own elements only.
 *
 * Q8_0 and Q4_0 are as the format's reference defines them: d = max |x| / 127, and d = x / -8 for
 * the x of largest magnitude; values are rounded to the nearest multiple.  Q4_K and Q6_K leave the
 * choice of scales to the writer: here a search chooses them for the least sum of squared errors.
 *
 * False, with `target` unspecified, if an element is not finite or too large for the f16 scale of
 * its block. */
bool um_quantise(um_dtype dtype, const float *source, void *target, size_t count);

#endif
