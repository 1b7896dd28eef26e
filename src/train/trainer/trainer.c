#include "train/trainer/trainer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file_hash.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "model/save.h"
#include "tokenizer/tokenizer.h"
#include "train/run/same_run.h"
#include "train/trainer/trainer_internal.h"
#include "weights/gguf.h"

#define STATE_PATH_SIZE (UM_RECIPE_PATH_SIZE + 32)
#define COMPARISON_INTERVAL 100 /* steps between comparisons of the ranks' weights */

static const char validation_section[] = "validation_is_due";
static const char model_section[] = "model_configuration";

static bool is_first_rank(const um_trainer *trainer) {
    return um_collective_rank(trainer->collective) == 0;
}

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

/* The sizes of weights do not tell models apart that differ in, say, "rope_theta".  States of
 * earlier versions do not say which model they are of. */
static um_status check_model(const um_trainer *trainer, const um_state_file *file,
                             um_error *error) {
    bool is_known = false;
    uint64_t saved = 0;
    UM_TRY(um_state_file_has(file, model_section, &is_known, error));
    if (!is_known) {
        return UM_OK;
    }
    UM_TRY(um_state_file_read(file, model_section, &saved, sizeof saved, error));
    if (saved != trainer->model_digest) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: %s/config.json does not describe the model that the run began with; "
                        "bring that back, or write to another directory",
                        um_state_file_path(file), trainer->recipe.model);
    }
    return UM_OK;
}

static um_status restore(um_trainer *trainer, const char *path, um_error *error) {
    um_state_file *file = NULL;
    UM_TRY(um_state_file_open_among(trainer->collective, path,
                                    um_recipe_fingerprint(&trainer->recipe), &file, error));
    um_status status = um_learner_load(&trainer->learner, file, error);
    if (status == UM_OK) {
        status = check_model(trainer, file, error);
    }
    if (status == UM_OK) {
        status = um_state_file_read(file, validation_section, &trainer->validation_is_due,
                                    sizeof trainer->validation_is_due, error);
    }
    if (status == UM_OK) {
        um_learner_round_weights(&trainer->learner);
        status = trainer->method->start(trainer->method_state, &trainer->learner, &trainer->output,
                                        file, error);
    }
    um_state_file_close(file);
    return status;
}

/* Begin with the recipe's first weights, which rank 0 makes. */
static um_status begin_anew(um_trainer *trainer, um_error *error) {
    um_learner *learner = &trainer->learner;
    um_status status = UM_OK;
    if (is_first_rank(trainer)) {
        status = trainer->recipe.initialise ? um_learner_initialise(learner, error)
                                            : um_learner_load_weights(learner, error);
    }
    UM_TRY(um_collective_agree_on_status(trainer->collective, status, error));
    UM_TRY(um_learner_broadcast_weights(learner, error));
    um_learner_round_weights(learner);
    return trainer->method->start(trainer->method_state, learner, &trainer->output, NULL, error);
}

/* Begin from the state in the directory or, without one, with the recipe's first weights. */
static um_status begin(um_trainer *trainer, um_error *error) {
    char path[STATE_PATH_SIZE];
    UM_TRY(um_path_join(path, sizeof path, trainer->output.path, UM_TRAINING_STATE_FILE, error));
    unsigned found =
        is_first_rank(trainer) && um_file_exists(trainer->output.path, UM_TRAINING_STATE_FILE);
    UM_TRY(um_collective_agree_on_any(trainer->collective, found, &found, error));
    return found ? restore(trainer, path, error) : begin_anew(trainer, error);
}

static bool lacks_mask(const um_recipe *recipe, const um_model_config *config) {
    return recipe->objective != UM_OBJECTIVE_CAUSAL && config->mask_token == UM_NO_TOKEN_ID;
}

/* The tokens that the recipe names replace config.json's, in the result too.  A mask that neither
 * names is the tokenizer's. */
static um_status choose_from(const um_tokenizer *tokenizer, const um_recipe *recipe,
                             um_model_config *config, um_error *error) {
    const size_t size = config->vocabulary_size;
    int32_t mask =
        tokenizer && lacks_mask(recipe, config) ? um_tokenizer_mask(tokenizer) : UM_NO_TOKEN_ID;
    if (*recipe->pad_token) {
        UM_TRY(um_tokenizer_find(tokenizer, "\"pad_token\":", recipe->pad_token, size,
                                 &config->pad_token, error));
    }
    if (*recipe->mask_token) {
        UM_TRY(um_tokenizer_find(tokenizer, "\"mask_token\":", recipe->mask_token, size, &mask,
                                 error));
    }
    if (mask >= 0 && (size_t)mask < size) {
        um_model_config_set_mask(config, mask);
    }
    return UM_OK;
}

