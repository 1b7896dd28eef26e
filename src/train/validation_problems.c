/* Validation of coupled-GRPO: one completion of each validation problem, judged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/completion_sharing.h"
#include "train/coupled_grpo.h"

#define SHOWN_SAMPLES 6
#define LEVELS 10 /* 0 to 9; others are not told apart */

typedef struct validation_samples {
    um_sample_request *requests;
    um_completion *completions;
    um_judgement *judgements;
} validation_samples;

static um_status sample(const um_coupled_grpo *run, const um_stop_request *stop,
                        validation_samples *samples, um_sampling_times *times, um_error *error) {
    const size_t count = run->validation.count;
    UM_TRY(um_allocate(&samples->requests, count, sizeof *samples->requests, "validation", error));
    UM_TRY(um_allocate(&samples->completions, count, sizeof *samples->completions, "validation",
                       error));
    UM_TRY(
        um_allocate(&samples->judgements, count, sizeof *samples->judgements, "validation", error));
    for (size_t i = 0; i < count; i++) { /* the same draws each time, none of them the rollouts' */
        samples->requests[i] =
            (um_sample_request){.problem = i, .sample = UINT32_MAX - (uint32_t)i};
    }
    const um_completion_sampling sampling = um_coupled_grpo_sampling(run, true, stop);
    return um_sample_completions_among(run->learner->collective, &sampling, samples->requests,
                                       count, 1, samples->completions, samples->judgements, times,
                                       error);
}

static void report_levels(um_coupled_grpo *run, const um_judgement *judgements) {
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
    for (size_t i = 0; i < run->validation.count; i++) {
        const int64_t level = um_problem_set_at(run->validation.problems, i)->level;
        if (level > 0 && level < LEVELS) {
            tried[level]++;
            passed[level] += judgements[i].verdict == UM_VERDICT_PASSED;
        }
    }
    for (size_t i = 1; i < LEVELS; i++) {
        if (tried[i] > 0) {
            um_coupled_grpo_metric(run, names[i], (double)passed[i] / (double)tried[i]);
        }
    }
}

static void report_validation(um_coupled_grpo *run, const validation_samples *samples,
                              const um_sampling_times *times, um_validation_report *report) {
    const um_grpo_options *options = &run->recipe->grpo;
    const double share = 1.0 / (double)run->validation.count;
    double reward = 0;
    double ended = 0;
    double length = 0;
    for (size_t i = 0; i < run->validation.count; i++) {
        const um_judgement *judgement = &samples->judgements[i];
        report->accuracy += judgement->verdict == UM_VERDICT_PASSED ? share : 0;
        reward += share * (options->code_weight * judgement->code +
                           options->format_weight * judgement->format);
        ended += samples->completions[i].ended ? share : 0;
        length += share * (double)samples->completions[i].counted;
        report->predicted_tokens += samples->completions[i].answer_length;
    }
    run->metric_count = 0;
    um_coupled_grpo_metric(run, "pass_rate", report->accuracy);
    um_coupled_grpo_metric(run, "reward", reward);
    um_coupled_grpo_metric(run, "ended", ended);
    um_coupled_grpo_metric(run, "completion_length", length);
    um_coupled_grpo_metric(run, "rollout_seconds", times->sampling);
    um_coupled_grpo_metric(run, "reward_seconds", times->grading);
    report_levels(run, samples->judgements);
    report->loss = NAN; /* there are no targets */
    report->token_loss = NAN;
    report->metrics = run->metrics;
    report->metric_count = run->metric_count;
}

static um_status show_sample(const um_coupled_grpo *run, const validation_samples *samples,
                             size_t index, const um_stop_request *stop, um_buffer *text,
                             um_error *error) {
    const um_grpo_options *options = &run->recipe->grpo;
    const um_problem *problem = um_problem_set_at(run->validation.problems, index);
    const um_judgement *judgement = &samples->judgements[index];
    um_buffer_clear(text);
    UM_TRY(um_completion_text(&run->validation, &samples->completions[index], text, error));
    const um_sample_report sample = {
        .prompt = problem->prompt,
        .prompt_length = strlen(problem->prompt),
        .completion = um_buffer_text(text),
        .completion_length = text->length,
        .suffix = *problem->suffix ? problem->suffix : NULL,
        .suffix_length = strlen(problem->suffix),
        .task_id = problem->id,
        .verdict = um_verdict_name(judgement->verdict),
        .reward =
            options->code_weight * judgement->code + options->format_weight * judgement->format,
    };
    stop->sample(stop->user, um_learner_step(run->learner), &sample);
    return UM_OK;
}

/* A few, spread over the problems, which may be in the order of their levels. */
static um_status show_samples(const um_coupled_grpo *run, const validation_samples *samples,
                              const um_stop_request *stop, um_error *error) {
    const size_t count = run->validation.count;
    const size_t shown = um_size_smaller(count, SHOWN_SAMPLES);
    um_buffer text = {0};
    um_status status = UM_OK;
    for (size_t i = 0; stop->sample && i < shown && status == UM_OK; i++) {
        status = show_sample(run, samples, i * count / shown, stop, &text, error);
    }
    um_buffer_free(&text);
    return status;
}

um_status um_coupled_grpo_validate(void *state, const um_stop_request *stop, bool *has_data,
                                   um_validation_report *report, um_error *error) {
    um_coupled_grpo *run = state;
    *has_data = run->validation.count > 0;
    if (!*has_data) {
        return UM_OK;
    }
    validation_samples samples = {0};
    um_sampling_times times = {0};
    um_status status = sample(run, stop, &samples, &times, error);
    if (status == UM_OK) {
        report_validation(run, &samples, &times, report);
        status = show_samples(run, &samples, stop, error);
    }
    um_completions_free(samples.completions, run->validation.count);
    free(samples.requests);
    free(samples.completions);
    free(samples.judgements);
    return status;
}
