#include "train/completions/validation_problems.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/completions/completion_sharing.h"
#include "train/recipe/rollout_options.h"

#define SHOWN_SAMPLES 6
#define LEVELS 10 /* 1 to 9; other levels are not reported */

/* ---- Opening ---------------------------------------------------------------- */

static um_status settle_decoding(um_validation_problems *problems, const um_model_config *config,
                                 um_error *error) {
    const char *text = problems->recipe->problem_options.validation_rollout;
    um_status status = um_rollout_options_parse_for_model(text, config, &problems->decoding, error);
    if (status == UM_OK) {
        status = um_completion_options_check(&problems->tasks, config, &problems->decoding, error);
    }
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "\"validation_rollout\"");
}

um_status um_validation_problems_open(const um_recipe *recipe, const um_model_config *config,
                                      const um_tokenizer *tokenizer,
                                      um_validation_problems *problems, um_error *error) {
    *problems = (um_validation_problems){
        .recipe = recipe,
        .early_stop = recipe->objective != UM_OBJECTIVE_COUPLED_GRPO || recipe->grpo.early_stop};
    if (!*recipe->validation_problems) {
        return UM_OK;
    }
    UM_TRY(um_completion_tasks_open(recipe->validation_problems,
                                    recipe->problem_options.validation_maximum, recipe, config,
                                    tokenizer, &problems->tasks, error));
    return settle_decoding(problems, config, error);
}

void um_validation_problems_close(um_validation_problems *problems) {
    um_completion_tasks_close(&problems->tasks);
}

bool um_validation_problems_exist(const um_validation_problems *problems) {
    return problems->tasks.count > 0;
}

/* ---- Completions ------------------------------------------------------------ */

typedef struct measurement {
    um_sample_request *requests;
    um_completion *completions;
    um_judgement *judgements;
    um_sampling_times times;
} measurement;

static um_status sample(const um_validation_problems *problems, const um_learner *learner,
                        const um_grader *grader, const um_run_observer *observer, measurement *made,
                        um_error *error) {
    const um_recipe *recipe = problems->recipe;
    const size_t count = problems->tasks.count;
    const um_completion_sampling sampling = {.transformer = &learner->transformer,
                                             .compute = learner->compute,
                                             .tasks = &problems->tasks,
                                             .options = problems->decoding,
                                             .early_stop = problems->early_stop,
                                             .seed = recipe->seed,
                                             .live_maximum = recipe->problem_options.rollout_batch,
                                             .extent = recipe->grpo.completion_extent,
                                             .grader = grader,
                                             .observer = observer};
    UM_TRY(um_allocate(&made->requests, count, sizeof *made->requests, "validation", error));
    UM_TRY(um_allocate(&made->completions, count, sizeof *made->completions, "validation", error));
    UM_TRY(um_allocate(&made->judgements, count, sizeof *made->judgements, "validation", error));
    for (size_t i = 0; i < count; i++) { /* the same draws each time, never a rollout's */
        made->requests[i] = (um_sample_request){.problem = i, .sample = UINT32_MAX - (uint32_t)i};
    }
    return um_sample_completions_among(learner->collective, &sampling, made->requests, count, 1,
                                       made->completions, made->judgements, &made->times, error);
}

/* NAN if the objective has no rewards. */
static double reward_of(const um_recipe *recipe, const um_judgement *judgement) {
    return recipe->objective == UM_OBJECTIVE_COUPLED_GRPO
               ? um_reward_of(&recipe->grpo.reward, judgement)
               : NAN;
}

/* ---- Numbers ---------------------------------------------------------------- */

