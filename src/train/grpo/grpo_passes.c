#include "train/grpo/grpo_passes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/grpo/grpo_states.h"

void um_grpo_passes_free(um_grpo_passes *passes) {
    um_training_batch_free(&passes->batch);
    free(passes->token);
    free(passes->coefficient);
    free(passes->probabilities);
    free(passes->steps);
    *passes = (um_grpo_passes){0};
}

static size_t pass_count_of(const um_grpo_options *options, const um_completion *completion) {
    return options->estimator == UM_ESTIMATOR_TRAJECTORY ? um_state_pass_count(options, completion)
                                                         : um_mask_pass_count(options);
}

size_t um_grpo_passes_rows(const um_grpo_options *options, const um_completion *completion) {
    return pass_count_of(options, completion) * completion->length;
}

typedef struct pass_builder {
    um_grpo_passes *passes;
    const um_recipe *recipe;
    const um_model_config *config;
    const um_completion *completion;
    um_mask_place place;
    size_t first_token; /* number of the completion's first counted token */
} pass_builder;

static void add_target(const pass_builder *builder, size_t position, double coefficient) {
    um_training_batch *batch = &builder->passes->batch;
    const size_t at = batch->target_count++;
    const um_completion *completion = builder->completion;
    batch->hidden_rows[at] = um_transformer_predicting_row(builder->config, position);
    batch->targets[at] = completion->tokens[position];
    batch->weights[at] = 0; /* set once the loss is known */
    batch->sequences[batch->rows.count - 1].hidden_count++;
    builder->passes->token[at] = builder->first_token + position - completion->start;
    builder->passes->coefficient[at] = coefficient;
}

static bool is_hidden(const pass_builder *builder, size_t pass, size_t position) {
    const um_completion *completion = builder->completion;
    const um_grpo_options *options = &builder->recipe->grpo;
    const bool in_answer =
        position >= completion->start && position - completion->start < completion->answer_length;
    if (!in_answer) {
        return um_mask_hides_prompt(builder->recipe, builder->place, position);
    }
    return options->estimator == UM_ESTIMATOR_TRAJECTORY
               ? um_state_hides(completion, position, builder->passes->steps[pass])
               : um_mask_hides(options, builder->place, pass, position);
}

/* Whether a counted token, hidden in the pass, is one of its targets. */
static bool is_target(const pass_builder *builder, size_t pass, size_t position) {
    return builder->recipe->grpo.estimator != UM_ESTIMATOR_TRAJECTORY ||
           builder->completion->steps[position] == builder->passes->steps[pass];
}

static um_status add_pass(const pass_builder *builder, size_t pass, double coefficient,
                          um_error *error) {
    const um_completion *completion = builder->completion;
    um_training_batch *batch = &builder->passes->batch;
    const size_t counted_end = completion->start + completion->counted;
    size_t first = 0;
    UM_TRY(um_training_batch_add(batch, completion->length, &first, error));
    int32_t *tokens = batch->tokens + first;
    memcpy(tokens, completion->tokens, completion->length * sizeof *tokens);
    for (size_t i = 0; i < completion->length; i++) {
        if (!is_hidden(builder, pass, i)) {
            continue;
        }
        tokens[i] = builder->config->mask_token;
        if (i >= completion->start && i < counted_end && is_target(builder, pass, i)) {
            add_target(builder, i, coefficient);
        }
    }
    return UM_OK;
}

/* All passes over one completion. */
static um_status add_completion(const pass_builder *builder, um_error *error) {
    const um_grpo_options *options = &builder->recipe->grpo;
    const um_completion *completion = builder->completion;
    um_grpo_passes *passes = builder->passes;
    const bool follows_states = options->estimator == UM_ESTIMATOR_TRAJECTORY;
    if (follows_states) {
        UM_TRY(um_grow(&passes->steps, &passes->step_capacity, completion->states,
                       sizeof *passes->steps, "states", error));
        um_state_draw(options, completion, builder->place, passes->steps);
    }
    for (size_t pass = 0; pass < pass_count_of(options, completion); pass++) {
        const double coefficient = follows_states
                                       ? um_state_coefficient(options, completion)
                                       : um_mask_coefficient(options, builder->place, pass);
        UM_TRY(add_pass(builder, pass, coefficient, error));
    }
    return UM_OK;
}

/* At most one target per row; the batch's own arrays grow with its rows. */
static um_status grow_targets(um_grpo_passes *passes, size_t rows, um_error *error) {
    UM_TRY(um_grow(&passes->token, &passes->token_capacity, rows, sizeof *passes->token, "targets",
                   error));
    UM_TRY(um_grow(&passes->coefficient, &passes->coefficient_capacity, rows,
                   sizeof *passes->coefficient, "targets", error));
    return um_grow(&passes->probabilities, &passes->probability_capacity, rows,
                   sizeof *passes->probabilities, "targets", error);
}

um_status um_grpo_passes_fill(um_grpo_passes *passes, const um_recipe *recipe,
                              const um_model_config *config,
                              const um_completion *const *completions, const um_mask_place *places,
                              size_t count, um_error *error) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += um_grpo_passes_rows(&recipe->grpo, completions[i]);
    }
    UM_TRY(grow_targets(passes, rows, error));
    um_training_batch_start(&passes->batch, config->attention);
    passes->batch.rows.attention_block_length = config->attention_block_length;
    passes->token_count = 0;
    for (size_t i = 0; i < count; i++) {
        const pass_builder builder = {.passes = passes,
                                      .recipe = recipe,
                                      .config = config,
                                      .completion = completions[i],
                                      .place = places[i],
                                      .first_token = passes->token_count};
        UM_TRY(add_completion(&builder, error));
        passes->token_count += completions[i]->counted;
    }
    return um_training_batch_connect(&passes->batch, config, error);
}

um_status um_grpo_passes_estimate(um_grpo_passes *passes, um_learner *learner,
                                  const um_transformer *transformer, bool record, double *estimates,
                                  um_error *error) {
    UM_TRY(um_learner_log_probabilities(learner, transformer, &passes->batch, record,
                                        passes->probabilities, error));
    memset(estimates, 0, passes->token_count * sizeof *estimates);
    for (size_t i = 0; i < passes->batch.target_count; i++) {
        estimates[passes->token[i]] += passes->coefficient[i] * (double)passes->probabilities[i];
    }
    return UM_OK;
}

um_status um_grpo_passes_backward(um_grpo_passes *passes, um_learner *learner,
                                  const double *derivatives, um_error *error) {
    um_loss_sums sums;
    for (size_t i = 0; i < passes->batch.target_count; i++) {
        /* The cross-entropy is minus the log-probability. */
        passes->batch.weights[i] = (float)(-passes->coefficient[i] * derivatives[passes->token[i]]);
    }
    return um_learner_backward(learner, &passes->batch, &sums, error);
}
