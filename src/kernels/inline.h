/* For tiles whose sizes are constants at every call: once inlined, their loops unroll into
 * registers. */
#ifndef UM_KERNELS_INLINE_H
#define UM_KERNELS_INLINE_H

#define UM_ALWAYS_INLINE inline __attribute__((always_inline))

#endif
