#include "train/learner/learner.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "train/run/same_run.h"

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

static um_status lay_out_blocks(um_learner *learner, um_error *error) {
    const um_model_config *config = &learner->config;
    UM_TRY(um_parameters_lay_out(&learner->parameters, config, &learner->parameter_block,
                                 &learner->block_count, error));
    UM_TRY(um_parameters_lay_out(&learner->gradients, config, &learner->gradient_block,
                                 &learner->block_count, error));
    learner->masters = &learner->parameters;
    learner->master_block = learner->parameter_block;
    if (learner->recipe->weights != UM_DTYPE_F32) {
        learner->masters = &learner->unrounded;
        UM_TRY(um_parameters_lay_out(&learner->unrounded, config, &learner->master_block,
                                     &learner->block_count, error));
    }
    UM_TRY(um_parameters_visit(&learner->parameters, config, add_count, &learner->weight_count,
                               error));
    return um_optimizer_create(config, learner->block_count, &learner->optimizer, error);
}

um_status um_learner_create(const um_recipe *recipe, const um_model_config *config,
                            const um_compute *compute, um_learner *learner, um_error *error) {
    *learner = (um_learner){.recipe = recipe, .own_compute = *compute, .config = *config};
    learner->own_compute.bf16_products = recipe->products == UM_DTYPE_BF16;
    learner->compute = &learner->own_compute;
    learner->transformer =
        (um_transformer){.config = &learner->config, .parameters = &learner->parameters};
    UM_TRY(lay_out_blocks(learner, error));
    learner->gradient_sum = (um_gradient_sum){.compute = compute,
                                              .reduction = recipe->reduction,
                                              .block = learner->gradient_block,
                                              .count = learner->block_count};
    UM_TRY(um_activations_create(true, &learner->recording, error));
    um_activations_recompute(learner->recording, recipe->recompute_activations);
    UM_TRY(um_activations_create(false, &learner->plain, error));
    return um_loss_scratch_create(&learner->config, &learner->loss_scratch, error);
}

void um_learner_free(um_learner *learner) {
    um_parameters_free(&learner->parameters);
    um_parameters_free(&learner->gradients);
    um_parameters_free(&learner->unrounded);
    um_gradient_sum_free(&learner->gradient_sum);
    um_optimizer_free(&learner->optimizer);
    um_activations_free(learner->recording);
    um_activations_free(learner->plain);
    um_loss_scratch_free(&learner->loss_scratch);
    free(learner->hidden);
    free(learner->hidden_gradient);
    *learner = (um_learner){0};
}

void um_learner_join(um_learner *learner, um_collective *collective) {
    learner->collective = collective;
    learner->gradient_sum.collective = collective;
}

/* ---- State ------------------------------------------------------------------ */

size_t um_learner_step(const um_learner *learner) {
    return (size_t)learner->optimizer.step;
}

void um_learner_save(const um_learner *learner, um_state_sections *sections) {
    const size_t bytes = learner->block_count * sizeof(float);
    um_state_sections_add(sections, "step", &learner->optimizer.step,
                          sizeof learner->optimizer.step);
    um_state_sections_add(sections, "weights", learner->master_block, bytes);
    um_state_sections_add(sections, "first_moment", learner->optimizer.first_moment, bytes);
    um_state_sections_add(sections, "second_moment", learner->optimizer.second_moment, bytes);
}

um_status um_learner_load(um_learner *learner, const um_state_file *file, um_error *error) {
    const size_t bytes = learner->block_count * sizeof(float);
    UM_TRY(um_state_file_read(file, "weights", learner->master_block, bytes, error));
    UM_TRY(um_state_file_read(file, "first_moment", learner->optimizer.first_moment, bytes, error));
    UM_TRY(
        um_state_file_read(file, "second_moment", learner->optimizer.second_moment, bytes, error));
    return um_state_file_read(file, "step", &learner->optimizer.step,
                              sizeof learner->optimizer.step, error);
}

um_status um_learner_broadcast_weights(um_learner *learner, um_error *error) {
    return um_collective_broadcast(learner->collective, learner->master_block,
                                   learner->block_count * sizeof *learner->master_block, error);
}

um_status um_learner_compare_weights(um_learner *learner, um_error *error) {
    return um_same_weights_check(learner->collective, learner->compute, learner->master_block,
                                 learner->block_count, um_learner_step(learner), error);
}

/* ---- Passes ----------------------------------------------------------------- */

void um_learner_clear_gradients(um_learner *learner) {
    um_gradient_sum_start(&learner->gradient_sum);
}

bool um_learner_owns(const um_learner *learner, size_t part) {
    return um_collective_owns(learner->collective, part);
}