static um_status choose_tokens(const um_recipe *recipe, um_model_config *config, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    const bool is_named = *recipe->pad_token || *recipe->mask_token;
    if (!is_named && !lacks_mask(recipe, config)) {
        return UM_OK;
    }
    if (um_tokenizer_exists(recipe->model)) {
        UM_TRY(um_tokenizer_load(recipe->model, &tokenizer, error));
    }
    const um_status status = choose_from(tokenizer, recipe, config, error);
    um_tokenizer_free(tokenizer);
    return status == UM_OK ? UM_OK : um_error_prefix(error, UM_ERR_MISMATCH, "%s", recipe->model);
}

static um_status open_inputs(um_trainer *trainer, const um_grader *grader, um_model_config *config,
                             um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    if (um_gguf_is_path(recipe->model)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: training starts from a directory; `unmask convert` makes one of a "
                        "GGUF file",
                        recipe->model);
    }
    UM_TRY(um_model_config_read(recipe->model, config, error));
    if (recipe->context_length > config->maximum_positions) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "\"context_length\" is %zu, but %s/config.json allows %zu positions",
                        recipe->context_length, recipe->model, config->maximum_positions);
    }
    UM_TRY(choose_tokens(recipe, config, error));
    return trainer->method->open(recipe, grader, config, &trainer->method_state, error);
}

/* The text of config.json stands for the configuration.  A model that has none could not be written
 * after the last step. */
static um_status digest_model(const um_recipe *recipe, const um_model_config *config,
                              uint64_t *digest, um_error *error) {
    um_buffer json = {0};
    const um_status status = um_model_config_format(config, &json, error);
    *digest = um_hash_add_bytes(UM_HASH_START, um_buffer_text(&json), json.length);
    um_buffer_free(&json);
    return status == UM_OK ? UM_OK
                           : um_error_prefix(error, status, "%s: the result could not be written",
                                             recipe->model);
}

static um_status open_output(um_trainer *trainer, const char *output_directory,
                             const um_compute *compute, const um_model_config *config,
                             um_error *error) {
    UM_TRY(digest_model(&trainer->recipe, config, &trainer->model_digest, error));
    UM_TRY(is_first_rank(trainer)
               ? um_output_directory_open(output_directory, &trainer->output, error)
               : um_output_directory_name(output_directory, &trainer->output, error));
    if (is_first_rank(trainer)) {
        UM_TRY(um_output_directory_differs(&trainer->output, trainer->recipe.model, error));
    }
    UM_TRY(um_learner_create(&trainer->recipe, config, compute, &trainer->learner, error));
    um_learner_join(&trainer->learner, trainer->collective);
    return UM_OK;
}

/* Whatever can fail on one rank alone, the ranks agree on before they next act together. */
static um_status set_up(um_trainer *trainer, const char *output_directory,
                        const um_compute *compute, const um_grader *grader, um_error *error) {
    um_collective *collective = trainer->collective;
    um_model_config config;
    UM_TRY(um_collective_agree_on_status(collective, open_inputs(trainer, grader, &config, error),
                                         error));
    UM_TRY(um_same_run_check(collective, &trainer->recipe, compute, error));
    UM_TRY(um_collective_agree_on_status(
        collective, open_output(trainer, output_directory, compute, &config, error), error));
    UM_TRY(um_collective_agree_on_status(collective, begin(trainer, error), error));
    trainer->last_save = um_clock_seconds();
    return UM_OK;
}

um_status um_trainer_create_among(um_collective *collective, const um_recipe *recipe,
                                  const char *output_directory, const um_compute *compute,
                                  const um_grader *grader, um_trainer **trainer, um_error *error) {
    *trainer = NULL;
    um_trainer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "trainer", sizeof *created);
    }
    created->recipe = *recipe;
    created->output.lock_descriptor = -1;
    created->method = method_of(recipe->objective);
    created->collective = collective;
    const um_status status = set_up(created, output_directory, compute, grader, error);
    if (status != UM_OK) {
        um_trainer_free(created);
        return status;
    }
    *trainer = created;
    return UM_OK;
}

um_status um_trainer_create(const um_recipe *recipe, const char *output_directory,
                            const um_compute *compute, um_trainer **trainer, um_error *error) {
    return um_trainer_create_graded(recipe, output_directory, compute, NULL, trainer, error);
}

