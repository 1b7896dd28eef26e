#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "model/save.h"
#include "train/trainer_internal.h"

/* Validation noise does not depend on the step or the run, so that losses compare. */
#define VALIDATION_SEED 20506

um_status um_trainer_batch_loss(um_trainer *trainer, bool backward, um_loss_sums *sums,
                                um_error *error) {
    um_training_batch *batch = &trainer->batch;
    const size_t floats = batch->target_count * trainer->config.hidden_size;
    um_activations *activations = backward ? trainer->recording : trainer->plain;
    UM_TRY(um_grow(&trainer->hidden, &trainer->hidden_capacity, floats, sizeof(float), "hidden",
                   error));
    UM_TRY(um_grow(&trainer->hidden_gradient, &trainer->hidden_gradient_capacity, floats,
                   sizeof(float), "hidden", error));
    UM_TRY(um_transformer_forward(&trainer->transformer, trainer->compute, &batch->rows,
                                  activations, trainer->hidden, error));
    const um_loss_rows rows = {.count = batch->target_count,
                               .hidden = trainer->hidden,
                               .targets = batch->targets,
                               .weights = batch->weights};
    um_loss_compute(&trainer->transformer, trainer->compute, &rows, &trainer->loss_scratch,
                    trainer->hidden_gradient, backward ? &trainer->gradients.head : NULL, sums);
    if (!backward) {
        return UM_OK;
    }
    return um_transformer_backward(&trainer->transformer, trainer->compute, &batch->rows,
                                   activations, trainer->hidden_gradient, &trainer->gradients,
                                   error);
}

um_status um_trainer_validate(um_trainer *trainer, um_validation_report *report, um_error *error) {
    *report = (um_validation_report){.step = um_trainer_step(trainer)};
    size_t next = 0;
    size_t correct = 0;
    double divisor = 0;
    uint32_t number = 0;
    const um_recipe recipe = um_recipe_for_validation(&trainer->recipe);
    while (next < um_shard_document_count(trainer->validation_shard)) {
        const um_batch_noise noise = {.seed = VALIDATION_SEED, .step = number++};
        um_loss_sums sums;
        UM_TRY(um_training_batch_fill_in_order(&trainer->batch, &recipe, &trainer->config,
                                               trainer->validation_shard, &next, noise, error));
        UM_TRY(um_trainer_batch_loss(trainer, false, &sums, error));
        report->loss += sums.weighted * trainer->batch.divisor;
        divisor += trainer->batch.divisor;
        report->token_loss += sums.plain;
        report->predicted_tokens += trainer->batch.target_count;
        correct += sums.correct;
    }
    const double predicted = fmax(1.0, (double)report->predicted_tokens);
    report->loss = divisor > 0 ? report->loss / divisor : 0;
    report->token_loss /= predicted;
    report->accuracy = (double)correct / predicted;
    return UM_OK;
}

/* Matrix products of one micro-batch, forward and backward: three times the forward's. */
static double batch_flops(const um_trainer *trainer) {
    const um_model_config *config = &trainer->config;
    const double query_width = (double)(config->head_count * config->head_dim);
    const double key_width = (double)(config->kv_head_count * config->head_dim);
    const double hidden = (double)config->hidden_size;
    const double layer =
        hidden * (2 * query_width + 2 * key_width) + 3 * hidden * (double)config->intermediate_size;
    double products = layer * (double)trainer->batch.row_count;
    for (size_t i = 0; i < trainer->batch.rows.count; i++) {
        const double length = (double)trainer->batch.sequences[i].row_count;
        products += 2 * length * length * query_width;
    }
    products *= (double)config->layer_count;
    products += hidden * (double)config->vocabulary_size * (double)trainer->batch.target_count;
    return 6 * products;
}

/* Epochs of the data that are behind, the current one's share among them. */
static double epochs_done(const um_trainer *trainer) {
    return (double)trainer->cursor.epoch +
           (double)trainer->cursor.index / (double)trainer->order.count;
}

