#include "model/rope.h"

#include <math.h>

void um_rope_angles(const um_model_config *config, size_t position, float *cosine, float *sine) {
    const size_t half = config->head_dim / 2;
    for (size_t i = 0; i < half; i++) {
        const float exponent = (float)(2 * i) / (float)config->head_dim;
        const float inverse_frequency = 1.0f / (float)pow(config->rope_base, (double)exponent);
        const float angle = (float)position * inverse_frequency;
        cosine[i] = cosf(angle);
        sine[i] = sinf(angle);
    }
}

void um_rope_rotate(const um_compute *compute, size_t rows, size_t heads, size_t head_dim,
                    const float *cosine, const float *sine, float *x) {
    const size_t half = head_dim / 2;
    for (size_t row = 0; row < rows; row++) {
        for (size_t head = 0; head < heads; head++) {
            compute->kernels.rotate_half(head_dim, cosine + row * half, sine + row * half,
                                         x + (row * heads + head) * head_dim);
        }
    }
}
