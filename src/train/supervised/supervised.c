#include "train/supervised/supervised.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tokenizer/tokenizer.h"
#include "train/completions/judge_grader.h"
#include "train/supervised/supervised_samples.h"

/* Validation noise does not depend on the step or the run, so that losses can be compared. */
#define VALIDATION_SEED 20506

/* ---- Opening ---------------------------------------------------------------- */

static um_status check_padding(const um_recipe *recipe, const um_model_config *config,
                               um_error *error) {
    if (um_recipe_pads(recipe) && config->pad_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(
            error, UM_ERR_MISMATCH,
            "%s/config.json: to pad answers needs \"pad_token_id\", or \"pad_token\" in "
            "the recipe",
            recipe->model);
    }
    if (recipe->answer_padding == UM_PADDING_FIXED && recipe->answer_length == 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "\"answer_padding\" fixed needs \"answer_length\"");
    }
    return UM_OK;
}

/* Check what the recipe requires of the model. */
static um_status check_model(const um_recipe *recipe, const um_model_config *config,
                             um_error *error) {
    if (recipe->objective == UM_OBJECTIVE_CAUSAL && config->attention != UM_ATTENTION_CAUSAL) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: \"objective\" is causal, but the model is not autoregressive",
                        recipe->model);
    }
    if (recipe->objective == UM_OBJECTIVE_DIFFUSION && config->mask_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(
            error, UM_ERR_MISMATCH,
            "%s: a diffusion run needs a mask token: \"mask_token_id\" in config.json, or "
            "\"mask_token\" in the recipe, the text or the id of a token that no text "
            "contains",
            recipe->model);
    }
    UM_TRY(check_padding(recipe, config, error));
    return UM_OK;
}

/* A diffusion run turns a Qwen2 model into a Dream one: same tensors, full attention, and still the
 * shift that the causal model was trained with. */
static void adopt_objective(const um_recipe *recipe, um_model_config *config) {
    if (recipe->objective == UM_OBJECTIVE_CAUSAL) {
        return;
    }
    if (config->family == UM_FAMILY_QWEN2) {
        config->family = UM_FAMILY_DREAM;
    }
    config->attention = UM_ATTENTION_FULL;
}

/* A causal run cannot use canvases with a suffix: left to right, the text of a hole would be
 * followed by its end and then by the suffix. */
static um_status check_documents(const um_recipe *recipe, const um_shard *shard, const char *path,
                                 um_error *error) {
    if (recipe->objective != UM_OBJECTIVE_CAUSAL) {
        return UM_OK;
    }
    for (size_t i = 0; i < um_shard_document_count(shard); i++) {
        if (um_shard_document(shard, i).suffix_length > 0) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "%s: document %zu is an infilling canvas, which a causal run cannot "
                            "learn from; pack with --infilling fim or none",
                            path, i);
        }
    }
    return UM_OK;
}

/* `member` is the recipe's key for `path`. */
static um_status open_shard(const um_recipe *recipe, const char *member, const char *path,
                            um_shard **shard, um_error *error) {
    const um_status status = um_shard_open(path, shard, error);
    return status == UM_OK ? check_documents(recipe, *shard, path, error)
                           : um_error_prefix(error, status, "\"%s\"", member);
}

