#include "train/grpo/grpo_update.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "train/grpo/grpo_loss.h"

void um_grpo_updater_free(um_grpo_updater *updater) {
    um_grpo_passes_free(&updater->passes);
    free(updater->completions);
    free(updater->places);
    free(updater->indices);
    free(updater->estimates);
    free(updater->references);
    free(updater->owners);
    free(updater->parts);
    *updater = (um_grpo_updater){0};
}

/* ---- Micro-batches ---------------------------------------------------------- */

/* Completions without an advantage change nothing unless the KL term is in the loss. */
static bool has_gradient(const um_grpo_updater *updater, size_t index) {
    return updater->rollouts->advantages[index] != 0 ||
           updater->learner->recipe->grpo.kl_coefficient > 0;
}

/* If masks are shared, completions of a group see the tokens that they have in common under the
 * same mask: their advantages add up to zero, so what the mask adds to the gradient there does
 * too. */
static um_mask_place mask_place(const um_recipe *recipe, size_t index, uint64_t set) {
    const um_grpo_options *options = &recipe->grpo;
    const size_t owner = options->shared_group_masks ? index / options->group_size : index;
    return (um_mask_place){
        .seed = recipe->seed, .completion = (uint32_t)owner, .set = (uint32_t)set};
}

static um_status add_completion(um_grpo_updater *updater, size_t index, size_t inner,
                                um_error *error) {
    const um_recipe *recipe = updater->learner->recipe;
    const uint64_t set = updater->rollouts->number * recipe->grpo.inner_updates + inner;
    const size_t needed = updater->count + 1;
    UM_TRY(um_grow(&updater->completions, &updater->completion_capacity, needed,
                   sizeof *updater->completions, "micro-batch", error));
    UM_TRY(um_grow(&updater->places, &updater->place_capacity, needed, sizeof *updater->places,
                   "micro-batch", error));
    UM_TRY(um_grow(&updater->indices, &updater->index_capacity, needed, sizeof *updater->indices,
                   "micro-batch", error));
    updater->completions[updater->count] = &updater->rollouts->completions[index];
    updater->places[updater->count] = mask_place(recipe, index, set);
    updater->indices[updater->count] = index;
    updater->count++;
    return UM_OK;
}

/* Take completions from *next on, at least one, until the passes over one more would not fit into
 * batch_tokens.  updater->count becomes 0 if none are left. */
static um_status select_completions(um_grpo_updater *updater, size_t inner, size_t *next,
                                    um_error *error) {
    const um_learner *learner = updater->learner;
    const um_grpo_rollouts *rollouts = updater->rollouts;
    size_t rows = 0;
    updater->count = 0;
    for (; *next < rollouts->count; (*next)++) {
        const size_t more =
            um_grpo_passes_rows(&learner->recipe->grpo, &rollouts->completions[*next]);
        if (more == 0 || !has_gradient(updater, *next)) {
            continue;
        }
        if (rows > 0 && rows + more > learner->recipe->batch_tokens) {
            break;
        }
        UM_TRY(add_completion(updater, *next, inner, error));
        rows += more;
    }
    return UM_OK;
}

/* The same, and lay out their passes. */
static um_status next_micro_batch(um_grpo_updater *updater, size_t inner, size_t *next,
                                  um_error *error) {
    const um_learner *learner = updater->learner;
    UM_TRY(select_completions(updater, inner, next, error));
    if (updater->count == 0) {
        return UM_OK;
    }
    UM_TRY(um_grpo_passes_fill(&updater->passes, learner->recipe, &learner->config,
                               updater->completions, updater->places, updater->count, error));
    UM_TRY(um_grow(&updater->estimates, &updater->estimate_capacity, updater->passes.token_count,
                   sizeof(double), "micro-batch", error));
    return um_grow(&updater->references, &updater->reference_capacity, updater->passes.token_count,
                   sizeof(double), "micro-batch", error);
}

static um_status count_micro_batches(um_grpo_updater *updater, size_t inner, size_t *parts,
                                     um_error *error) {
    size_t next = 0;
    *parts = 0;
    for (;;) {
        UM_TRY(select_completions(updater, inner, &next, error));
        if (updater->count == 0) {
            return UM_OK;
        }
        (*parts)++;
    }
}

static um_status check_stop(const um_run_observer *observer, um_error *error) {
    um_run_observer_tell(observer, "update", 0, 0);
    return observer->should_stop && observer->should_stop(observer->user)
               ? UM_RAISE(error, UM_ERR_CANCELLED, "asked to stop")
               : UM_OK;
}

