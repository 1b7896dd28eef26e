#include "train/trainer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mapped_file.h"
#include "model/save.h"
#include "train/trainer_internal.h"
#include "weights/gguf.h"

#define STATE_PATH_SIZE (UM_RECIPE_PATH_SIZE + 32)

/* ---- Beginning -------------------------------------------------------------- */

static const um_training_method *method_of(um_objective objective) {
    switch (objective) {
        case UM_OBJECTIVE_CAUSAL:
        case UM_OBJECTIVE_DIFFUSION:
            break;
        case UM_OBJECTIVE_COUPLED_GRPO:
            return &um_coupled_grpo_method;
    }
    return &um_supervised_method;
}

static um_status restore(um_trainer *trainer, const char *path, um_error *error) {
    um_state_file *file = NULL;
    UM_TRY(um_state_file_open(path, um_recipe_fingerprint(&trainer->recipe), &file, error));
    um_status status = um_learner_load(&trainer->learner, file, error);
    if (status == UM_OK) {
        um_learner_round_weights(&trainer->learner);
        status = trainer->method->start(trainer->method_state, &trainer->learner, &trainer->output,
                                        file, error);
    }
    um_state_file_close(file);
    return status;
}

/* From the state in the directory, or with the recipe's first weights. */
static um_status begin(um_trainer *trainer, um_error *error) {
    char path[STATE_PATH_SIZE];
    um_learner *learner = &trainer->learner;
    UM_TRY(um_output_directory_join(&trainer->output, UM_TRAINER_STATE_FILE, path, sizeof path,
                                    error));
    if (um_file_exists(trainer->output.path, UM_TRAINER_STATE_FILE)) {
        return restore(trainer, path, error);
    }
    UM_TRY(trainer->recipe.initialise ? um_learner_initialise(learner, error)
                                      : um_learner_load_weights(learner, error));
    um_learner_round_weights(learner);
    return trainer->method->start(trainer->method_state, learner, &trainer->output, NULL, error);
}

static um_status set_up(um_trainer *trainer, const char *output_directory,
                        const um_compute *compute, const um_grader *grader, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    um_model_config config;
    if (um_gguf_is_path(recipe->model)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: training starts from a directory; `unmask convert` makes one of a "
                        "GGUF file",
                        recipe->model);
    }
    UM_TRY(um_model_config_read(recipe->model, &config, error));
    UM_TRY(trainer->method->open(recipe, grader, &config, &trainer->method_state, error));
    UM_TRY(um_output_directory_open(output_directory, &trainer->output, error));
    UM_TRY(um_learner_create(recipe, &config, compute, &trainer->learner, error));
    UM_TRY(begin(trainer, error));
    trainer->last_save = um_clock_seconds();
    return UM_OK;
}

um_status um_trainer_create(const um_recipe *recipe, const char *output_directory,
                            const um_compute *compute, um_trainer **trainer, um_error *error) {
    return um_trainer_create_graded(recipe, output_directory, compute, NULL, trainer, error);
}

um_status um_trainer_create_graded(const um_recipe *recipe, const char *output_directory,
                                   const um_compute *compute, const um_grader *grader,
                                   um_trainer **trainer, um_error *error) {
    *trainer = NULL;
    um_trainer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "trainer", sizeof *created);
    }
    created->recipe = *recipe;
    created->output.lock_descriptor = -1;
    created->method = method_of(recipe->objective);
    const um_status status = set_up(created, output_directory, compute, grader, error);
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
    um_output_directory_close(&trainer->output);
    trainer->method->close(trainer->method_state);
    um_learner_free(&trainer->learner);
    free(trainer);
}

size_t um_trainer_step(const um_trainer *trainer) {
    return um_learner_step(&trainer->learner);
}

size_t um_trainer_parameter_count(const um_trainer *trainer) {
    return trainer->learner.weight_count;
}

