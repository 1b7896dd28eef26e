/* Whole runs: a prompt is completed again and again, as `unmask generate` would. */
#include <string.h>

#include "base/clock.h"
#include "cli/bench/bench.h"
#include "cli/machine.h"
#include "cli/request/request_tokens.h"

typedef struct run_state {
    const um_bench_report *report;
    um_bench_run *run;
    um_bench_progress *progress;
    double start;     /* of this repetition */
    size_t asked;     /* forwards begun in it */
    size_t forwards;  /* of a repetition, at most */
    size_t length;    /* of the canvas */
    double completed; /* seconds of the repetition before it; 0 for the first */
} run_state;

um_status um_bench_answer_length(const um_bench_settings *settings, const um_model *model,
                                 size_t *length, um_error *error) {
    um_model_info info;
    um_model_get_info(model, &info);
    int32_t *tokens = NULL;
    size_t count = 0;
    UM_TRY(um_tokenize(model, settings->prompt, strlen(settings->prompt), false, &tokens, &count,
                       error));
    um_free(tokens);
    const um_answer_wish wish = {.given = settings->length,
                                 .short_usual = UM_BENCH_LENGTH,
                                 .long_usual = UM_BENCH_LENGTH,
                                 .advice = settings->length > 0
                                               ? "give a smaller --length"
                                               : "give a shorter one with --prompt"};
    return um_cli_answer_length(&info, count, &wish, length, error);
}

static void on_start(void *user, const um_start_event *start) {
    run_state *state = user;
    state->forwards = start->steps;
    state->length = start->length;
}

/* Called before each forward. */
static bool is_cancelled(void *user) {
    run_state *state = user;
    const double elapsed = um_clock_seconds() - state->start;
    double all = state->completed;
    if (all <= 0 && state->asked > 0) {
        all = elapsed / (double)state->asked * (double)state->forwards;
    }
    if (state->asked > 0) {
        const double rows = (double)state->asked * (double)state->length;
        state->progress->later = um_bench_forward_seconds(state->report, elapsed / rows);
    }
    const um_repetitions *repetitions = &state->run->repetitions;
    const size_t after = repetitions->wanted > repetitions->count + 1
                             ? repetitions->wanted - repetitions->count - 1
                             : 0;
    const double rest = elapsed < all ? all - elapsed : 0;
    um_bench_progress_show(state->progress, "whole run", all > 0 ? rest + (double)after * all : -1);
    state->asked++;
    return um_cli_interrupted();
}

static void note(um_bench_run *run, const um_result *result) {
    run->algorithm = result->algorithm;
    run->prompt_tokens = result->prompt_tokens;
    run->forwards = result->forwards;
    run->answer_tokens = result->answer_tokens;
}

static um_status repeat(um_session *session, const um_request *request, run_state *state,
                        um_error *error) {
    const um_callbacks callbacks = {.user = state, .start = on_start, .is_cancelled = is_cancelled};
    um_result result = {0};
    um_repetition repetition = {0};
    state->asked = 0;
    state->start = um_clock_seconds();
    const um_machine_watch watch = um_machine_watch_start();
    um_status status = um_generate(session, request, &callbacks, &result, error);
    repetition.others = um_machine_watch_stop(&watch, &repetition.seconds);
    repetition.values[UM_RUN_SECONDS] = result.seconds;
    repetition.values[UM_RUN_FORWARD] = result.forward_seconds;
    repetition.values[UM_RUN_PROJECTION] = result.projection_seconds;
    repetition.values[UM_RUN_SAMPLING] = result.sampling_seconds;
    if (status == UM_OK) {
        state->completed = repetition.seconds;
        note(state->run, &result);
        status = um_repetitions_add(&state->run->repetitions, &repetition, error);
    }
    um_result_clear(&result);
    return status;
}

static um_status repeat_all(um_bench_report *report, um_session *session,
                            um_bench_progress *progress, um_error *error) {
    const um_bench_settings *settings = report->settings;
    um_bench_run *run = &report->run;
    run->repetitions = um_bench_repetitions(settings);
    UM_TRY(um_bench_answer_length(settings, report->model, &run->length, error));
    const um_part parts[] = {
        {.kind = UM_PART_TEXT, .text = settings->prompt, .length = strlen(settings->prompt)},
        {.kind = UM_PART_HOLE, .length = run->length}};
    const um_request request = {.parts = parts, .part_count = 2, .options = settings->options};
    run_state state = {.report = report, .run = run, .progress = progress};
    while (um_repetitions_want_more(&run->repetitions)) {
        UM_TRY(repeat(session, &request, &state, error));
    }
    return UM_OK;
}

um_status um_bench_measure_run(um_bench_report *report, um_threads *threads,
                               um_bench_progress *progress, um_error *error) {
    um_session *session = NULL;
    UM_TRY(um_session_create(report->model, threads, &session, error));
    const um_status status = repeat_all(report, session, progress, error);
    report->run.peak_memory = um_machine_peak_memory();
    um_session_free(session);
    return status;
}
