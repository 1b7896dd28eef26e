#include "train/grpo/coupled_grpo.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mapped_file.h"
#include "decode/algorithm.h"
#include "train/completions/judge_grader.h"
#include "train/recipe/rollout_options.h"

/* The paper's values for rollouts. */
#define ROLLOUT_TEMPERATURE 1.2
#define ROLLOUT_TOP_P 0.95

/* ---- Opening ---------------------------------------------------------------- */

static um_status check(const um_recipe *recipe, const um_model_config *config, um_error *error) {
    const um_grpo_options *options = &recipe->grpo;
    if (config->attention == UM_ATTENTION_CAUSAL || config->mask_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(
            error, UM_ERR_MISMATCH,
            "%s: \"coupled_grpo\" needs a diffusion model: attention that is not "
            "causal, and \"mask_token_id\" in config.json or \"mask_token\" in the recipe",
            recipe->model);
    }
    if (recipe->initialise) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "\"coupled_grpo\" starts from a trained model; leave out \"initialise\"");
    }
    if (recipe->answer_length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "\"coupled_grpo\" needs \"answer_length\", the tokens of a completion");
    }
    if (options->pair_rate_minimum > options->pair_rate_maximum) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "\"pair_rate_minimum\" is above \"pair_rate_maximum\"");
    }
    return UM_OK;
}

static um_status open_problems(um_coupled_grpo *run, const um_model_config *config,
                               um_error *error) {
    const um_recipe *recipe = run->recipe;
    UM_TRY(um_tokenizer_load(recipe->model, &run->tokenizer, error));
    UM_TRY(um_completion_tasks_open(recipe->problems, 0, recipe, config, run->tokenizer,
                                    &run->tasks, error));
    UM_TRY(um_validation_problems_open(recipe, config, run->tokenizer, &run->validation, error));
    return um_data_order_create(recipe->seed, run->tasks.count, &run->order, error);
}

/* The states of a completion are known only if commits stay and one forward decides a step. */
static um_status check_trajectory(const um_recipe *recipe, const um_decode_options *decoding,
                                  um_error *error) {
    const um_algorithm *algorithm = NULL;
    if (recipe->grpo.estimator != UM_ESTIMATOR_TRAJECTORY) {
        return UM_OK;
    }
    UM_TRY(um_algorithm_find(decoding->algorithm, &algorithm, error));
    if (algorithm->remasks || decoding->cfg_scale > 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "the estimator \"trajectory\" does not follow %s; choose another %s",
                        algorithm->remasks ? "an algorithm that takes tokens back"
                                           : "\"cfg_scale\"",
                        algorithm->remasks ? "algorithm or estimator" : "estimator");
    }
    return UM_OK;
}

static um_status open_decoding(um_coupled_grpo *run, const um_model_config *config,
                               um_error *error) {
    um_status status = um_rollout_options_parse(run->recipe->grpo.rollout, ROLLOUT_TEMPERATURE,
                                                ROLLOUT_TOP_P, &run->decoding, error);
    if (status == UM_OK) {
        status = um_completion_options_check(&run->tasks, config, &run->decoding, error);
    }
    if (status == UM_OK) {
        status = check_trajectory(run->recipe, &run->decoding, error);
    }
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "\"rollout\"");
}

/* Pads fill the positions that nobody sampled: those behind an early stop and, if the model may
 * choose the mask, any.  The loss must not count them; trajectories leave them out themselves. */
static um_status check_extent(const um_recipe *recipe, const um_completion_tasks *tasks,
                              const um_decode_options *decoding, um_error *error) {
    const bool ends_otherwise = decoding->stop_token != UM_NO_TOKEN_ID &&
                                !um_token_list_contains(&tasks->end_tokens, decoding->stop_token);
    if (recipe->grpo.estimator != UM_ESTIMATOR_TRAJECTORY &&
        (ends_otherwise || !decoding->forbid_mask)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"rollout\": %s",
                        ends_otherwise
                            ? "\"stop_token\" is none of the model's end tokens, so the pad that "
                              "would follow it would be learnt"
                            : "\"forbid_mask\" false leaves positions unsampled, whose pads would "
                              "be learnt");
    }
    const bool stops = recipe->grpo.early_stop || decoding->stop_token != UM_NO_TOKEN_ID;
    if (recipe->grpo.completion_extent == UM_COMPLETION_ALL && stops) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "\"completion_extent\" all counts the tokens behind an end, which %s "
                        "leaves unsampled; leave out one of the two",
                        recipe->grpo.early_stop ? "\"early_stop\""
                                                : "\"stop_token\" of \"rollout\"");
    }
    return UM_OK;
}

