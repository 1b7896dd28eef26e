#include "train/optimizer/optimizer.h"

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
    free(optimizer->matrices);
    free(optimizer->scratch);
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
    const um_parameters *parameters;
    um_adamw_step step;
    um_muon_step muon;
    size_t scratch; /* floats for each worker */
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

/* ---- Muon -------------------------------------------------------------- */

static bool is_muon_matrix(const update *call, const um_tensor *tensor, const um_tensor *expected) {
    return call->recipe->optimizer == UM_OPTIMIZER_MUON && expected->rank == 2 &&
           tensor->data != call->parameters->embedding.data &&
           tensor->data != call->parameters->head.data;
}

static um_status gather_matrix(update *call, const um_tensor *expected, um_error *error) {
    um_optimizer *optimizer = call->optimizer;
    UM_TRY(um_grow(&optimizer->matrices, &optimizer->matrix_capacity, optimizer->matrix_count + 1,
                   sizeof *optimizer->matrices, "matrices of the optimizer", error));
    const um_muon_matrix matrix = {.rows = expected->shape[0],
                                   .columns = expected->shape[1],
                                   .parameter = call->block + call->offset,
                                   .momentum = optimizer->first_moment + call->offset,
                                   .gradient = call->gradients + call->offset};
    const size_t scratch = um_muon_scratch(matrix.rows, matrix.columns);
    call->scratch = scratch > call->scratch ? scratch : call->scratch;
    optimizer->matrices[optimizer->matrix_count++] = matrix;
    return UM_OK;
}

static void update_matrix(void *user, size_t task, size_t worker) {
    const update *call = user;
    um_muon_update(&call->optimizer->matrices[task], &call->muon,
                   call->optimizer->scratch + worker * call->scratch);
}

/* One matrix per task: few, but enough to share out, and each keeps one fixed order of sums. */
static um_status update_matrices(update *call, um_error *error) {
    um_optimizer *optimizer = call->optimizer;
    um_thread_pool *pool = call->compute->pool;
    const size_t workers = pool ? um_thread_pool_size(pool) : 1;
    UM_TRY(um_grow(&optimizer->scratch, &optimizer->scratch_capacity, workers * call->scratch,
                   sizeof(float), "scratch of the optimizer", error));
    um_thread_pool_run(pool, optimizer->matrix_count, update_matrix, call);
    return UM_OK;
}

/* ---- Update ------------------------------------------------------------ */

static um_status update_tensor(void *user, const char *name, um_tensor *tensor,
                               const um_tensor *expected, um_error *error) {
    (void)name;
    update *call = user;
    call->offset = (size_t)((const float *)tensor->data - call->block);
    (void)um_tensor_count(expected, &call->count);
    if (is_muon_matrix(call, tensor, expected)) {
        return gather_matrix(call, expected, error);
    }
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
    const float beta1 = (float)recipe->beta1; /* as the kernel has them, also in the corrections */
    const float beta2 = (float)recipe->beta2;
    update call = {.optimizer = optimizer,
                   .compute = compute,
                   .recipe = recipe,
                   .parameters = parameters,
                   .step = {.learning_rate = (float)learning_rate,
                            .beta1 = beta1,
                            .beta2 = beta2,
                            .epsilon = (float)recipe->epsilon,
                            .gradient_scale = (float)gradient_scale,
                            .first_correction = (float)(1.0 / (1.0 - pow((double)beta1, t))),
                            .second_correction = (float)(1.0 / (1.0 - pow((double)beta2, t)))},
                   .muon = {.learning_rate = learning_rate,
                            .momentum = recipe->momentum,
                            .weight_decay = recipe->weight_decay,
                            .gradient_scale = gradient_scale},
                   .block = block,
                   .gradients = gradients};
    optimizer->matrix_count = 0;
    UM_TRY(um_parameters_visit(parameters, optimizer->config, update_tensor, &call, error));
    return update_matrices(&call, error);
}