static um_status open_data(um_supervised *run, um_error *error) {
    const um_recipe *recipe = run->recipe;
    UM_TRY(open_shard(recipe, "train", recipe->train, &run->train_shard, error));
    if (*recipe->validation) {
        UM_TRY(open_shard(recipe, "validation", recipe->validation, &run->validation_shard, error));
    }
    if (recipe->packing == UM_PACKING_FIXED_LENGTH) {
        um_shard_cut_into_pieces(run->train_shard, recipe->context_length);
    }
    const um_status status = um_data_order_create(
        recipe->seed, um_shard_document_count(run->train_shard), &run->order, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", recipe->train);
}

/* Samples and problems need the tokenizer, training does not.  A sandbox that the system does not
 * offer is an error now, not once the first completions are there. */
static um_status open_problems(um_supervised *run, const um_grader *grader,
                               const um_model_config *config, um_error *error) {
    const um_recipe *recipe = run->recipe;
    if (!*recipe->validation_problems) {
        if (run->validation_shard) {
            (void)um_tokenizer_load(recipe->model, &run->tokenizer, NULL);
        }
        return UM_OK;
    }
    UM_TRY(um_tokenizer_load(recipe->model, &run->tokenizer, error));
    UM_TRY(um_validation_problems_open(recipe, config, run->tokenizer, &run->problems, error));
    const um_status status =
        um_judge_grader_create(&recipe->problem_options, grader, &run->judge, &run->grader, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "\"validation_problems\"");
}

static um_status open_run(const um_recipe *recipe, const um_grader *grader, um_model_config *config,
                          void **state, um_error *error) {
    um_supervised *run = calloc(1, sizeof *run);
    *state = run;
    if (!run) {
        return um_error_memory(error, "training data", sizeof *run);
    }
    run->recipe = recipe;
    UM_TRY(check_model(recipe, config, error));
    adopt_objective(recipe, config);
    UM_TRY(open_data(run, error));
    return open_problems(run, grader, config, error);
}

static void close_run(void *state) {
    um_supervised *run = state;
    if (!run) {
        return;
    }
    um_shard_close(run->train_shard);
    um_shard_close(run->validation_shard);
    um_judge_free(run->judge);
    um_validation_problems_close(&run->problems);
    um_tokenizer_free(run->tokenizer);
    um_data_order_free(&run->order);
    um_training_batch_free(&run->batch);
    free(run->parts);
    free(run);
}

static void describe(const void *state, um_trainer_sizes *sizes) {
    const um_supervised *run = state;
    sizes->train_documents = um_shard_document_count(run->train_shard);
    sizes->train_tokens = um_shard_token_count(run->train_shard);
    for (size_t i = 0; i < sizes->train_documents; i++) {
        sizes->cut_documents +=
            um_shard_document(run->train_shard, i).length > run->recipe->context_length;
    }
    if (run->validation_shard) {
        sizes->validation_documents = um_shard_document_count(run->validation_shard);
        sizes->validation_tokens = um_shard_token_count(run->validation_shard);
    }
    sizes->validation_problems = run->problems.tasks.count;
    sizes->left_out_problems = run->problems.tasks.left_out;
}

/* ---- State ------------------------------------------------------------------ */

static um_status save_run(void *state, um_state_sections *sections, um_error *error) {
    (void)error;
    um_supervised *run = state;
    run->data_state[0] = um_shard_document_count(run->train_shard);
    run->data_state[1] = um_shard_token_count(run->train_shard);
    run->data_state[2] = run->cursor.epoch;
    run->data_state[3] = run->cursor.index;
    um_state_sections_add(sections, "data", run->data_state, sizeof run->data_state);
    return UM_OK;
}

static um_status start_run(void *state, um_learner *learner, const um_output_directory *output,
                           const um_state_file *file, um_error *error) {
    (void)output;
    um_supervised *run = state;
    run->learner = learner;
    if (!file) {
        return UM_OK;
    }
    UM_TRY(um_state_file_read(file, "data", run->data_state, sizeof run->data_state, error));
    if (run->data_state[0] != um_shard_document_count(run->train_shard) ||
        run->data_state[1] != um_shard_token_count(run->train_shard) ||
        run->data_state[3] >= run->order.count) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: %s is not the data that the run began with; bring that back, or write "
                        "to another directory",
                        um_state_file_path(file), run->recipe->train);
    }
    run->cursor = (um_data_cursor){.epoch = run->data_state[2], .index = run->data_state[3]};
    return UM_OK;
}

/* ---- Parts ------------------------------------------------------------------ */

static um_status grow_parts(um_supervised *run, size_t count, um_error *error) {
    return um_grow(&run->parts, &run->part_capacity, count, sizeof *run->parts, "micro-batches",
                   error);
}

/* Pass the batch through the model if it belongs to this rank. */
static um_status run_part(um_supervised *run, size_t part, bool backward, um_error *error) {
    um_training_batch *batch = &run->batch;
    um_loss_sums sums;
    if (!um_learner_owns(run->learner, part)) {
        return UM_OK;
    }
    UM_TRY(um_learner_batch_loss(run->learner, batch, backward, &sums, error));
    run->parts[part] = (um_part_record){.weighted = sums.weighted,
                                        .plain = sums.plain,
                                        .divisor = batch->divisor,
                                        .flops = um_learner_forward_flops(run->learner, batch),
                                        .targets = batch->target_count,
                                        .correct = sums.correct,
                                        .rows = batch->row_count};
    return UM_OK;
}

/* Complete the records of `count` parts with those of the other ranks. */
static um_status share_parts(um_supervised *run, size_t count, um_error *error) {
    return um_collective_share(run->learner->collective, run->parts, count, sizeof *run->parts,
                               error);
}

/* ---- Training --------------------------------------------------------------- */

/* Epochs of the data that are done, including the share of the current one. */
static double epochs_done(const um_supervised *run) {
    return (double)run->cursor.epoch + (double)run->cursor.index / (double)run->order.count;
}

/* All ranks fill all batches, so that all know where the next one begins; the links of annealed
 * attention are drawn only where they are used. */
static um_status train_micro_batch(um_supervised *run, size_t part, um_error *error) {
    const um_recipe *recipe = run->recipe;
    const um_model_config *config = &run->learner->config;
    const size_t step = um_learner_step(run->learner);
    const size_t number = step * recipe->gradient_accumulation + part;
    const um_batch_noise noise = {
        .seed = recipe->seed,
        .step = (uint32_t)number,
        .unconditional = um_recipe_unconditional_share(recipe, step, epochs_done(run))};
    UM_TRY(um_document_batch_fill(&run->batch, recipe, config, run->train_shard, &run->order,
                                  &run->cursor, noise, error));
    if (recipe->objective == UM_OBJECTIVE_DIFFUSION && step < recipe->annealing_steps &&
        um_learner_owns(run->learner, part)) {
        const double rate = (double)(step + 1) / (double)recipe->annealing_steps;
        UM_TRY(um_document_batch_anneal(&run->batch, rate, noise, error));
    }
    UM_TRY(run_part(run, part, true, error));
    return um_learner_end_part(run->learner, part, recipe->gradient_accumulation, error);
}