static um_status train_micro_batch(um_trainer *trainer, size_t part, um_step_report *report,
                                   size_t *targets, size_t *correct, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    const size_t step = um_trainer_step(trainer);
    const size_t number = step * recipe->gradient_accumulation + part;
    const um_batch_noise noise = {
        .seed = recipe->seed,
        .step = (uint32_t)number,
        .unconditional = um_recipe_unconditional_share(recipe, step, epochs_done(trainer))};
    UM_TRY(um_training_batch_fill(&trainer->batch, recipe, &trainer->config, trainer->train_shard,
                                  &trainer->order, &trainer->cursor, noise, error));
    if (recipe->objective == UM_OBJECTIVE_DIFFUSION && step < recipe->annealing_steps) {
        const double rate = (double)(step + 1) / (double)recipe->annealing_steps;
        UM_TRY(um_training_batch_anneal(&trainer->batch, rate, noise, error));
    }
    um_loss_sums sums;
    UM_TRY(um_trainer_batch_loss(trainer, true, &sums, error));
    report->loss += sums.weighted / (double)recipe->gradient_accumulation;
    report->token_loss += sums.plain;
    report->rows += trainer->batch.row_count;
    report->flops += batch_flops(trainer);
    *targets += trainer->batch.target_count;
    *correct += sums.correct;
    return UM_OK;
}

static um_status train_step(um_trainer *trainer, um_step_report *report, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    const double start = um_clock_seconds();
    size_t targets = 0;
    size_t correct = 0;
    *report = (um_step_report){.total_steps = recipe->steps};
    memset(trainer->gradient_block, 0, trainer->block_count * sizeof *trainer->gradient_block);
    for (size_t part = 0; part < recipe->gradient_accumulation; part++) {
        UM_TRY(train_micro_batch(trainer, part, report, &targets, &correct, error));
    }
    const double average = 1.0 / (double)recipe->gradient_accumulation;
    report->gradient_norm = average * um_block_norm(trainer->gradient_block, trainer->block_count);
    if (!isfinite(report->gradient_norm)) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "step %zu: the gradient is not finite; lower \"learning_rate\" or look for "
                        "damaged weights with `unmask inspect`",
                        um_trainer_step(trainer) + 1);
    }
    const double scale = average * um_clip_factor(report->gradient_norm, recipe->gradient_clip);
    report->learning_rate = um_recipe_learning_rate(recipe, um_trainer_step(trainer));
    UM_TRY(um_optimizer_update(&trainer->optimizer, trainer->compute, recipe, report->learning_rate,
                               scale, trainer->masters, trainer->master_block,
                               trainer->gradient_block, error));
    um_trainer_round_weights(trainer);
    report->step = um_trainer_step(trainer);
    report->token_loss /= fmax(1.0, (double)targets);
    report->accuracy = (double)correct / fmax(1.0, (double)targets);
    report->seconds = um_clock_seconds() - start;
    return UM_OK;
}

static um_status save(um_trainer *trainer, const um_trainer_callbacks *callbacks, um_error *error) {
    UM_TRY(um_trainer_state_save(trainer, error));
    trainer->last_save = um_clock_seconds();
    if (callbacks->saved) {
        callbacks->saved(callbacks->user, trainer->output, um_trainer_step(trainer));
    }
    return UM_OK;
}

static um_status validate(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                          um_error *error) {
    if (!trainer->validation_shard) {
        return UM_OK;
    }
    um_validation_report report;
    UM_TRY(um_trainer_validate(trainer, &report, error));
    if (callbacks->validation) {
        callbacks->validation(callbacks->user, &report);
    }
    return UM_OK;
}

static um_status after_step(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                            const um_step_report *report, um_error *error) {
    const um_recipe *recipe = &trainer->recipe;
    if (callbacks->step) {
        callbacks->step(callbacks->user, report);
    }
    if (callbacks->should_stop && callbacks->should_stop(callbacks->user)) {
        UM_TRY(save(trainer, callbacks, error));
        return UM_RAISE(error, UM_ERR_CANCELLED,
                        "stopped after step %zu of %zu; the same command continues there",
                        report->step, recipe->steps);
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

um_status um_trainer_run(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                         um_error *error) {
    while (um_trainer_step(trainer) < trainer->recipe.steps) {
        um_step_report report;
        UM_TRY(train_step(trainer, &report, error));
        UM_TRY(after_step(trainer, callbacks, &report, error));
    }
    UM_TRY(save(trainer, callbacks, error));
    UM_TRY(validate(trainer, callbacks, error));
    return um_model_directory_write(&trainer->config, &trainer->parameters,
                                    trainer->recipe.saved_weights, trainer->recipe.model,
                                    trainer->output, error);
}