um_status um_trainer_create_graded(const um_recipe *recipe, const char *output_directory,
                                   const um_compute *compute, const um_grader *grader,
                                   um_trainer **trainer, um_error *error) {
    return um_trainer_create_among(NULL, recipe, output_directory, compute, grader, trainer, error);
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

bool um_trainer_validation_is_due(const um_trainer *trainer) {
    return trainer->validation_is_due != 0;
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

static um_status write_state(um_trainer *trainer, um_error *error) {
    char path[STATE_PATH_SIZE];
    um_state_sections sections = {.count = 0};
    UM_TRY(um_path_join(path, sizeof path, trainer->output.path, UM_TRAINING_STATE_FILE, error));
    UM_TRY(trainer->method->save(trainer->method_state, &sections, error));
    um_state_sections_add(&sections, model_section, &trainer->model_digest,
                          sizeof trainer->model_digest);
    um_learner_save(&trainer->learner, &sections);
    um_state_sections_add(&sections, validation_section, &trainer->validation_is_due,
                          sizeof trainer->validation_is_due);
    return um_state_file_write(path, um_recipe_fingerprint(&trainer->recipe), &sections, error);
}

/* Only weights that the ranks agree on are saved, and no rank goes on before they are. */
static um_status save(um_trainer *trainer, const um_trainer_callbacks *callbacks, um_error *error) {
    UM_TRY(um_learner_compare_weights(&trainer->learner, error));
    if (callbacks->saving) {
        callbacks->saving(callbacks->user);
    }
    const um_status status = is_first_rank(trainer) ? write_state(trainer, error) : UM_OK;
    UM_TRY(um_collective_agree_on_status(trainer->collective, status, error));
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
    const um_run_observer never = {0};
    bool has_data = false;
    *report = (um_validation_report){.step = um_trainer_step(trainer)};
    return trainer->method->validate(trainer->method_state, &never, &has_data, report, error);
}

/* Only a run of one process stops in the middle of a step or validation: several ranks agree on
 * stopping between steps. */
static um_run_observer observer_of(const um_trainer *trainer,
                                   const um_trainer_callbacks *callbacks) {
    const bool alone = um_collective_size(trainer->collective) == 1;
    return (um_run_observer){.should_stop = alone ? callbacks->should_stop : NULL,
                             .user = callbacks->user,
                             .phase = callbacks->phase,
                             .sample = callbacks->sample};
}

static um_status validate(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                          um_error *error) {
    const um_run_observer observer = observer_of(trainer, callbacks);
    um_validation_report report = {.step = um_trainer_step(trainer)};
    bool has_data = false;
    const um_status status =
        trainer->method->validate(trainer->method_state, &observer, &has_data, &report, error);
    UM_TRY(status);
    trainer->validation_is_due = 0;
    if (has_data && callbacks->validation) {
        callbacks->validation(callbacks->user, &report);
    }
    return UM_OK;
}

/* What is to be done after a step: bits that the ranks agree on. */
enum { STOP = 1, SAVE = 2 };

static unsigned wishes(const um_trainer *trainer, const um_trainer_callbacks *callbacks) {
    const bool due =
        um_clock_seconds() - trainer->last_save > 60 * trainer->recipe.checkpoint_minutes;
    const bool asked = callbacks->should_stop && callbacks->should_stop(callbacks->user);
    return (asked ? STOP : 0) | (due && is_first_rank(trainer) ? SAVE : 0);
}

static um_status after_step(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                            const um_step_report *report, um_error *error) {
    if (callbacks->step) {
        callbacks->step(callbacks->user, report);
    }
    unsigned agreed = 0;
    UM_TRY(um_collective_agree_on_any(trainer->collective, wishes(trainer, callbacks), &agreed,
                                      error));
    if (agreed & STOP) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "asked to stop");
    }
    if (report->step % COMPARISON_INTERVAL == 0) {
        UM_TRY(um_learner_compare_weights(&trainer->learner, error));
    }
    if (trainer->validation_is_due && report->step < report->total_steps) {
        UM_TRY(validate(trainer, callbacks, error));
    }
    return agreed & SAVE ? save(trainer, callbacks, error) : UM_OK;
}

/* Whether a step is followed by a validation; the last one always. */
static bool is_validated(const um_recipe *recipe, size_t step) {
    return step == recipe->steps ||
           (recipe->validation_interval > 0 && step % recipe->validation_interval == 0);
}

static um_status make_step(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                           um_error *error) {
    const um_run_observer observer = observer_of(trainer, callbacks);
    um_step_report report = {.total_steps = trainer->recipe.steps};
    UM_TRY(trainer->method->step(trainer->method_state, &observer, &report, error));
    report.step = um_trainer_step(trainer);
    trainer->validation_is_due = is_validated(&trainer->recipe, report.step);
    return after_step(trainer, callbacks, &report, error);
}

um_status um_trainer_run(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                         um_error *error) {
    const size_t steps = trainer->recipe.steps;
    um_status status = UM_OK;
    if (trainer->validation_is_due && um_trainer_step(trainer) < steps) { /* stopped before it */
        status = validate(trainer, callbacks, error);
    }
    while (status == UM_OK && um_trainer_step(trainer) < steps) {
        status = make_step(trainer, callbacks, error);
    }
    if (status != UM_OK) {
        return status == UM_ERR_CANCELLED ? stop(trainer, callbacks, error) : status;
    }
    UM_TRY(save(trainer, callbacks, error));
    UM_TRY(validate(trainer, callbacks, error));
    if (!is_first_rank(trainer)) {
        return UM_OK;
    }
    return um_model_directory_write(&trainer->learner.config, &trainer->learner.parameters,
                                    trainer->recipe.saved_weights, trainer->recipe.model,
                                    trainer->output.path, error);
}