static void report_step(const um_supervised *run, um_step_report *report) {
    const size_t parts = run->recipe->gradient_accumulation;
    uint64_t targets = 0;
    uint64_t correct = 0;
    for (size_t i = 0; i < parts; i++) {
        const um_part_record *part = &run->parts[i];
        report->loss += part->weighted / (double)parts;
        report->token_loss += part->plain;
        report->rows += part->rows;
        report->flops += 3 * part->flops; /* and backward */
        targets += part->targets;
        correct += part->correct;
    }
    report->token_loss /= (double)targets; /* of none there is no mean: NAN */
    report->accuracy = (double)correct / (double)targets;
}

static um_status train_step(void *state, const um_run_observer *observer, um_step_report *report,
                            um_error *error) {
    (void)observer;
    um_supervised *run = state;
    const size_t parts = run->recipe->gradient_accumulation;
    const double start = um_clock_seconds();
    um_update_report update = {0};
    UM_TRY(grow_parts(run, parts, error));
    um_learner_clear_gradients(run->learner);
    for (size_t part = 0; part < parts; part++) {
        UM_TRY(train_micro_batch(run, part, error));
    }
    UM_TRY(share_parts(run, parts, error));
    UM_TRY(um_learner_update(run->learner, parts, &update, error));
    report_step(run, report);
    report->gradient_norm = update.gradient_norm;
    report->learning_rate = update.learning_rate;
    report->seconds = um_clock_seconds() - start;
    return UM_OK;
}

/* ---- Validation ------------------------------------------------------------- */

static void report_validation(const um_supervised *run, size_t parts,
                              um_validation_report *report) {
    uint64_t correct = 0;
    double divisor = 0;
    for (size_t i = 0; i < parts; i++) {
        const um_part_record *part = &run->parts[i];
        report->loss += part->weighted * part->divisor;
        divisor += part->divisor;
        report->token_loss += part->plain;
        report->predicted_tokens += part->targets;
        correct += part->correct;
    }
    const double predicted = (double)report->predicted_tokens; /* of none there is no mean: NAN */
    report->loss /= divisor;
    report->token_loss /= predicted;
    report->accuracy = (double)correct / predicted;
}

/* Mean losses over the validation shard with a fixed set of masks. */
static um_status measure_losses(um_supervised *run, um_validation_report *report, um_error *error) {
    size_t next = 0;
    size_t parts = 0;
    const um_recipe recipe = um_recipe_for_validation(run->recipe);
    while (next < um_shard_document_count(run->validation_shard)) {
        const um_batch_noise noise = {.seed = VALIDATION_SEED, .step = (uint32_t)parts};
        UM_TRY(um_document_batch_fill_in_order(&run->batch, &recipe, &run->learner->config,
                                               run->validation_shard, &next, noise, error));
        UM_TRY(grow_parts(run, parts + 1, error));
        UM_TRY(run_part(run, parts++, false, error));
    }
    UM_TRY(share_parts(run, parts, error));
    report_validation(run, parts, report);
    return UM_OK;
}

static um_status measure_problems(um_supervised *run, const um_run_observer *observer,
                                  um_validation_report *report, um_error *error) {
    UM_TRY(um_validation_problems_measure(&run->problems, run->learner, &run->grader, observer,
                                          error));
    report->metrics = run->problems.metrics.items;
    report->metric_count = run->problems.metrics.count;
    return UM_OK;
}

/* Measure losses if there is a shard, and what passes if there are problems.  The completions shown
 * are of the problems or, without them, of the shard. */
static um_status validate(void *state, const um_run_observer *observer, bool *has_data,
                          um_validation_report *report, um_error *error) {
    um_supervised *run = state;
    const bool has_problems = um_validation_problems_exist(&run->problems);
    *has_data = run->validation_shard || has_problems;
    if (run->validation_shard) {
        UM_TRY(measure_losses(run, report, error));
    } else {
        report->loss = NAN;
        report->token_loss = NAN;
        report->accuracy = NAN;
    }
    if (has_problems) {
        return measure_problems(run, observer, report, error);
    }
    return run->validation_shard ? um_supervised_samples_show(run, run->tokenizer, observer, error)
                                 : UM_OK;
}

const um_training_method um_supervised_method = {.open = open_run,
                                                 .close = close_run,
                                                 .start = start_run,
                                                 .describe = describe,
                                                 .save = save_run,
                                                 .step = train_step,
                                                 .validate = validate};
