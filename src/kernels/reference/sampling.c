/* Sums and selections over rows of logits. */
#include <math.h>

#include "kernels/reference/reference.h"

void um_reference_logit_range(size_t count, const float *x, float *maximum, float *magnitude) {
    *maximum = x[0];
    *magnitude = 0.0f;
    for (size_t i = 0; i < count; i++) {
        *maximum = x[i] > *maximum ? x[i] : *maximum;
        *magnitude = isnan(x[i]) || fabsf(x[i]) > *magnitude ? fabsf(x[i]) : *magnitude;
    }
}

void um_reference_exponential(size_t count, float shift, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) {
        y[i] = expf(x[i] - shift);
    }
}

void um_reference_exponential_sums(size_t count, float divisor, float shift, float above,
                                   const float *x, double *sum, double *weighted) {
    double sums[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const float z = x[i] / divisor;
        if (z > above) {
            const double exponential = (double)expf(z - shift);
            sums[0] += exponential;
            sums[1] += exponential * (double)(z - shift);
        }
    }
    *sum = sums[0];
    if (weighted) {
        *weighted = sums[1];
    }
}

void um_reference_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                               const float *x, float *values, uint32_t *indices, size_t *gathered) {
    for (size_t i = 0; i < count; i++) {
        const float z = x[i] / divisor;
        if (z >= low && z <= high) {
            values[*gathered] = z;
            indices[(*gathered)++] = first + (uint32_t)i;
        }
    }
}