static void count_pass(const um_grpo_updater *updater, double factor,
                       um_grpo_update_report *report) {
    report->rows += updater->passes.batch.row_count;
    report->flops += factor * um_learner_forward_flops(updater->learner, &updater->passes.batch);
}

/* ---- Old log-probabilities -------------------------------------------------- */

static double *old_of(const um_grpo_rollouts *rollouts, size_t inner, size_t index) {
    return rollouts->old + (inner - 1) * rollouts->first_token[rollouts->count] +
           rollouts->first_token[index];
}

/* Estimate the completions of a micro-batch if it belongs to this rank. */
static um_status estimate_part(um_grpo_updater *updater, size_t inner, size_t part,
                               um_error *error) {
    const size_t owner = part % um_collective_size(updater->learner->collective);
    for (size_t i = 0; i < updater->count; i++) {
        updater->owners[updater->indices[i]] = owner;
    }
    if (!um_learner_owns(updater->learner, part)) {
        return UM_OK;
    }
    UM_TRY(um_grpo_passes_estimate(&updater->passes, updater->learner, NULL, false,
                                   updater->estimates, error));
    const double *from = updater->estimates;
    for (size_t i = 0; i < updater->count; i++) {
        double *to = old_of(updater->rollouts, inner, updater->indices[i]);
        for (size_t j = 0; j < updater->completions[i]->counted; j++) {
            to[j] = *from++;
        }
    }
    return UM_OK;
}

/* Complete what the ranks have estimated: each sends its completions' values in their order. */
static um_status share_old(um_grpo_updater *updater, size_t inner, um_error *error) {
    um_collective *collective = updater->learner->collective;
    const um_grpo_rollouts *rollouts = updater->rollouts;
    um_buffer own = {0};
    um_gathered all = {0};
    um_status status = UM_OK;
    for (size_t i = 0; status == UM_OK && i < rollouts->count; i++) {
        if (updater->owners[i] == um_collective_rank(collective)) {
            status = um_buffer_append(&own, old_of(rollouts, inner, i),
                                      rollouts->completions[i].counted * sizeof(double), error);
        }
    }
    if (status == UM_OK) {
        status = um_collective_gather(collective, um_buffer_text(&own), own.length, &all, error);
    }
    for (size_t i = 0; status == UM_OK && i < rollouts->count; i++) {
        if (updater->owners[i] != UM_GRPO_NO_OWNER) {
            size_t *at = &all.starts[updater->owners[i]];
            const size_t bytes = rollouts->completions[i].counted * sizeof(double);
            memcpy(old_of(rollouts, inner, i), all.bytes + *at, bytes);
            *at += bytes;
        }
    }
    um_buffer_free(&own);
    um_gathered_free(&all);
    return status;
}

static um_status estimate_old_of(um_grpo_updater *updater, size_t inner,
                                 const um_run_observer *observer, um_grpo_update_report *report,
                                 um_error *error) {
    const size_t count = updater->rollouts->count;
    size_t next = 0;
    UM_TRY(um_grow(&updater->owners, &updater->owner_capacity, count, sizeof *updater->owners,
                   "rollouts", error));
    for (size_t i = 0; i < count; i++) {
        updater->owners[i] = UM_GRPO_NO_OWNER;
    }
    for (size_t part = 0;; part++) {
        UM_TRY(check_stop(observer, error));
        UM_TRY(next_micro_batch(updater, inner, &next, error));
        if (updater->count == 0) {
            return share_old(updater, inner, error);
        }
        UM_TRY(estimate_part(updater, inner, part, error));
        count_pass(updater, 1, report);
    }
}

um_status um_grpo_estimate_old(um_grpo_updater *updater, const um_run_observer *observer,
                               um_grpo_update_report *report, um_error *error) {
    for (size_t inner = 1; inner < updater->learner->recipe->grpo.inner_updates; inner++) {
        UM_TRY(estimate_old_of(updater, inner, observer, report, error));
    }
    return UM_OK;
}

/* ---- Loss ------------------------------------------------------------------- */

/* What the loss of one token of a completion is multiplied by. */
static double token_weight(const um_grpo_updater *updater, const um_completion *completion) {
    const um_grpo_rollouts *rollouts = updater->rollouts;
    const double count = (double)rollouts->count;
    switch (updater->learner->recipe->grpo.completion_normalisation) {
        case UM_MEAN_OF_COMPLETIONS:
            break;
        case UM_MEAN_OF_TOKENS:
            return 1.0 / (double)rollouts->first_token[rollouts->count];
        case UM_MEAN_OF_POSITIONS: {
            double positions = 0;
            for (size_t i = 0; i < rollouts->count; i++) {
                positions += (double)rollouts->completions[i].answer_length;
            }
            return 1.0 / positions;
        }
    }
    return 1.0 / (count * (double)completion->counted);
}

