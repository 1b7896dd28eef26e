/* The bias of a product, for kernels that do not add it where they store a result. */
#ifndef UM_KERNELS_BIAS_H
#define UM_KERNELS_BIAS_H

#include <stddef.h>

/* y[i][j] += bias[j], for i < m, j < n; nothing if bias is NULL. */
static inline void um_add_bias(size_t m, size_t n, const float *bias, float *y, size_t y_stride) {
    for (size_t i = 0; bias && i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            y[i * y_stride + j] += bias[j];
        }
    }
}

#endif
