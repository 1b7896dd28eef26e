#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

#define TILE 16384

um_status um_optimizer_create(const um_model_config *config, size_t count, um_optimizer *optimizer,
                              um_error *error) {
    *optimizer = (um_optimizer){.config = config, .count = count};
    um_status status =
        um_allocate(&optimizer->first_moment, count, sizeof(float), "optimizer moments", error);
    if (status == UM_OK) {
        status = um_allocate(&optimizer->second_moment, count, sizeof(float), "optimizer moments",
                             error);
    }
    if (status != UM_OK) {
        um_optimizer_free(optimizer);
    }
    return status;
}

void um_optimizer_free(um_optimizer *optimizer) {
    free(optimizer->first_moment);
    free(optimizer->second_moment);
    *optimizer = (um_optimizer){0};
}

double um_block_norm(const float *block, size_t count) {
    double total = 0;
    for (size_t first = 0; first < count; first += TILE) {
        const size_t end = first + TILE < count ? first + TILE : count;
        double sum = 0;
        for (size_t i = first; i < end; i++) {
            sum += (double)block[i] * (double)block[i];
        }
        total += sum;
    }
    return sqrt(total);
}

double um_clip_factor(double norm, double limit) {
    return limit > 0 && norm > limit ? limit / norm : 1.0;
}

/* What the visitor needs to update one tensor. */
typedef struct update {
    um_optimizer *optimizer;
    const um_compute *compute;
    const um_recipe *recipe;
    um_adamw_step step;
    float *block;
    const float *gradients;
    size_t offset; /* of the tensor in the blocks */
    size_t count;
} update;

static void update_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const update *call = user;
    const size_t first = task * TILE;
    const size_t count = call->count - first < TILE ? call->count - first : TILE;
    const size_t at = call->offset + first;
    call->compute->kernels.adamw(count, &call->step, call->gradients + at, call->block + at,
                                 call->optimizer->first_moment + at,
                                 call->optimizer->second_moment + at);
}

static um_status update_tensor(void *user, const char *name, um_tensor *tensor,
                               const um_tensor *expected, um_error *error) {
    (void)name;
    (void)error;
    update *call = user;
    call->offset = (size_t)((const float *)tensor->data - call->block);
    (void)um_tensor_count(expected, &call->count);
    call->step.weight_decay = expected->rank > 1 ? (float)call->recipe->weight_decay : 0.0f;
    um_thread_pool_run(call->compute->pool, um_size_divide_up(call->count, TILE), update_tile,
                       call);
    return UM_OK;
}

um_status um_optimizer_update(um_optimizer *optimizer, const um_compute *compute,
                              const um_recipe *recipe, double learning_rate, double gradient_scale,
                              um_parameters *parameters, float *block, const float *gradients,
                              um_error *error) {
    optimizer->step++;
    const double t = (double)optimizer->step;
    update call = {.optimizer = optimizer,
                   .compute = compute,
                   .recipe = recipe,
                   .step = {.learning_rate = (float)learning_rate,
                            .beta1 = (float)recipe->beta1,
                            .beta2 = (float)recipe->beta2,
                            .epsilon = (float)recipe->epsilon,
                            .gradient_scale = (float)gradient_scale,
                            .first_correction = (float)(1.0 / (1.0 - pow(recipe->beta1, t))),
                            .second_correction = (float)(1.0 / (1.0 - pow(recipe->beta2, t)))},
                   .block = block,
                   .gradients = gradients};
    return um_parameters_visit(parameters, optimizer->config, update_tensor, &call, error);
}