um_trainer_sizes um_trainer_describe(const um_trainer *trainer) {
    const um_model_config *config = &trainer->learner.config;
    um_trainer_sizes sizes = {.parameters = trainer->learner.weight_count,
                              .layers = config->layer_count,
                              .hidden_size = config->hidden_size,
                              .vocabulary_size = config->vocabulary_size};
    if (trainer->method->describe) {
        trainer->method->describe(trainer->method_state, &sizes);
    }
    return sizes;
}

/* ---- The loop --------------------------------------------------------------- */

static um_status save(um_trainer *trainer, const um_trainer_callbacks *callbacks, um_error *error) {
    char path[STATE_PATH_SIZE];
    um_state_sections sections = {.count = 0};
    UM_TRY(um_output_directory_join(&trainer->output, UM_TRAINER_STATE_FILE, path, sizeof path,
                                    error));
    UM_TRY(trainer->method->save(trainer->method_state, &sections, error));
    um_learner_save(&trainer->learner, &sections);
    UM_TRY(um_state_file_write(path, um_recipe_fingerprint(&trainer->recipe), &sections, error));
    trainer->last_save = um_clock_seconds();
    if (callbacks->saved) {
        callbacks->saved(callbacks->user, trainer->output.path, um_trainer_step(trainer));
    }
    return UM_OK;
}

static um_status stop(um_trainer *trainer, const um_trainer_callbacks *callbacks, um_error *error) {
    UM_TRY(save(trainer, callbacks, error));
    return UM_RAISE(error, UM_ERR_CANCELLED,
                    "stopped after step %zu of %zu; the same command continues there",
                    um_trainer_step(trainer), trainer->recipe.steps);
}

um_status um_trainer_validate(um_trainer *trainer, um_validation_report *report, um_error *error) {
    const um_stop_request never = {0};
    bool has_data = false;
    *report = (um_validation_report){.step = um_trainer_step(trainer)};
    return trainer->method->validate(trainer->method_state, &never, &has_data, report, error);
}

static um_stop_request request_of(const um_trainer_callbacks *callbacks) {
    return (um_stop_request){.should_stop = callbacks->should_stop,
                             .user = callbacks->user,
                             .phase = callbacks->phase,
                             .sample = callbacks->sample};
}

static um_status validate(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                          um_error *error) {
    const um_stop_request request = request_of(callbacks);
    um_validation_report report = {.step = um_trainer_step(trainer)};
    bool has_data = false;
    const um_status status =
        trainer->method->validate(trainer->method_state, &request, &has_data, &report, error);
    if (status == UM_OK && has_data && callbacks->validation) {
        callbacks->validation(callbacks->user, &report);
    }
    return status;
}

static um_status after_step(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                            const um_step_report *report, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    if (callbacks->step) {
        callbacks->step(callbacks->user, report);
    }
    if (callbacks->should_stop && callbacks->should_stop(callbacks->user)) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "asked to stop");
    }
    if (recipe->validation_interval > 0 && report->step % recipe->validation_interval == 0 &&
        report->step < recipe->steps) {
        UM_TRY(validate(trainer, callbacks, error));
    }
    if (um_clock_seconds() - trainer->last_save > 60 * recipe->checkpoint_minutes) {
        UM_TRY(save(trainer, callbacks, error));
    }
    return UM_OK;
}

static um_status make_step(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                           um_error *error) {
    const um_stop_request request = request_of(callbacks);
    um_step_report report = {.total_steps = trainer->recipe.steps};
    UM_TRY(trainer->method->step(trainer->method_state, &request, &report, error));
    report.step = um_trainer_step(trainer);
    return after_step(trainer, callbacks, &report, error);
}

um_status um_trainer_run(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                         um_error *error) {
    while (um_trainer_step(trainer) < trainer->recipe.steps) {
        const um_status status = make_step(trainer, callbacks, error);
        if (status != UM_OK) {
            return status == UM_ERR_CANCELLED ? stop(trainer, callbacks, error) : status;
        }
    }
    UM_TRY(save(trainer, callbacks, error));
    UM_TRY(validate(trainer, callbacks, error));
    return um_model_directory_write(&trainer->learner.config, &trainer->learner.parameters,
                                    trainer->recipe.saved_weights, trainer->recipe.model,
                                    trainer->output.path, error);
}
