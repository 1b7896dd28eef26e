#include "train/completions/completion_sampling.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/follower.h"
#include "base/memory.h"
#include "decode/batch.h"
#include "decode/transformer_denoiser.h"

/* One completion in the making. */
typedef struct sample {
    um_canvas canvas;
    um_decode_options options;
    um_decode_hooks hooks;
    um_trace_sink sink; /* writes the completion's steps */
    um_decode_job job;
    um_buffer text;
} sample;

typedef struct sampling_run {
    const um_completion_sampling *setup;
    const um_sample_request *requests;
    size_t count;
    um_completion *completions;
    um_transformer_denoiser *denoiser;
    um_decode_batch *batch;
    sample *samples;      /* [count] */
    um_attempt *attempts; /* [count] */
    um_judgement *judgements;
    size_t ready;         /* how many samples, from the first on, are complete */
    um_follower *grading; /* of the attempts */
} sampling_run;

/* Which values an algorithm accepts depends on the length of the answer, which differs for
 * infilling. */
static um_status check_task(const um_completion_tasks *tasks, size_t index,
                            const um_model_config *config, const um_decode_options *chosen,
                            um_error *error) {
    um_canvas canvas = {0};
    um_decode_options options = *chosen;
    UM_TRY(um_completion_tasks_canvas(tasks, index, &canvas, error));
    um_status status = um_decode_options_resolve(&options, &canvas, config->vocabulary_size, error);
    um_canvas_free(&canvas);
    return status == UM_OK
               ? UM_OK
               : um_error_prefix(error, status, "problem %s", tasks->tasks[index].problem->id);
}

um_status um_completion_options_check(const um_completion_tasks *tasks,
                                      const um_model_config *config,
                                      const um_decode_options *chosen, um_error *error) {
    const um_algorithm *algorithm = NULL;
    const bool is_causal = config->attention == UM_ATTENTION_CAUSAL;
    UM_TRY(um_algorithm_find(chosen->algorithm, &algorithm, error));
    if (algorithm->shows_masks == is_causal) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        is_causal
                            ? "algorithm %s fills masks, which a causal model does not see; "
                              "leave it out"
                            : "algorithm %s needs a causal model; choose one that fills masks",
                        chosen->algorithm);
    }
    for (size_t i = 0; i < tasks->count; i++) {
        UM_TRY(check_task(tasks, i, config, chosen, error));
    }
    return UM_OK;
}

void um_completions_free(um_completion *completions, size_t count) {
    for (size_t i = 0; completions && i < count; i++) {
        free(completions[i].tokens);
        completions[i].tokens = NULL;
        completions[i].steps = NULL;
    }
}

static void set_options(const um_completion_sampling *setup, uint32_t number,
                        um_decode_options *options) {
    const um_algorithm *algorithm = NULL;
    *options = setup->options;
    options->seed = setup->seed;
    options->sequence = number;
    if (setup->early_stop && um_algorithm_find(options->algorithm, &algorithm, NULL) == UM_OK &&
        (algorithm->options & UM_OPTION_BIT(UM_OPTION_STOP_TOKEN)) != 0) {
        options->stop_tokens = setup->tasks->end_tokens.ids;
        options->stop_token_count = setup->tasks->end_tokens.length;
    }
}

/* Note the step of a commit; a commit that is taken back does not count. */
static um_status note_step(void *user, const um_trace_event *event, um_error *error) {
    (void)error;
    const um_completion *completion = user;
    completion->steps[event->position] =
        event->kind == UM_TRACE_COMMIT ? (int32_t)event->step : UM_NOT_SAMPLED;
    return UM_OK;
}

static um_status queue_sample(sampling_run *run, size_t index, um_error *error) {
    sample *made = &run->samples[index];
    const um_sample_request *request = &run->requests[index];
    UM_TRY(um_completion_tasks_canvas(run->setup->tasks, request->problem, &made->canvas, error));
    UM_TRY(um_completion_lay_out(run->setup->tasks, request->problem, &run->completions[index],
                                 error));
    made->sink = (um_trace_sink){.user = &run->completions[index], .event = note_step};
    set_options(run->setup, request->sample, &made->options);
    made->hooks = (um_decode_hooks){.sink = &made->sink, .kernels = &run->setup->compute->kernels};
    return um_decode_batch_add(run->batch, &made->canvas, &made->options, &made->hooks, &made->job,
                               error);
}

