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
                                   const float *x, float *weights, double *sum, double *weighted) {
    double sums[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const float z = x[i] / divisor;
        const float weight = z > above ? expf(z - shift) : 0.0f;
        if (weight > 0) {
            sums[0] += (double)weight;
            sums[1] += (double)weight * (double)(z - shift);
        }
        if (weights) {
            weights[i] = weight;
        }
    }
    *sum = sums[0];
    if (weighted) {
        *weighted = sums[1];
    }
}

void um_reference_gather_range(size_t count, float divisor, float low, float high, uint32_t first,
                               const float *x, um_token_entries *entries) {
    for (size_t i = 0; i < count; i++) {
        const float z = x[i] / divisor;
        if (z >= low && z <= high) {
            entries->values[entries->count] = z;
            entries->tokens[entries->count++] = first + (uint32_t)i;
        }
    }
}

void um_reference_split_range(size_t count, float low, float high, float shift, uint32_t first,
                              const float *x, const float *weights, um_token_entries *entries,
                              double *sum, double *weighted) {
    *sum = 0;
    *weighted = 0;
    for (size_t i = 0; i < count; i++) {
        if (x[i] > high) {
            *sum += (double)weights[i];
            *weighted += (double)weights[i] * (double)(x[i] - shift);
        } else if (x[i] >= low) {
            entries->values[entries->count] = x[i];
            entries->weights[entries->count] = weights[i];
            entries->tokens[entries->count++] = first + (uint32_t)i;
        }
    }
}