static um_status open_run(const um_recipe *recipe, const um_grader *grader, um_model_config *config,
                          void **state, um_error *error) {
    um_coupled_grpo *run = calloc(1, sizeof *run);
    *state = run;
    if (!run) {
        return um_error_memory(error, "training", sizeof *run);
    }
    run->recipe = recipe;
    UM_TRY(check(recipe, config, error));
    UM_TRY(open_problems(run, config, error));
    UM_TRY(open_decoding(run, config, error));
    UM_TRY(check_extent(recipe, &run->tasks, &run->decoding, error));
    return um_judge_grader_create(&recipe->problem_options, grader, &run->judge, &run->grader,
                                  error);
}

static void close_run(void *state) {
    um_coupled_grpo *run = state;
    if (!run) {
        return;
    }
    um_judge_free(run->judge);
    um_reward_journal_close(run->journal);
    um_grpo_updater_free(&run->updater);
    um_grpo_rollouts_free(&run->rollouts);
    um_grpo_reference_free(&run->reference);
    um_data_order_free(&run->order);
    um_completion_tasks_close(&run->tasks);
    um_validation_problems_close(&run->validation);
    um_tokenizer_free(run->tokenizer);
    free(run);
}

/* ---- State ------------------------------------------------------------------ */

/* The batch of rollouts that the next update learns from, and which of its updates that is. */
static uint64_t batch_number(const um_coupled_grpo *run) {
    return um_learner_step(run->learner) / run->recipe->grpo.inner_updates;
}

static size_t inner_update(const um_coupled_grpo *run) {
    return um_learner_step(run->learner) % run->recipe->grpo.inner_updates;
}

/* Between batches there is nothing to keep: the next one follows from step and weights. */
static um_status save_run(void *state, um_state_sections *sections, um_error *error) {
    um_coupled_grpo *run = state;
    run->data_state[0] = run->tasks.count;
    run->data_state[1] = run->tasks.digest;
    um_state_sections_add(sections, "problems", run->data_state, sizeof run->data_state);
    um_grpo_reference_save(&run->reference, sections);
    return inner_update(run) > 0
               ? um_grpo_rollouts_save(&run->rollouts, run->recipe, sections, error)
               : UM_OK;
}

static um_status restore(um_coupled_grpo *run, const um_state_file *file, um_error *error) {
    UM_TRY(um_state_file_read(file, "problems", run->data_state, sizeof run->data_state, error));
    if (run->data_state[0] != run->tasks.count || run->data_state[1] != run->tasks.digest) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: %s does not hold the problems that the run began with; bring them "
                        "back, or write to another directory",
                        um_state_file_path(file), run->recipe->problems);
    }
    UM_TRY(um_grpo_reference_load(&run->reference, file, error));
    return inner_update(run) > 0
               ? um_grpo_rollouts_load(&run->rollouts, run->recipe, &run->tasks, &run->order,
                                       batch_number(run), file, error)
               : UM_OK;
}

static um_status make_room(um_coupled_grpo *run, um_error *error) {
    UM_TRY(um_grpo_reference_create(run->learner, &run->reference, error));
    return um_grpo_rollouts_create(run->recipe, &run->rollouts, error);
}

static um_status open_journal(um_coupled_grpo *run, const um_output_directory *output,
                              um_error *error) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    if (um_collective_rank(run->learner->collective) != 0) {
        return UM_OK;
    }
    UM_TRY(um_path_join(path, sizeof path, output->path, UM_REWARD_JOURNAL_FILE, error));
    return um_reward_journal_open(path, um_recipe_fingerprint(run->recipe) ^ run->tasks.digest,
                                  &run->journal, error);
}

/* What can fail on one rank alone, the ranks agree on. */
static um_status start_run(void *state, um_learner *learner, const um_output_directory *output,
                           const um_state_file *file, um_error *error) {
    um_coupled_grpo *run = state;
    run->learner = learner;
    UM_TRY(um_collective_agree_on_status(learner->collective, make_room(run, error), error));
    run->updater = (um_grpo_updater){
        .learner = learner, .reference = &run->reference, .rollouts = &run->rollouts};
    if (file) {
        UM_TRY(restore(run, file, error));
    }
    return um_collective_agree_on_status(learner->collective, open_journal(run, output, error),
                                         error);
}

/* ---- Steps ------------------------------------------------------------------ */

static um_completion_sampling rollout_sampling(const um_coupled_grpo *run,
                                               const um_run_observer *observer) {
    const um_recipe *recipe = run->recipe;
    return (um_completion_sampling){.transformer = &run->learner->transformer,
                                    .compute = run->learner->compute,
                                    .tasks = &run->tasks,
                                    .options = run->decoding,
                                    .early_stop = recipe->grpo.early_stop,
                                    .seed = recipe->seed,
                                    .live_maximum = recipe->problem_options.rollout_batch,
                                    .extent = recipe->grpo.completion_extent,
                                    .grader = &run->grader,
                                    .observer = observer};
}