static um_status start(sampling_run *run, um_error *error) {
    const um_completion_sampling *setup = run->setup;
    UM_TRY(um_allocate(&run->samples, run->count, sizeof *run->samples, "rollouts", error));
    UM_TRY(um_allocate(&run->attempts, run->count, sizeof *run->attempts, "rollouts", error));
    UM_TRY(
        um_transformer_denoiser_create(setup->transformer, setup->compute, &run->denoiser, error));
    const um_denoiser denoiser = um_transformer_denoiser_interface(run->denoiser);
    const um_decode_batch_setup batch = {.pool = setup->compute->pool,
                                         .live_maximum = setup->live_maximum};
    UM_TRY(um_decode_batch_create(&denoiser, &batch, &run->batch, error));
    for (size_t i = 0; i < run->count; i++) {
        UM_TRY(queue_sample(run, i, error));
    }
    return UM_OK;
}

/* Take over a finished job, and make an attempt of it. */
static um_status collect(sampling_run *run, size_t index, um_error *error) {
    const um_completion_sampling *setup = run->setup;
    sample *made = &run->samples[index];
    const size_t problem = run->requests[index].problem;
    if (made->job.status != UM_OK) {
        return UM_RAISE(error, made->job.status, "problem %s: %s",
                        setup->tasks->tasks[problem].problem->id, made->job.error.message);
    }
    um_completion *completion = &run->completions[index];
    um_completion_take(setup->tasks, &made->canvas, setup->extent, completion);
    um_canvas_free(&made->canvas);
    UM_TRY(um_completion_text(setup->tasks, completion, &made->text, error));
    run->attempts[index] = (um_attempt){.problem = setup->tasks->tasks[problem].problem,
                                        .completion = um_buffer_text(&made->text),
                                        .length = made->text.length};
    return UM_OK;
}

/* Attempts are announced in their order, so those after a late one wait for it. */
static um_status collect_finished(sampling_run *run, um_error *error) {
    const size_t before = run->ready;
    while (run->ready < run->count && run->samples[run->ready].job.is_finished) {
        UM_TRY(collect(run, run->ready, error));
        run->ready++;
    }
    return run->ready > before ? um_follower_announce(run->grading, run->ready, error) : UM_OK;
}

static um_status decode(sampling_run *run, um_error *error) {
    const um_run_observer *observer = run->setup->observer;
    size_t unfinished = run->count;
    while (unfinished > 0) {
        if (observer->should_stop && observer->should_stop(observer->user)) {
            return UM_RAISE(error, UM_ERR_CANCELLED, "asked to stop");
        }
        unfinished = um_decode_batch_step(run->batch);
        UM_TRY(collect_finished(run, error));
        um_run_observer_tell(observer, "rollout", run->count - unfinished, run->count);
    }
    return UM_OK;
}

static void release(sampling_run *run) {
    um_follower_free(run->grading); /* before the attempts, which it may be at work on */
    um_decode_batch_free(run->batch);
    um_transformer_denoiser_free(run->denoiser);
    for (size_t i = 0; run->samples && i < run->count; i++) {
        um_canvas_free(&run->samples[i].canvas);
        um_buffer_free(&run->samples[i].text);
    }
    free(run->samples);
    free(run->attempts);
}

static um_status grade(void *user, size_t first, size_t count, const um_watch *watch,
                       um_error *error) {
    const sampling_run *run = user;
    const um_grader *grader = run->setup->grader;
    return grader->grade(grader->user, run->attempts + first, count, run->judgements + first, watch,
                         error);
}

static um_status sample_and_grade(sampling_run *run, um_sampling_times *times, um_error *error) {
    const um_follower_setup grading = {.work = grade, .user = run, .name = "rewards"};
    const double begin = um_clock_seconds();
    UM_TRY(start(run, error));
    UM_TRY(um_follower_start(&grading, &run->grading, error));
    UM_TRY(decode(run, error));
    const double middle = um_clock_seconds();
    um_run_observer_tell(run->setup->observer, "rewards", 0, 0);
    UM_TRY(um_follower_wait(run->grading, NULL, error));
    times->sampling = middle - begin;
    times->waiting = um_clock_seconds() - middle;
    times->grading = um_follower_seconds(run->grading);
    return UM_OK;
}

um_status um_sample_completions(const um_completion_sampling *sampling,
                                const um_sample_request *requests, size_t count,
                                um_completion *completions, um_judgement *judgements,
                                um_sampling_times *times, um_error *error) {
    sampling_run run = {.setup = sampling,
                        .requests = requests,
                        .count = count,
                        .completions = completions,
                        .judgements = judgements};
    *times = (um_sampling_times){0};
    const um_status status = sample_and_grade(&run, times, error);
    release(&run);
    return status;
}
