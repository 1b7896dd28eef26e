/* Row-wise and element-wise kernels.  The last, partial vector goes through the same code as the
 * others, so that an element's value does not depend on its position. */
#include "kernels/portable/portable.h"
#include "kernels/portable/vector.h"
#include "kernels/rows.h"

/* Independent sums, which hide the latency of an addition. */
#define CHAINS 4

static float maximum_of(size_t count, const float *x) {
    um_floats maximum[CHAINS];
    for (size_t j = 0; j < CHAINS; j++) {
        maximum[j] = um_v4_splat(-INFINITY);
    }
    size_t i = 0;
    for (; i + CHAINS * UM_V4_LANES <= count; i += CHAINS * UM_V4_LANES) {
        for (size_t j = 0; j < CHAINS; j++) {
            const um_floats value = um_v4_load_whole(x + i + j * UM_V4_LANES);
            maximum[j] = um_v4_select(value > maximum[j], value, maximum[j]);
        }
    }
    float result = -INFINITY;
    for (size_t j = 0; j < CHAINS * UM_V4_LANES; j++) {
        const float value = maximum[j / UM_V4_LANES][j % UM_V4_LANES];
        result = value > result ? value : result;
    }
    for (; i < count; i++) {
        result = x[i] > result ? x[i] : result;
    }
    return result;
}

/* um_exponentials. */
static float exponentials(size_t count, float scale, float shift, const float *x, float *out) {
    um_floats sum = um_v4_splat(0.0f);
    for (size_t i = 0; i < count; i += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(i, count);
        const um_floats value =
            (um_v4_load(x + i, lanes) - um_v4_splat(shift)) * um_v4_splat(scale);
        const um_floats all = um_v4_exp(value);
        const um_floats exponential =
            lanes < UM_V4_LANES ? um_v4_only(um_v4_first_lanes(lanes), all) : all;
        sum += exponential;
        if (out) {
            um_v4_store(out + i, lanes, exponential);
        }
    }
    return um_v4_sum(sum);
}

void um_portable_softmax(size_t count, float scale, float *x) {
    um_row_softmax(exponentials, maximum_of(count, x), count, scale, x);
}

void um_portable_cross_entropy(size_t count, const float *logits, size_t target,
                               float *log_probability, float *probabilities) {
    um_row_cross_entropy(exponentials, maximum_of(count, logits), count, logits, target,
                         log_probability, probabilities);
}

/* The sum of a b c; c may be NULL, which counts as ones. */
static UM_ALWAYS_INLINE float sum_of_products(size_t count, const float *a, const float *b,
                                              const float *c) {
    um_floats sum[CHAINS] = {{0}};
    size_t i = 0;
    for (; i + CHAINS * UM_V4_LANES <= count; i += CHAINS * UM_V4_LANES) {
        for (size_t j = 0; j < CHAINS; j++) {
            const size_t at = i + j * UM_V4_LANES;
            const um_floats value = um_v4_load_whole(a + at);
            sum[j] = um_v4_multiply_add(c ? value * um_v4_load_whole(c + at) : value,
                                        um_v4_load_whole(b + at), sum[j]);
        }
    }
    for (size_t j = 0; i < count; i += UM_V4_LANES, j++) {
        const size_t lanes = um_v4_lanes_at(i, count);
        const um_floats value = um_v4_load(a + i, lanes);
        sum[j] = um_v4_multiply_add(c ? value * um_v4_load(c + i, lanes) : value,
                                    um_v4_load(b + i, lanes), sum[j]);
    }
    return um_v4_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

void um_portable_rms_norm(size_t count, float epsilon, const float *x, const float *weight,
                          float *y, float *inverse_rms) {
    const float sum_of_squares = sum_of_products(count, x, x, NULL);
    um_row_rms_norm(sum_of_squares, count, epsilon, x, weight, y, inverse_rms);
}

void um_portable_rotate_half(size_t count, const float *cosine, const float *sine, float *x) {
    const size_t half = count / 2;
    for (size_t i = 0; i < half; i++) {
        const float a = x[i], b = x[half + i];
        x[i] = a * cosine[i] - b * sine[i];
        x[half + i] = b * cosine[i] + a * sine[i];
    }
}

void um_portable_rms_norm_backward(size_t count, const float *x, const float *weight,
                                   float inverse_rms, const float *dy, float *dx, float *dweight) {
    const float total = sum_of_products(count, dy, x, weight);
    um_row_rms_norm_backward(total, count, x, weight, inverse_rms, dy, dx, dweight);
}

/* 0 below -88, where the exponential would no longer grow with -x. */
static UM_ALWAYS_INLINE um_floats sigmoid(um_floats x) {
    const um_floats one = um_v4_splat(1.0f);
    return um_v4_select(x < um_v4_splat(-88.0f), um_v4_splat(0.0f), one / (one + um_v4_exp(-x)));
}

void um_portable_swiglu(size_t count, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < count; i += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(i, count);
        const um_floats g = um_v4_load(gate + i, lanes);
        um_v4_store(y + i, lanes, g * sigmoid(g) * um_v4_load(up + i, lanes));
    }
}

void um_portable_swiglu_backward(size_t count, const float *dy, float *gate, float *up) {
    const um_floats one = um_v4_splat(1.0f);
    for (size_t i = 0; i < count; i += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(i, count);
        const um_floats d = um_v4_load(dy + i, lanes);
        const um_floats g = um_v4_load(gate + i, lanes);
        const um_floats s = sigmoid(g);
        const um_floats slope = s * um_v4_multiply_add(g, one - s, one);
        const um_floats u = um_v4_load(up + i, lanes);
        um_v4_store(gate + i, lanes, d * u * slope);
        um_v4_store(up + i, lanes, d * (g * s));
    }
}

void um_portable_softmax_backward(size_t count, float scale, const float *p, float *dp) {
    um_row_softmax_backward(sum_of_products(count, p, dp, NULL), count, scale, p, dp);
}

void um_portable_adamw(size_t count, const um_adamw_step *step, const float *gradient,
                       float *parameter, float *first_moment, float *second_moment) {
    const um_floats rest1 = um_v4_splat(1.0f - step->beta1),
                    rest2 = um_v4_splat(1.0f - step->beta2);
    for (size_t i = 0; i < count; i += UM_V4_LANES) {
        const size_t lanes = um_v4_lanes_at(i, count);
        const um_floats g = um_v4_load(gradient + i, lanes) * um_v4_splat(step->gradient_scale);
        const um_floats m = um_v4_multiply_add(um_v4_splat(step->beta1),
                                               um_v4_load(first_moment + i, lanes), rest1 * g);
        const um_floats v = um_v4_multiply_add(
            um_v4_splat(step->beta2), um_v4_load(second_moment + i, lanes), rest2 * (g * g));
        um_v4_store(first_moment + i, lanes, m);
        um_v4_store(second_moment + i, lanes, v);
        const um_floats deviation = um_v4_square_root(v * um_v4_splat(step->second_correction));
        const um_floats direction =
            m * um_v4_splat(step->first_correction) / (deviation + um_v4_splat(step->epsilon));
        const um_floats value = um_v4_load(parameter + i, lanes);
        const um_floats change =
            um_v4_multiply_add(um_v4_splat(step->weight_decay), value, direction);
        um_v4_store(parameter + i, lanes,
                    um_v4_multiply_add(um_v4_splat(-step->learning_rate), change, value));
    }
}
