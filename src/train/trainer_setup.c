#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "model/save.h"
#include "train/trainer_internal.h"
#include "weights/gguf.h"

#define INITIAL_DEVIATION 0.02

void um_trainer_round_weights(um_trainer *trainer) {
    if (trainer->master_block == trainer->parameter_block) {
        return;
    }
    for (size_t i = 0; i < trainer->block_count; i++) {
        trainer->parameter_block[i] = um_f32_from_bf16(um_bf16_from_f32(trainer->master_block[i]));
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
    const um_trainer *trainer;
    uint32_t tensor; /* its number */
} initialisation;

static void draw_matrix(const initialisation *state, double deviation, size_t count,
                        float *values) {
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, state->tensor,
                                    (uint32_t)((uint64_t)i >> 32), (uint32_t)i};
        values[i] = (float)(deviation * um_rng_normal(state->trainer->recipe.seed, place));
    }
}

static um_status initialise_tensor(void *user, const char *name, um_tensor *tensor,
                                   const um_tensor *expected, um_error *error) {
    (void)error;
    initialisation *state = user;
    const um_model_config *config = &state->trainer->config;
    float *values = um_tensor_f32(tensor);
    size_t count = 0;
    (void)um_tensor_count(expected, &count);
    if (expected->rank > 1) {
        const double residual_writes = 2.0 * (double)config->layer_count;
        const bool writes = writes_residual_stream(state->trainer->masters, tensor);
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

um_status um_trainer_initialise(um_trainer *trainer, um_error *error) {
    initialisation state = {.trainer = trainer};
    return um_parameters_visit(trainer->masters, &trainer->config, initialise_tensor, &state,
                               error);
}

static um_status add_count(void *user, const char *name, um_tensor *tensor,
                           const um_tensor *expected, um_error *error) {
    (void)name;
    (void)tensor;
    (void)error;
    size_t count = 0;
    (void)um_tensor_count(expected, &count);
    *(size_t *)user += count;
    return UM_OK;
}

static um_status lay_out_blocks(um_trainer *trainer, um_error *error) {
    UM_TRY(um_parameters_lay_out(&trainer->parameters, &trainer->config, &trainer->parameter_block,
                                 &trainer->block_count, error));
    UM_TRY(um_parameters_lay_out(&trainer->gradients, &trainer->config, &trainer->gradient_block,
                                 &trainer->block_count, error));
    trainer->masters = &trainer->parameters;
    trainer->master_block = trainer->parameter_block;
    if (trainer->recipe.weights != UM_DTYPE_F32) {
        trainer->masters = &trainer->unrounded;
        UM_TRY(um_parameters_lay_out(&trainer->unrounded, &trainer->config, &trainer->master_block,
                                     &trainer->block_count, error));
    }
    UM_TRY(um_parameters_visit(&trainer->parameters, &trainer->config, add_count,
                               &trainer->weight_count, error));
    return um_optimizer_create(&trainer->config, trainer->block_count, &trainer->optimizer, error);
}

static um_status copy_weights(um_trainer *trainer, const um_checkpoint *checkpoint,
                              um_parameters *stored, um_error *error) {
    um_model_config config = trainer->config;
    UM_TRY(um_parameters_bind(stored, &config, checkpoint, error));
    if (trainer->config.tied_head && !config.tied_head) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: config.json ties the output projection to the embedding, but the "
                        "weights hold one of its own; set \"tie_word_embeddings\" to false",
                        trainer->recipe.model);
    }
    return um_parameters_copy(trainer->masters, stored, &trainer->config, error);
}

static um_status load_weights(um_trainer *trainer, um_error *error) {
    um_checkpoint *checkpoint = NULL;
    um_parameters stored = {0};
    UM_TRY(um_checkpoint_open(trainer->recipe.model, &checkpoint, error));
    const um_status status = copy_weights(trainer, checkpoint, &stored, error);
    um_parameters_free(&stored);
    um_checkpoint_close(checkpoint);
    return status;
}

/* What the recipe asks of the model. */
static um_status check_model(const um_trainer *trainer, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    const um_model_config *config = &trainer->config;
    if (recipe->objective == UM_OBJECTIVE_CAUSAL && config->attention != UM_ATTENTION_CAUSAL) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: \"objective\" is causal, but the model is not autoregressive",
                        recipe->model);
    }
    if (recipe->objective == UM_OBJECTIVE_DIFFUSION && config->mask_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s/config.json: a diffusion run needs \"mask_token_id\"", recipe->model);
    }
    if (recipe->answer_length > 0 && config->pad_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s/config.json: \"answer_length\" needs \"pad_token_id\"", recipe->model);
    }
    if (recipe->context_length > config->maximum_positions) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "\"context_length\" is %zu, but %s/config.json allows %zu positions",
                        recipe->context_length, recipe->model, config->maximum_positions);
    }
    return UM_OK;
}

/* A diffusion run makes a Dream model of a Qwen2 one: same tensors, full attention, and the shift
 * that the causal model was trained with stays. */
