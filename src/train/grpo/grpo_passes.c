#include "train/grpo/grpo_passes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/grpo/grpo_states.h"

void um_grpo_passes_free(um_grpo_passes *passes) {
    um_training_batch_free(&passes->batch);
    free(passes->copies);
    free(passes->members);
    free(passes->canvas);
    free(passes->steps);
    free(passes->token);
    free(passes->coefficient);
    *passes = (um_grpo_passes){0};
}

static size_t pass_count_of(const um_grpo_options *options, const um_completion *completion) {
    return options->estimator == UM_ESTIMATOR_TRAJECTORY ? um_state_pass_count(options, completion)
                                                         : um_mask_pass_count(options);
}

size_t um_grpo_passes_rows(const um_grpo_options *options, const um_completion *completion) {
    return pass_count_of(options, completion) * completion->length;
}

/* ---- Masked copies ---------------------------------------------------------- */

static bool follows_states(const um_recipe *recipe) {
    return recipe->grpo.estimator == UM_ESTIMATOR_TRAJECTORY;
}

static bool is_hidden(const um_recipe *recipe, const um_masked_copy *copy, size_t position) {
    const um_completion *completion = copy->completion;
    const bool in_answer =
        position >= completion->start && position - completion->start < completion->answer_length;
    if (!in_answer) {
        return um_mask_hides_prompt(recipe, copy->place, position);
    }
    return follows_states(recipe)
               ? um_state_hides(completion, position, copy->pass)
               : um_mask_hides(&recipe->grpo, copy->place, (size_t)copy->pass, position);
}

/* Whether the copy estimates the token there. */
static bool is_target(const um_recipe *recipe, const um_masked_copy *copy, size_t position) {
    const um_completion *completion = copy->completion;
    const bool is_counted =
        position >= completion->start && position - completion->start < completion->counted;
    return is_counted && is_hidden(recipe, copy, position) &&
           (!follows_states(recipe) || completion->steps[position] == copy->pass);
}

/* The batch's sequence of these tokens; their number if there is none yet. */
static size_t find_sequence(const um_training_batch *batch, const int32_t *tokens, size_t length) {
    const int32_t *known = batch->tokens;
    for (size_t i = 0; i < batch->rows.count; i++) {
        const size_t own = batch->sequences[i].row_count;
        if (own == length && memcmp(known, tokens, length * sizeof *tokens) == 0) {
            return i;
        }
        known += own;
    }
    return batch->rows.count;
}

/* Lay out the copy's rows, unless an equal copy has them. */
static um_status add_copy(um_grpo_passes *passes, const um_recipe *recipe,
                          const um_model_config *config, um_masked_copy copy, um_error *error) {
    const um_completion *completion = copy.completion;
    const size_t length = completion->length;
    size_t first = 0;
    UM_TRY(um_grow(&passes->canvas, &passes->canvas_capacity, length, sizeof *passes->canvas,
                   "canvas", error));
    for (size_t i = 0; i < length; i++) {
        passes->canvas[i] =
            is_hidden(recipe, &copy, i) ? config->mask_token : completion->tokens[i];
    }
    copy.sequence = find_sequence(&passes->batch, passes->canvas, length);
    if (copy.sequence == passes->batch.rows.count) {
        UM_TRY(um_training_batch_add(&passes->batch, length, &first, error));
        memcpy(passes->batch.tokens + first, passes->canvas, length * sizeof *passes->canvas);
    }
    UM_TRY(um_grow(&passes->copies, &passes->copy_capacity, passes->copy_count + 1,
                   sizeof *passes->copies, "passes", error));
    passes->copies[passes->copy_count++] = copy;
    return UM_OK;
}

