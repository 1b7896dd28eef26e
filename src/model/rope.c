#include "model/rope.h"

#include <math.h>

#include "base/memory.h"

#define ROW_TILE 16 /* rows of a task */

void um_rope_frequencies(const um_model_config *config, float *frequencies) {
    for (size_t i = 0; i < config->head_dim / 2; i++) {
        const float exponent = (float)(2 * i) / (float)config->head_dim;
        frequencies[i] = 1.0f / (float)pow(config->rope_base, (double)exponent);
    }
}

void um_rope_angles(size_t half, const float *frequencies, size_t position, float *cosine,
                    float *sine) {
    for (size_t i = 0; i < half; i++) {
        const float angle = (float)position * frequencies[i];
        cosine[i] = cosf(angle);
        sine[i] = sinf(angle);
    }
}

typedef struct rotate_call {
    const um_compute *compute;
    size_t rows;
    size_t heads;
    size_t head_dim;
    const float *cosine;
    const float *sine;
    float *x;
} rotate_call;

static void rotate_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const rotate_call *call = user;
    const size_t half = call->head_dim / 2;
    const size_t end = (task + 1) * ROW_TILE < call->rows ? (task + 1) * ROW_TILE : call->rows;
    for (size_t row = task * ROW_TILE; row < end; row++) {
        for (size_t head = 0; head < call->heads; head++) {
            call->compute->kernels.rotate_half(
                call->head_dim, call->cosine + row * half, call->sine + row * half,
                call->x + (row * call->heads + head) * call->head_dim);
        }
    }
}

void um_rope_rotate(const um_compute *compute, size_t rows, size_t heads, size_t head_dim,
                    const float *cosine, const float *sine, float *x) {
    rotate_call call = {compute, rows, heads, head_dim, cosine, sine, x};
    um_thread_pool_run(compute->pool, um_size_divide_up(rows, ROW_TILE), rotate_task, &call);
}
