#include <math.h>

#include "base/rng.h"
#include "train/learner/learner.h"

#define INITIAL_DEVIATION 0.02

void um_learner_round_weights(um_learner *learner) {
    if (learner->master_block == learner->parameter_block) {
        return;
    }
    for (size_t i = 0; i < learner->block_count; i++) {
        learner->parameter_block[i] = um_f32_from_bf16(um_bf16_from_f32(learner->master_block[i]));
    }
}

static bool writes_residual_stream(const um_parameters *parameters, const um_tensor *tensor) {
    for (size_t i = 0; i < parameters->layer_count; i++) {
        const um_layer_parameters *layer = &parameters->layers[i];
        if (tensor == &layer->attention_output || tensor == &layer->down) {
            return true;
        }
    }
    return false;
}

typedef struct initialisation {
    const um_learner *learner;
    uint32_t tensor; /* its number */
} initialisation;

static void draw_matrix(const initialisation *state, double deviation, size_t count,
                        float *values) {
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, state->tensor,
                                    (uint32_t)((uint64_t)i >> 32), (uint32_t)i};
        values[i] = (float)(deviation * um_rng_normal(state->learner->recipe->seed, place));
    }
}

static um_status initialise_tensor(void *user, const char *name, um_tensor *tensor,
                                   const um_tensor *expected, um_error *error) {
    (void)error;
    initialisation *state = user;
    const um_model_config *config = &state->learner->config;
    float *values = um_tensor_f32(tensor);
    size_t count = 0;
    (void)um_tensor_count(expected, &count);
    if (expected->rank > 1) {
        const double residual_writes = 2.0 * (double)config->layer_count;
        const bool writes = writes_residual_stream(state->learner->masters, tensor);
        draw_matrix(state, INITIAL_DEVIATION / (writes ? sqrt(residual_writes) : 1.0), count,
                    values);
    } else {
        um_parameter_group group = UM_PARAMETERS_NORM;
        (void)um_parameters_group_of(config->family, name, &group);
        for (size_t i = 0; i < count; i++) {
            values[i] = group == UM_PARAMETERS_NORM ? 1.0f : 0.0f;
        }
    }
    state->tensor++;
    return UM_OK;
}

um_status um_learner_initialise(um_learner *learner, um_error *error) {
    initialisation state = {.learner = learner};
    return um_parameters_visit(learner->masters, &learner->config, initialise_tensor, &state,
                               error);
}

static um_status copy_weights(um_learner *learner, const um_checkpoint *checkpoint,
                              um_parameters *stored, um_error *error) {
    um_model_config config = learner->config;
    UM_TRY(um_parameters_bind(stored, &config, checkpoint, error));
    if (learner->config.tied_head && !config.tied_head) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: config.json ties the output projection to the embedding, but the "
                        "weights hold one of its own; set \"tie_word_embeddings\" to false",
                        learner->recipe->model);
    }
    return um_parameters_copy(learner->masters, stored, &learner->config, error);
}

um_status um_learner_load_weights(um_learner *learner, um_error *error) {
    um_checkpoint *checkpoint = NULL;
    um_parameters stored = {0};
    UM_TRY(um_checkpoint_open(learner->recipe->model, &checkpoint, error));
    const um_status status = copy_weights(learner, checkpoint, &stored, error);
    um_parameters_free(&stored);
    um_checkpoint_close(checkpoint);
    return status;
}