um_status um_learner_end_part(um_learner *learner, size_t part, size_t parts, um_error *error) {
    return um_gradient_sum_add(&learner->gradient_sum, part, parts, error);
}

static um_status forward(um_learner *learner, const um_transformer *transformer,
                         const um_training_batch *batch, bool record, um_error *error) {
    const size_t floats = batch->hidden_count * learner->config.hidden_size;
    UM_TRY(um_grow(&learner->hidden, &learner->hidden_capacity, floats, sizeof(float), "hidden",
                   error));
    return um_transformer_forward(transformer, learner->compute, &batch->rows,
                                  record ? learner->recording : learner->plain, learner->hidden,
                                  error);
}

static um_loss_rows rows_of(const um_learner *learner, const um_training_batch *batch) {
    return (um_loss_rows){.count = batch->hidden_count,
                          .hidden = learner->hidden,
                          .target_ends = batch->target_ends,
                          .targets = batch->targets,
                          .weights = batch->weights,
                          .log_probabilities = batch->log_probabilities};
}

um_status um_learner_log_probabilities(um_learner *learner, const um_transformer *transformer,
                                       um_training_batch *batch, bool record, um_error *error) {
    const um_transformer *used = transformer ? transformer : &learner->transformer;
    um_loss_sums sums;
    UM_TRY(forward(learner, used, batch, record, error));
    const um_loss_rows rows = rows_of(learner, batch);
    um_loss_compute(used, learner->compute, &rows, &learner->loss_scratch, NULL, NULL, &sums);
    return UM_OK;
}

um_status um_learner_backward(um_learner *learner, um_training_batch *batch, um_loss_sums *sums,
                              um_error *error) {
    const size_t floats = batch->hidden_count * learner->config.hidden_size;
    UM_TRY(um_grow(&learner->hidden_gradient, &learner->hidden_gradient_capacity, floats,
                   sizeof(float), "hidden", error));
    const um_loss_rows rows = rows_of(learner, batch);
    um_loss_compute(&learner->transformer, learner->compute, &rows, &learner->loss_scratch,
                    learner->hidden_gradient, &learner->gradients.head, sums);
    return um_transformer_backward(&learner->transformer, learner->compute, &batch->rows,
                                   learner->recording, learner->hidden_gradient,
                                   &learner->gradients, error);
}

um_status um_learner_batch_loss(um_learner *learner, um_training_batch *batch, bool backward,
                                um_loss_sums *sums, um_error *error) {
    UM_TRY(forward(learner, &learner->transformer, batch, backward, error));
    if (backward) {
        return um_learner_backward(learner, batch, sums, error);
    }
    const um_loss_rows rows = rows_of(learner, batch);
    um_loss_compute(&learner->transformer, learner->compute, &rows, &learner->loss_scratch, NULL,
                    NULL, sums);
    return UM_OK;
}

double um_learner_forward_flops(const um_learner *learner, const um_training_batch *batch) {
    const um_model_config *config = &learner->config;
    const double query_width = (double)(config->head_count * config->head_dim);
    const double key_width = (double)(config->kv_head_count * config->head_dim);
    const double hidden = (double)config->hidden_size;
    const double layer =
        hidden * (2 * query_width + 2 * key_width) + 3 * hidden * (double)config->intermediate_size;
    double products = layer * (double)batch->row_count;
    for (size_t i = 0; i < batch->rows.count; i++) {
        const double length = (double)batch->sequences[i].row_count;
        products += 2 * length * length * query_width;
    }
    products *= (double)config->layer_count;
    products += hidden * (double)config->vocabulary_size * (double)batch->hidden_count;
    return 2 * products;
}

/* ---- Update ----------------------------------------------------------------- */

um_status um_learner_update(um_learner *learner, size_t parts, um_update_report *report,
                            um_error *error) {
    const um_recipe *recipe = learner->recipe;
    const double average = 1.0 / (double)parts;
    UM_TRY(um_gradient_sum_finish(&learner->gradient_sum, error));
    const float *gradients = learner->gradient_sum.total;
    report->gradient_norm = average * um_block_norm(gradients, learner->block_count);
    if (!isfinite(report->gradient_norm)) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "step %zu: the gradient is not finite; lower \"learning_rate\" or look for "
                        "damaged weights with `unmask inspect`",
                        um_learner_step(learner) + 1);
    }
    const double scale = average * um_clip_factor(report->gradient_norm, recipe->gradient_clip);
    report->learning_rate = um_recipe_learning_rate(recipe, um_learner_step(learner));
    UM_TRY(um_optimizer_update(&learner->optimizer, learner->compute, recipe, report->learning_rate,
                               scale, learner->masters, learner->master_block, gradients, error));
    um_learner_round_weights(learner);
    return UM_OK;
}