/* Estimates become derivatives, in place. */
static void apply_loss(um_grpo_updater *updater, size_t inner, um_grpo_update_report *report) {
    const um_grpo_options *options = &updater->learner->recipe->grpo;
    double *value = updater->estimates;
    const double *reference = updater->references;
    for (size_t i = 0; i < updater->count; i++) {
        const um_completion *completion = updater->completions[i];
        const size_t index = updater->indices[i];
        const double *old = inner > 0 ? old_of(updater->rollouts, inner, index) : value;
        const double weight = token_weight(updater, completion);
        for (size_t j = 0; j < completion->counted; j++) {
            const um_grpo_token token = {.current = value[j],
                                         .old = old[j],
                                         .reference = reference[j],
                                         .advantage = updater->rollouts->advantages[index]};
            const um_grpo_token_loss loss = um_grpo_loss_of_token(options, &token);
            report->loss += weight * loss.loss;
            report->kl += loss.kl;
            report->clip_low += loss.clipped_low;
            report->clip_high += loss.clipped_high;
            report->log_probability += token.current;
            value[j] = weight * loss.derivative;
        }
        report->tokens += completion->counted;
        value += completion->counted;
        reference += completion->counted;
    }
}

/* Add the gradients of a micro-batch. */
static um_status add_gradients(um_grpo_updater *updater, size_t inner,
                               um_grpo_update_report *report, um_error *error) {
    um_learner *learner = updater->learner;
    um_grpo_passes *passes = &updater->passes;
    if (updater->reference->block) {
        UM_TRY(um_grpo_passes_estimate(passes, learner, &updater->reference->transformer, false,
                                       updater->references, error));
    }
    UM_TRY(um_grpo_passes_estimate(passes, learner, NULL, true, updater->estimates, error));
    apply_loss(updater, inner, report);
    return um_grpo_passes_backward(passes, learner, updater->estimates, error);
}

/* Add the gradients of the micro-batch if it belongs to this rank; count the work of every one. */
static um_status run_part(um_grpo_updater *updater, size_t inner, size_t part, size_t parts,
                          um_grpo_update_report *report, um_error *error) {
    updater->parts[part] = (um_grpo_update_report){0};
    if (um_learner_owns(updater->learner, part)) {
        UM_TRY(add_gradients(updater, inner, &updater->parts[part], error));
    }
    if (updater->reference->block) {
        count_pass(updater, 1, report);
    }
    count_pass(updater, 3, report);
    return um_learner_end_part(updater->learner, part, parts, error);
}

/* Add up all parts, in their order, and turn the sums into means. */
static void report_parts(const um_grpo_updater *updater, size_t parts,
                         um_grpo_update_report *report) {
    for (size_t i = 0; i < parts; i++) {
        const um_grpo_update_report *part = &updater->parts[i];
        report->loss += part->loss;
        report->kl += part->kl;
        report->clip_low += part->clip_low;
        report->clip_high += part->clip_high;
        report->log_probability += part->log_probability;
        report->tokens += part->tokens;
    }
    const double tokens = (double)report->tokens; /* of none there is no mean: NAN */
    report->kl /= tokens;
    report->clip_low /= tokens;
    report->clip_high /= tokens;
    report->log_probability /= tokens;
}

um_status um_grpo_gradients(um_grpo_updater *updater, size_t inner, const um_run_observer *observer,
                            um_grpo_update_report *report, um_error *error) {
    size_t next = 0;
    size_t parts = 0;
    UM_TRY(count_micro_batches(updater, inner, &parts, error));
    UM_TRY(um_grow(&updater->parts, &updater->part_capacity, parts, sizeof *updater->parts,
                   "micro-batches", error));
    um_learner_clear_gradients(updater->learner);
    for (size_t part = 0; part < parts; part++) {
        UM_TRY(check_stop(observer, error));
        UM_TRY(next_micro_batch(updater, inner, &next, error));
        UM_TRY(run_part(updater, inner, part, parts, report, error));
    }
    UM_TRY(um_collective_share(updater->learner->collective, updater->parts, parts,
                               sizeof *updater->parts, error));
    report_parts(updater, parts, report);
    return UM_OK;
}
