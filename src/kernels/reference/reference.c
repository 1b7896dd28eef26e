/* The plain versions: what every other version is measured against. */
#include <math.h>

#include "kernels/reference/reference.h"

void um_reference_matmul(size_t m, size_t n, size_t k, const float *x, size_t x_stride,
                         const float *w, size_t w_stride, const float *bias, float *y,
                         size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = 0.0f;
            for (size_t l = 0; l < k; l++) {
                sum += x[i * x_stride + l] * w[j * w_stride + l];
            }
            y[i * y_stride + j] = bias ? sum + bias[j] : sum;
        }
    }
}

void um_reference_weighted_sum(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                               const float *v, size_t v_stride, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = 0.0f;
            for (size_t l = 0; l < k; l++) {
                sum += p[i * p_stride + l] * v[l * v_stride + j];
            }
            y[i * y_stride + j] = sum;
        }
    }
}

void um_reference_weighted_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                   const float *v, size_t v_stride, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++) {
                y[i * y_stride + j] += p[i * p_stride + l] * v[l * v_stride + j];
            }
        }
    }
}

void um_reference_transposed_sum_add(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                                     const float *v, size_t v_stride, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++) {
                y[i * y_stride + j] += p[l * p_stride + i] * v[l * v_stride + j];
            }
        }
    }
}

static float maximum_of(size_t count, const float *x) {
    float maximum = x[0];
    for (size_t i = 1; i < count; i++) {
        maximum = x[i] > maximum ? x[i] : maximum;
    }
    return maximum;
}

void um_reference_softmax(size_t count, float scale, float *x) {
    const float maximum = maximum_of(count, x);
    const float shift = maximum == -INFINITY ? 0.0f : maximum;
    double sum = 0.0; /* a row is long enough for the rounding of small terms to show */
    for (size_t i = 0; i < count; i++) {
        x[i] = expf(scale * (x[i] - shift));
        sum += (double)x[i];
    }
    const float inverse = sum == 0.0 ? 0.0f : (float)(1.0 / sum);
    for (size_t i = 0; i < count; i++) {
        x[i] *= inverse;
    }
}

void um_reference_rms_norm(size_t count, float epsilon, const float *x, const float *weight,
                           float *y, float *inverse_rms) {
    float sum = 0.0f;
    for (size_t i = 0; i < count; i++) {
        sum += x[i] * x[i];
    }
    const float inverse = 1.0f / sqrtf(sum / (float)count + epsilon);
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] * inverse * weight[i];
    }
    if (inverse_rms) {
        *inverse_rms = inverse;
    }
}

void um_reference_rotate_half(size_t count, const float *cosine, const float *sine, float *x) {
    const size_t half = count / 2;
    for (size_t i = 0; i < half; i++) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a * cosine[i] - b * sine[i];
        x[i + half] = b * cosine[i] + a * sine[i];
    }
}

void um_reference_swiglu(size_t count, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < count; i++) {
        y[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
    }
}

/* y_j = x_j r w_j with r = (mean(x^2) + e)^(-1/2), so d r / d x_i = -r^3 x_i / count and
 * d loss / d x_i = r (dy_i w_i) - x_i r^3 / count * sum_j dy_j w_j x_j. */
void um_reference_rms_norm_backward(size_t count, const float *x, const float *weight,
                                    float inverse_rms, const float *dy, float *dx, float *dweight) {
    float dot = 0.0f;
    for (size_t i = 0; i < count; i++) {
        dot += dy[i] * weight[i] * x[i];
    }
    const float correction = inverse_rms * inverse_rms * inverse_rms / (float)count * dot;
    for (size_t i = 0; i < count; i++) {
        dx[i] += inverse_rms * dy[i] * weight[i] - correction * x[i];
        dweight[i] += dy[i] * x[i] * inverse_rms;
    }
}

/* With s = sigmoid(g): d(g s)/dg = s (1 + g (1 - s)). */
void um_reference_swiglu_backward(size_t count, const float *dy, float *gate, float *up) {
    for (size_t i = 0; i < count; i++) {
        const float g = gate[i];
        const float s = 1.0f / (1.0f + expf(-g));
        gate[i] = dy[i] * up[i] * s * (1.0f + g * (1.0f - s));
        up[i] = dy[i] * g * s;
    }
}

void um_reference_softmax_backward(size_t count, float scale, const float *p, float *dp) {
    float dot = 0.0f;
    for (size_t i = 0; i < count; i++) {
        dot += p[i] * dp[i];
    }
    for (size_t i = 0; i < count; i++) {
        dp[i] = scale * p[i] * (dp[i] - dot);
    }
}

void um_reference_cross_entropy(size_t count, const float *logits, size_t target,
                                float *log_probability, float *probabilities) {
    const float maximum = maximum_of(count, logits);
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)expf(logits[i] - maximum);
    }
    const float log_sum = (float)log(sum);
    *log_probability = (logits[target] - maximum) - log_sum;
    for (size_t i = 0; probabilities && i < count; i++) {
        probabilities[i] = expf((logits[i] - maximum) - log_sum);
    }
}

void um_reference_adamw(size_t count, const um_adamw_step *step, const float *gradient,
                        float *parameter, float *first_moment, float *second_moment) {
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] * step->gradient_scale;
        first_moment[i] = step->beta1 * first_moment[i] + (1.0f - step->beta1) * g;
        second_moment[i] = step->beta2 * second_moment[i] + (1.0f - step->beta2) * g * g;
        const float mean = first_moment[i] * step->first_correction;
        const float deviation = sqrtf(second_moment[i] * step->second_correction);
        parameter[i] -= step->learning_rate *
                        (mean / (deviation + step->epsilon) + step->weight_decay * parameter[i]);
    }
}

void um_kernels_reference(um_kernels *kernels) {
    kernels->name = "reference";
#define UM_KERNEL_ASSIGN(kernel, parameters) kernels->kernel = um_reference_##kernel;
    UM_KERNEL_LIST(UM_KERNEL_ASSIGN)
#undef UM_KERNEL_ASSIGN
}