static void report_levels(um_validation_problems *problems, const um_judgement *judgements) {
    static const char *const names[LEVELS] = {NULL,
                                              "pass_rate_level_1",
                                              "pass_rate_level_2",
                                              "pass_rate_level_3",
                                              "pass_rate_level_4",
                                              "pass_rate_level_5",
                                              "pass_rate_level_6",
                                              "pass_rate_level_7",
                                              "pass_rate_level_8",
                                              "pass_rate_level_9"};
    size_t passed[LEVELS] = {0};
    size_t tried[LEVELS] = {0};
    for (size_t i = 0; i < problems->tasks.count; i++) {
        const int64_t level = problems->tasks.tasks[i].problem->level;
        if (level > 0 && level < LEVELS) {
            tried[level]++;
            passed[level] += judgements[i].verdict == UM_VERDICT_PASSED;
        }
    }
    for (size_t i = 1; i < LEVELS; i++) {
        if (tried[i] > 0) {
            um_metric_list_add(&problems->metrics, names[i], (double)passed[i] / (double)tried[i]);
        }
    }
}

static void report(um_validation_problems *problems, const measurement *made) {
    const size_t count = problems->tasks.count;
    size_t passed = 0;
    size_t ended = 0;
    size_t length = 0;
    double reward = 0;
    problems->metrics.count = 0;
    for (size_t i = 0; i < count; i++) {
        passed += made->judgements[i].verdict == UM_VERDICT_PASSED;
        ended += made->completions[i].ended;
        length += made->completions[i].counted;
        reward += reward_of(problems->recipe, &made->judgements[i]);
    }
    um_metric_list_add(&problems->metrics, "pass_rate", (double)passed / (double)count);
    if (!isnan(reward)) {
        um_metric_list_add(&problems->metrics, "reward", reward / (double)count);
    }
    um_metric_list_add(&problems->metrics, "ended", (double)ended / (double)count);
    um_metric_list_add(&problems->metrics, "completion_length", (double)length / (double)count);
    um_metric_list_add(&problems->metrics, "rollout_seconds", made->times.sampling);
    um_metric_list_add(&problems->metrics, "reward_seconds", made->times.grading);
    report_levels(problems, made->judgements);
}

/* ---- Samples to look at ----------------------------------------------------- */

static um_status show_sample(const um_validation_problems *problems, const measurement *made,
                             size_t step, size_t index, const um_run_observer *observer,
                             um_buffer *text, um_error *error) {
    const um_problem *problem = problems->tasks.tasks[index].problem;
    const um_judgement *judgement = &made->judgements[index];
    um_buffer_clear(text);
    UM_TRY(um_completion_text(&problems->tasks, &made->completions[index], text, error));
    const um_sample_report shown = {.prompt = problem->prompt,
                                    .prompt_length = strlen(problem->prompt),
                                    .completion = um_buffer_text(text),
                                    .completion_length = text->length,
                                    .suffix = *problem->suffix ? problem->suffix : NULL,
                                    .suffix_length = strlen(problem->suffix),
                                    .task_id = problem->id,
                                    .verdict = um_verdict_name(judgement->verdict),
                                    .reward = reward_of(problems->recipe, judgement)};
    observer->sample(observer->user, step, &shown);
    return UM_OK;
}

/* Show a few, spread over the problems, which may be in the order of their levels. */
static um_status show_samples(const um_validation_problems *problems, const measurement *made,
                              size_t step, const um_run_observer *observer, um_error *error) {
    const size_t count = problems->tasks.count;
    const size_t shown = um_size_smaller(count, SHOWN_SAMPLES);
    um_buffer text = {0};
    um_status status = UM_OK;
    for (size_t i = 0; observer->sample && i < shown && status == UM_OK; i++) {
        status = show_sample(problems, made, step, i * count / shown, observer, &text, error);
    }
    um_buffer_free(&text);
    return status;
}

um_status um_validation_problems_measure(um_validation_problems *problems,
                                         const um_learner *learner, const um_grader *grader,
                                         const um_run_observer *observer, um_error *error) {
    measurement made = {0};
    um_status status = sample(problems, learner, grader, observer, &made, error);
    if (status == UM_OK) {
        report(problems, &made);
        status = show_samples(problems, &made, um_learner_step(learner), observer, error);
    }
    um_completions_free(made.completions, problems->tasks.count);
    free(made.requests);
    free(made.completions);
    free(made.judgements);
    return status;
}
