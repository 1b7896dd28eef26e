/* Row-wise and element-wise kernels.  A tail of fewer than eight elements goes through the same
 * vector code under a mask, so that an element's value does not depend on its position. */
#include "kernels/avx2/avx2.h"
#include "kernels/rows.h"

/* Lanes in use at element i of `count`. */
static size_t lanes_at(size_t i, size_t count) {
    return count - i < UM_LANES ? count - i : UM_LANES;
}

static float maximum_of(size_t count, const float *x) {
    __m256 maximum = _mm256_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + UM_LANES <= count; i += UM_LANES) {
        maximum = _mm256_max_ps(maximum, _mm256_loadu_ps(x + i));
    }
    float result = um_avx2_maximum(maximum);
    for (; i < count; i++) {
        result = x[i] > result ? x[i] : result;
    }
    return result;
}

/* um_exponentials. */
static float exponentials(size_t count, float scale, float shift, const float *x, float *out) {
    const __m256 scales = _mm256_set1_ps(scale);
    const __m256 shifts = _mm256_set1_ps(shift);
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        const __m256 value =
            _mm256_mul_ps(_mm256_sub_ps(um_avx2_load(x + i, lanes), shifts), scales);
        const __m256 mask = _mm256_castsi256_ps(um_avx2_tail_mask(lanes));
        const __m256 exponential = _mm256_and_ps(um_avx2_exp(value), mask);
        sum = _mm256_add_ps(sum, exponential);
        if (out) {
            um_avx2_store(out + i, lanes, exponential);
        }
    }
    return um_avx2_sum(sum);
}

void um_avx2_softmax(size_t count, float scale, float *x) {
    um_row_softmax(exponentials, maximum_of(count, x), count, scale, x);
}

void um_avx2_cross_entropy(size_t count, const float *logits, size_t target, float *log_probability,
                           float *probabilities) {
    um_row_cross_entropy(exponentials, maximum_of(count, logits), count, logits, target,
                         log_probability, probabilities);
}

static float dot(size_t count, const float *a, const float *b) {
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        sum = _mm256_fmadd_ps(um_avx2_load(a + i, lanes), um_avx2_load(b + i, lanes), sum);
    }
    return um_avx2_sum(sum);
}

void um_avx2_rms_norm(size_t count, float epsilon, const float *x, const float *weight, float *y,
                      float *inverse_rms) {
    um_row_rms_norm(dot(count, x, x), count, epsilon, x, weight, y, inverse_rms);
}

void um_avx2_rotate_half(size_t count, const float *cosine, const float *sine, float *x) {
    const size_t half = count / 2;
    for (size_t i = 0; i < half; i += UM_LANES) {
        const size_t lanes = lanes_at(i, half);
        const __m256 c = um_avx2_load(cosine + i, lanes);
        const __m256 s = um_avx2_load(sine + i, lanes);
        const __m256 a = um_avx2_load(x + i, lanes);
        const __m256 b = um_avx2_load(x + half + i, lanes);
        const __m256 rotated = _mm256_sub_ps(_mm256_mul_ps(a, c), _mm256_mul_ps(b, s));
        um_avx2_store(x + half + i, lanes, _mm256_add_ps(_mm256_mul_ps(b, c), _mm256_mul_ps(a, s)));
        um_avx2_store(x + i, lanes, rotated);
    }
}

void um_avx2_rms_norm_backward(size_t count, const float *x, const float *weight, float inverse_rms,
                               const float *dy, float *dx, float *dweight) {
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        const __m256 weighted =
            _mm256_mul_ps(um_avx2_load(dy + i, lanes), um_avx2_load(weight + i, lanes));
        sum = _mm256_fmadd_ps(weighted, um_avx2_load(x + i, lanes), sum);
    }
    um_row_rms_norm_backward(um_avx2_sum(sum), count, x, weight, inverse_rms, dy, dx, dweight);
}

/* 0 below -88, where the exponential would no longer grow with -x. */
static __m256 sigmoid(__m256 x) {
    const __m256 vanishes = _mm256_cmp_ps(x, _mm256_set1_ps(-88.0f), _CMP_LT_OQ);
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 negative = _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
    const __m256 value = _mm256_div_ps(one, _mm256_add_ps(one, um_avx2_exp(negative)));
    return _mm256_andnot_ps(vanishes, value);
}

void um_avx2_swiglu(size_t count, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        const __m256 g = um_avx2_load(gate + i, lanes);
        const __m256 silu = _mm256_mul_ps(g, sigmoid(g));
        um_avx2_store(y + i, lanes, _mm256_mul_ps(silu, um_avx2_load(up + i, lanes)));
    }
}

void um_avx2_swiglu_backward(size_t count, const float *dy, float *gate, float *up) {
    const __m256 one = _mm256_set1_ps(1.0f);
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        const __m256 d = um_avx2_load(dy + i, lanes);
        const __m256 g = um_avx2_load(gate + i, lanes);
        const __m256 s = sigmoid(g);
        const __m256 slope = _mm256_mul_ps(s, _mm256_fmadd_ps(g, _mm256_sub_ps(one, s), one));
        const __m256 u = um_avx2_load(up + i, lanes);
        um_avx2_store(gate + i, lanes, _mm256_mul_ps(_mm256_mul_ps(d, u), slope));
        um_avx2_store(up + i, lanes, _mm256_mul_ps(d, _mm256_mul_ps(g, s)));
    }
}

void um_avx2_softmax_backward(size_t count, float scale, const float *p, float *dp) {
    um_row_softmax_backward(dot(count, p, dp), count, scale, p, dp);
}

void um_avx2_adamw(size_t count, const um_adamw_step *step, const float *gradient, float *parameter,
                   float *first_moment, float *second_moment) {
    const __m256 scale = _mm256_set1_ps(step->gradient_scale);
    const __m256 beta1 = _mm256_set1_ps(step->beta1);
    const __m256 beta2 = _mm256_set1_ps(step->beta2);
    const __m256 rest1 = _mm256_set1_ps(1.0f - step->beta1);
    const __m256 rest2 = _mm256_set1_ps(1.0f - step->beta2);
    const __m256 epsilon = _mm256_set1_ps(step->epsilon);
    const __m256 decay = _mm256_set1_ps(step->weight_decay);
    const __m256 rate = _mm256_set1_ps(step->learning_rate);
    for (size_t i = 0; i < count; i += UM_LANES) {
        const size_t lanes = lanes_at(i, count);
        const __m256 g = _mm256_mul_ps(um_avx2_load(gradient + i, lanes), scale);
        const __m256 m =
            _mm256_fmadd_ps(beta1, um_avx2_load(first_moment + i, lanes), _mm256_mul_ps(rest1, g));
        const __m256 v = _mm256_fmadd_ps(beta2, um_avx2_load(second_moment + i, lanes),
                                         _mm256_mul_ps(rest2, _mm256_mul_ps(g, g)));
        um_avx2_store(first_moment + i, lanes, m);
        um_avx2_store(second_moment + i, lanes, v);
        const __m256 deviation =
            _mm256_sqrt_ps(_mm256_mul_ps(v, _mm256_set1_ps(step->second_correction)));
        const __m256 direction =
            _mm256_div_ps(_mm256_mul_ps(m, _mm256_set1_ps(step->first_correction)),
                          _mm256_add_ps(deviation, epsilon));
        const __m256 value = um_avx2_load(parameter + i, lanes);
        const __m256 change = _mm256_fmadd_ps(decay, value, direction);
        um_avx2_store(parameter + i, lanes, _mm256_fnmadd_ps(rate, change, value));
    }
}