static void adopt_objective(um_trainer *trainer) {
    um_model_config *config = &trainer->config;
    if (trainer->recipe.objective == UM_OBJECTIVE_CAUSAL) {
        return;
    }
    if (config->family == UM_FAMILY_QWEN2) {
        config->family = UM_FAMILY_DREAM;
    }
    config->attention = UM_ATTENTION_FULL;
}

static um_status open_data(um_trainer *trainer, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    UM_TRY(um_shard_open(recipe->train, &trainer->train_shard, error));
    if (*recipe->validation) {
        UM_TRY(um_shard_open(recipe->validation, &trainer->validation_shard, error));
    }
    const um_status status = um_data_order_create(
        recipe->seed, um_shard_document_count(trainer->train_shard), &trainer->order, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", recipe->train);
}

/* Two runs would take turns in replacing each other's files.  The lock ends with the process; where
 * the file system has none, the run goes on without. */
static um_status lock_directory(um_trainer *trainer, um_error *error) {
    const char *path = trainer->output;
    trainer->lock_descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (trainer->lock_descriptor < 0) {
        return um_error_set_errno(error, errno, "%s: cannot open the output directory", path);
    }
    if (flock(trainer->lock_descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return UM_RAISE(error, UM_ERR_IO,
                        "%s: another training is writing there; wait for it, or write to another "
                        "directory",
                        path);
    }
    return UM_OK;
}

static um_status make_directory(um_trainer *trainer, um_error *error) {
    const char *path = trainer->output;
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return um_error_set_errno(error, errno, "%s: cannot make the output directory", path);
    }
    UM_TRY(lock_directory(trainer, error));
    return access(path, W_OK | X_OK) == 0
               ? UM_OK
               : um_error_set_errno(error, errno, "%s: cannot write to the output directory", path);
}

static um_status set_up(um_trainer *trainer, um_error *error) {
    if (um_gguf_is_path(trainer->recipe.model)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: training starts from a directory; `unmask convert` makes one of a "
                        "GGUF file",
                        trainer->recipe.model);
    }
    UM_TRY(um_model_config_read(trainer->recipe.model, &trainer->config, error));
    UM_TRY(check_model(trainer, error));
    adopt_objective(trainer);
    UM_TRY(open_data(trainer, error));
    UM_TRY(make_directory(trainer, error));
    UM_TRY(lay_out_blocks(trainer, error));
    UM_TRY(um_activations_create(true, &trainer->recording, error));
    um_activations_recompute(trainer->recording, trainer->recipe.recompute_activations);
    UM_TRY(um_activations_create(false, &trainer->plain, error));
    UM_TRY(um_loss_scratch_create(&trainer->config, &trainer->loss_scratch, error));
    bool found = false;
    UM_TRY(um_trainer_state_load(trainer, &found, error));
    if (!found && trainer->recipe.initialise) {
        UM_TRY(um_trainer_initialise(trainer, error));
    } else if (!found) {
        UM_TRY(load_weights(trainer, error));
    }
    um_trainer_round_weights(trainer);
    trainer->transformer =
        (um_transformer){.config = &trainer->config, .parameters = &trainer->parameters};
    trainer->last_save = um_clock_seconds();
    return UM_OK;
}

um_status um_trainer_create(const um_recipe *recipe, const char *output_directory,
                            const um_compute *compute, um_trainer **trainer, um_error *error) {
    *trainer = NULL;
    if (strlen(output_directory) >= UM_RECIPE_PATH_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", output_directory);
    }
    um_trainer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "trainer", sizeof *created);
    }
    created->lock_descriptor = -1;
    created->recipe = *recipe;
    created->own_compute = *compute;
    created->own_compute.bf16_products = recipe->products == UM_DTYPE_BF16;
    created->compute = &created->own_compute;
    strcpy(created->output, output_directory);
    const um_status status = set_up(created, error);
    if (status != UM_OK) {
        um_trainer_free(created);
        return status;
    }
    *trainer = created;
    return UM_OK;
}

void um_trainer_free(um_trainer *trainer) {
    if (!trainer) {
        return;
    }
    if (trainer->lock_descriptor >= 0) {
        (void)close(trainer->lock_descriptor);
    }
    um_parameters_free(&trainer->parameters);
    um_parameters_free(&trainer->gradients);
    um_parameters_free(&trainer->unrounded);
    um_optimizer_free(&trainer->optimizer);
    um_shard_close(trainer->train_shard);
    um_shard_close(trainer->validation_shard);
    um_data_order_free(&trainer->order);
    um_training_batch_free(&trainer->batch);
    um_activations_free(trainer->recording);
    um_activations_free(trainer->plain);
    um_loss_scratch_free(&trainer->loss_scratch);
    free(trainer->hidden);
    free(trainer->hidden_gradient);
    free(trainer);
}

size_t um_trainer_step(const um_trainer *trainer) {
    return (size_t)trainer->optimizer.step;
}

size_t um_trainer_parameter_count(const um_trainer *trainer) {
    return trainer->weight_count;
}