/* All masked copies of one completion. */
static um_status add_completion(um_grpo_passes *passes, const um_recipe *recipe,
                                const um_model_config *config, const um_completion *completion,
                                um_mask_place place, um_error *error) {
    const um_grpo_options *options = &recipe->grpo;
    const size_t count = pass_count_of(options, completion);
    const bool by_state = follows_states(recipe);
    if (by_state) {
        UM_TRY(um_grow(&passes->steps, &passes->step_capacity, completion->states,
                       sizeof *passes->steps, "states", error));
        um_state_draw(options, completion, place, passes->steps);
    }
    for (size_t i = 0; i < count; i++) {
        const um_masked_copy copy = {.completion = completion,
                                     .place = place,
                                     .first_token = passes->token_count,
                                     .pass = by_state ? passes->steps[i] : (int32_t)i,
                                     .coefficient = by_state
                                                        ? um_state_coefficient(options, completion)
                                                        : um_mask_coefficient(options, place, i)};
        UM_TRY(add_copy(passes, recipe, config, copy, error));
    }
    passes->token_count += completion->counted;
    return UM_OK;
}

/* ---- Targets ---------------------------------------------------------------- */

/* Room for all counted tokens of all copies. */
static um_status grow_targets(um_grpo_passes *passes, um_error *error) {
    size_t count = 0;
    for (size_t i = 0; i < passes->copy_count; i++) {
        count += passes->copies[i].completion->counted;
    }
    UM_TRY(um_training_batch_reserve_targets(&passes->batch, count, error));
    UM_TRY(um_grow(&passes->members, &passes->member_capacity, passes->copy_count,
                   sizeof *passes->members, "passes", error));
    UM_TRY(um_grow(&passes->token, &passes->token_capacity, count, sizeof *passes->token, "targets",
                   error));
    return um_grow(&passes->coefficient, &passes->coefficient_capacity, count,
                   sizeof *passes->coefficient, "targets", error);
}

static void add_target(um_grpo_passes *passes, const um_model_config *config,
                       const um_masked_copy *copy, size_t position) {
    const um_completion *completion = copy->completion;
    const size_t at = passes->batch.target_count;
    passes->token[at] = copy->first_token + position - completion->start;
    passes->coefficient[at] = copy->coefficient;
    /* The weight is set once the loss is known. */
    um_training_batch_add_target(&passes->batch, copy->sequence,
                                 um_transformer_predicting_row(config, position),
                                 completion->tokens[position], 0);
}

/* The targets of all copies that share the rows of a sequence, position by position. */
static void add_targets(um_grpo_passes *passes, const um_recipe *recipe,
                        const um_model_config *config, size_t sequence) {
    size_t count = 0;
    for (size_t i = 0; i < passes->copy_count; i++) {
        if (passes->copies[i].sequence == sequence) {
            passes->members[count++] = &passes->copies[i];
        }
    }
    for (size_t i = 0; i < passes->batch.sequences[sequence].row_count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (is_target(recipe, passes->members[j], i)) {
                add_target(passes, config, passes->members[j], i);
            }
        }
    }
}

um_status um_grpo_passes_fill(um_grpo_passes *passes, const um_recipe *recipe,
                              const um_model_config *config,
                              const um_completion *const *completions, const um_mask_place *places,
                              size_t count, um_error *error) {
    um_training_batch_start(&passes->batch, config->attention);
    passes->batch.rows.attention_block_length = config->attention_block_length;
    passes->copy_count = 0;
    passes->token_count = 0;
    for (size_t i = 0; i < count; i++) {
        UM_TRY(add_completion(passes, recipe, config, completions[i], places[i], error));
    }
    UM_TRY(grow_targets(passes, error));
    for (size_t i = 0; i < passes->batch.rows.count; i++) {
        add_targets(passes, recipe, config, i);
    }
    return um_training_batch_connect(&passes->batch, config, error);
}

/* ---- Estimates and gradients ------------------------------------------------ */

um_status um_grpo_passes_estimate(um_grpo_passes *passes, um_learner *learner,
                                  const um_transformer *transformer, bool record, double *estimates,
                                  um_error *error) {
    UM_TRY(um_learner_log_probabilities(learner, transformer, &passes->batch, record, error));
    memset(estimates, 0, passes->token_count * sizeof *estimates);
    for (size_t i = 0; i < passes->batch.target_count; i++) {
        estimates[passes->token[i]] +=
            passes->coefficient[i] * (double)passes->batch.log_probabilities[i];
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