static void report_rollouts(um_coupled_grpo *run) {
    const um_rollout_statistics *made = &run->rollouts.statistics;
    um_metric_list_add(&run->metrics, "reward", made->reward);
    um_metric_list_add(&run->metrics, "reward_deviation", made->reward_deviation);
    um_metric_list_add(&run->metrics, "reward_code", made->code);
    um_metric_list_add(&run->metrics, "reward_format", made->format);
    um_metric_list_add(&run->metrics, "pass_rate", made->pass_rate);
    um_metric_list_add(&run->metrics, "timeout_rate", made->timeout_rate);
    um_metric_list_add(&run->metrics, "zero_variance_groups", made->zero_variance);
    um_metric_list_add(&run->metrics, "advantage_deviation", made->advantage_deviation);
    um_metric_list_add(&run->metrics, "completion_length", made->completion_length);
    um_metric_list_add(&run->metrics, "ended", made->ended);
    um_metric_list_add(&run->metrics, "rollout_seconds", made->times.sampling);
    um_metric_list_add(&run->metrics, "reward_seconds", made->times.grading);
    um_metric_list_add(&run->metrics, "reward_waiting_seconds", made->times.waiting);
}

static void report_update(um_coupled_grpo *run, const um_grpo_update_report *made,
                          um_step_report *report) {
    report->loss = made->loss;
    report->token_loss = -made->log_probability;
    report->accuracy = NAN; /* rewards take its place */
    report->gradient_norm = made->update.gradient_norm;
    report->learning_rate = made->update.learning_rate;
    report->rows = made->rows;
    report->flops = made->flops;
    if (run->reference.block) {
        um_metric_list_add(&run->metrics, "kl", made->kl);
    }
    um_metric_list_add(&run->metrics, "clip_low", made->clip_low);
    um_metric_list_add(&run->metrics, "clip_high", made->clip_high);
    report->metrics = run->metrics.items;
    report->metric_count = run->metrics.count;
}

um_status um_coupled_grpo_ensure_rollouts(um_coupled_grpo *run, const um_run_observer *observer,
                                          um_error *error) {
    const uint64_t number = batch_number(run);
    if (run->rollouts.is_ready && run->rollouts.number == number) {
        return UM_OK;
    }
    const um_completion_sampling sampling = rollout_sampling(run, observer);
    return um_grpo_rollouts_make(&run->rollouts, run->recipe, run->learner->collective, &sampling,
                                 &run->order, run->journal, number, error);
}

static um_status make_step(void *state, const um_run_observer *observer, um_step_report *report,
                           um_error *error) {
    um_coupled_grpo *run = state;
    um_grpo_update_report made = {0};
    const size_t inner = inner_update(run);
    const double start = um_clock_seconds();
    run->metrics.count = 0;
    UM_TRY(um_coupled_grpo_ensure_rollouts(run, observer, error));
    const double middle = um_clock_seconds();
    if (inner == 0) {
        report_rollouts(run);
        UM_TRY(um_grpo_estimate_old(&run->updater, observer, &made, error));
    }
    UM_TRY(um_grpo_gradients(&run->updater, inner, observer, &made, error));
    UM_TRY(um_learner_update(run->learner, 1, &made.update, error)); /* weights hold the mean */
    um_grpo_reference_sync(&run->reference, run->learner);
    const double end = um_clock_seconds();
    um_metric_list_add(&run->metrics, "update_seconds", end - middle);
    report_update(run, &made, report);
    report->seconds = end - start;
    return UM_OK;
}

static um_status validate(void *state, const um_run_observer *observer, bool *has_data,
                          um_validation_report *report, um_error *error) {
    um_coupled_grpo *run = state;
    *has_data = um_validation_problems_exist(&run->validation);
    if (!*has_data) {
        return UM_OK;
    }
    UM_TRY(um_validation_problems_measure(&run->validation, run->learner, &run->grader, observer,
                                          error));
    report->loss = NAN; /* there are no targets */
    report->token_loss = NAN;
    report->accuracy = NAN;
    report->metrics = run->validation.metrics.items;
    report->metric_count = run->validation.metrics.count;
    return UM_OK;
}

static void describe(const void *state, um_trainer_sizes *sizes) {
    const um_coupled_grpo *run = state;
    sizes->train_documents = run->tasks.count;
    sizes->validation_problems = run->validation.tasks.count;
}

const um_training_method um_coupled_grpo_method = {.open = open_run,
                                                   .close = close_run,
                                                   .start = start_run,
                                                   .describe = describe,
                                                   .save = save_run,
                                                   .step = make_step,
                                                   .validate = validate};
