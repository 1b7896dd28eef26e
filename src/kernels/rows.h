/* Row-wise kernels as the sets share them: what is left of each once the set has computed the
 * maximum or the sum over the row, in its own instructions. */
#ifndef UM_KERNELS_ROWS_H
#define UM_KERNELS_ROWS_H

#include <math.h>
#include <stddef.h>

#include "kernels/inline.h"

/* Exponentials that are added up in float: the sums of such pieces are added up in double, because
 * in a large vocabulary many small terms would vanish beside a large one. */
#define UM_ROW_PIECE 1024

/* out = exp(scale * (x - shift)) of at most a piece; returns the sum.  out may be x, or NULL. */
typedef float um_exponentials(size_t count, float scale, float shift, const float *x, float *out);

/* The same of a whole row. */
static UM_ALWAYS_INLINE float um_row_exponentials(um_exponentials *of_piece, size_t count,
                                                  float scale, float shift, const float *x,
                                                  float *out) {
    double sum = 0;
    for (size_t i = 0; i < count; i += UM_ROW_PIECE) {
        const size_t piece = count - i < UM_ROW_PIECE ? count - i : UM_ROW_PIECE;
        sum += (double)of_piece(piece, scale, shift, x + i, out ? out + i : NULL);
    }
    return (float)sum;
}

static UM_ALWAYS_INLINE void um_row_multiply(size_t count, float factor, float *x) {
    for (size_t i = 0; i < count; i++) {
        x[i] *= factor;
    }
}

static UM_ALWAYS_INLINE void um_row_softmax(um_exponentials *of_piece, float maximum, size_t count,
                                            float scale, float *x) {
    const float shift = maximum == -INFINITY ? 0.0f : maximum;
    const float sum = um_row_exponentials(of_piece, count, scale, shift, x, x);
    um_row_multiply(count, sum == 0.0f ? 0.0f : 1.0f / sum, x);
}

static UM_ALWAYS_INLINE void um_row_cross_entropy(um_exponentials *of_piece, float maximum,
                                                  size_t count, const float *logits, size_t target,
                                                  float *log_probability, float *probabilities) {
    const float target_logit = logits[target];
    const float sum = um_row_exponentials(of_piece, count, 1.0f, maximum, logits, probabilities);
    *log_probability = (target_logit - maximum) - logf(sum);
    if (probabilities) {
        um_row_multiply(count, 1.0f / sum, probabilities);
    }
}

/* `total` is the sum of p dp. */
static UM_ALWAYS_INLINE void um_row_softmax_backward(float total, size_t count, float scale,
                                                     const float *p, float *dp) {
    for (size_t i = 0; i < count; i++) {
        dp[i] = scale * p[i] * (dp[i] - total);
    }
}

static UM_ALWAYS_INLINE void um_row_rms_norm(float sum_of_squares, size_t count, float epsilon,
                                             const float *x, const float *weight, float *y,
                                             float *inverse_rms) {
    const float inverse = 1.0f / sqrtf(sum_of_squares / (float)count + epsilon);
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] * inverse * weight[i];
    }
    if (inverse_rms) {
        *inverse_rms = inverse;
    }
}

/* `total` is the sum of dy weight x. */
static UM_ALWAYS_INLINE void um_row_rms_norm_backward(float total, size_t count, const float *x,
                                                      const float *weight, float inverse_rms,
                                                      const float *dy, float *dx, float *dweight) {
    const float correction = inverse_rms * inverse_rms * inverse_rms / (float)count * total;
    for (size_t i = 0; i < count; i++) {
        dx[i] += inverse_rms * dy[i] * weight[i] - correction * x[i];
        dweight[i] += dy[i] * x[i] * inverse_rms;
    }
}

#endif
