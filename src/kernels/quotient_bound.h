/* For kernels that compare x with a bound before they divide it. */
#ifndef UM_KERNELS_QUOTIENT_BOUND_H
#define UM_KERNELS_QUOTIENT_BOUND_H

#include <math.h>

/* A bound that x exceeds whenever x / divisor, rounded, exceeds `limit`; divisor > 0.  It is a
 * little below their product, and -infinity where that is too large or too small for the margin. */
static inline float um_quotient_bound(float limit, float divisor) {
    const float product = limit * divisor;
    const float magnitude = fabsf(product);
    return isfinite(product) && magnitude > 1e-30f ? product - 1e-6f * magnitude : -INFINITY;
}

#endif
