#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

typedef struct decode_run {
    const um_denoiser *denoiser;
    const um_decode_hooks *hooks;
    const um_algorithm *algorithm;
    um_canvas *canvas;
    um_decode_options options; /* resolved */
    um_sampler sampler;
    um_decode_step step;
    /* [answer_count] each, and [length] for the last two */
    um_candidate *candidates;
    uint8_t *actions;
    um_ranked *ranking;
    size_t *wanted;
    size_t *rows;
    int32_t *unconditional; /* the canvas with fixed tokens masked; only with guidance */
    float *logits;          /* [logit_rows][vocabulary_size] */
    float *unconditional_logits;
    size_t logit_rows;
    double *weights; /* [workers][vocabulary_size] */
    int32_t *stops;  /* [stop_count]: all that end an answer */
    size_t stop_count;
    um_decode_result result;
} decode_run;

/* ---- Setting up ---------------------------------------------------------- */

static um_sampler make_sampler(const decode_run *run) {
    const um_decode_options *options = &run->options;
    return (um_sampler){
        .rule = run->algorithm->sampling,
        .vocabulary_size = run->denoiser->vocabulary_size,
        .temperature = options->temperature,
        .top_p = options->top_p,
        .top_k = options->top_k,
        .suppress = options->suppress,
        .suppress_count = options->suppress_count,
        .suppress_also = options->forbid_mask ? run->canvas->mask_token : UM_NO_TOKEN_ID,
        .suppress_confidence = options->suppress_confidence,
        .suppress_confidence_count = options->suppress_confidence_count,
        .seed = options->seed,
        .sequence = options->sequence,
    };
}

static um_status collect_stops(decode_run *run, um_error *error) {
    const um_decode_options *options = &run->options;
    UM_TRY(um_allocate(&run->stops, options->stop_token_count + 1, sizeof(int32_t), "stop tokens",
                       error));
    for (size_t i = 0; i < options->stop_token_count; i++) {
        run->stops[run->stop_count++] = options->stop_tokens[i];
    }
    if (options->stop_token != UM_NO_TOKEN_ID) {
        run->stops[run->stop_count++] = options->stop_token;
    }
    return UM_OK;
}

static um_status allocate_run(decode_run *run, um_error *error) {
    const size_t answer = run->canvas->answer_count;
    const size_t length = run->canvas->length;
    const size_t workers = um_thread_pool_size(run->hooks->pool);
    size_t weights = 0;
    if (!um_size_multiply(workers, run->denoiser->vocabulary_size, &weights)) {
        return um_error_memory(error, "sampling", SIZE_MAX);
    }
    UM_TRY(um_allocate(&run->candidates, answer, sizeof(um_candidate), "candidates", error));
    UM_TRY(um_allocate(&run->actions, answer, 1, "commit actions", error));
    UM_TRY(um_allocate(&run->ranking, answer, sizeof(um_ranked), "ranking", error));
    UM_TRY(um_allocate(&run->wanted, answer, sizeof(size_t), "positions", error));
    UM_TRY(um_allocate(&run->rows, length, sizeof(size_t), "rows", error));
    UM_TRY(um_allocate(&run->weights, weights, sizeof(double), "sampling", error));
    if (run->options.cfg_scale > 0) {
        UM_TRY(um_allocate(&run->unconditional, length, sizeof(int32_t), "canvas", error));
    }
    return collect_stops(run, error);
}

static void free_run(decode_run *run) {
    free(run->candidates);
    free(run->actions);
    free(run->ranking);
    free(run->wanted);
    free(run->rows);
    free(run->weights);
    free(run->stops);
    free(run->unconditional);
    free(run->logits);
    free(run->unconditional_logits);
}

static um_status allocate_logits(float **logits, size_t rows, size_t vocabulary_size,
                                 um_error *error) {
    size_t count = 0;
    if (!um_size_multiply(rows, vocabulary_size, &count)) {
        return um_error_memory(error, "logits", SIZE_MAX);
    }
    free(*logits);
    *logits = NULL;
    return um_allocate(logits, count, sizeof(float), "logits", error);
}

/* The first step usually wants most rows, so this rarely allocates twice. */
static um_status ensure_logits(decode_run *run, um_error *error) {
    const size_t rows = run->step.wanted_count;
    if (rows <= run->logit_rows) {
        return UM_OK;
    }
    const size_t vocabulary_size = run->denoiser->vocabulary_size;
    run->logit_rows = 0;
    UM_TRY(allocate_logits(&run->logits, rows, vocabulary_size, error));
    if (run->options.cfg_scale > 0) {
        UM_TRY(allocate_logits(&run->unconditional_logits, rows, vocabulary_size, error));
    }
    run->logit_rows = rows;
    return UM_OK;
}

/* ---- One step ------------------------------------------------------------ */

static um_status call_denoiser(decode_run *run, const int32_t *tokens, float *logits,
                               um_error *error) {
    const um_decode_step *step = &run->step;
    um_denoiser_request request = {
        .tokens = tokens,
        .length = step->row_end,
        .wanted = step->wanted,
        .wanted_count = step->wanted_count,
    };
    if (step->row_start > 0) {
        for (size_t row = step->row_start; row < step->row_end; row++) {
            run->rows[request.row_count++] = row;
        }
        request.rows = run->rows;
    }
    run->result.forwards++;
    return run->denoiser->logits(run->denoiser->user, &request, logits, error);
}

/* logits = unconditional + (scale + 1) * (logits - unconditional), where the unconditional
 * forward sees the fixed tokens masked (LLaDA, section A.4). */
static um_status guide(decode_run *run, um_error *error) {
    const um_canvas *canvas = run->canvas;
    for (size_t p = 0; p < canvas->length; p++) {
        run->unconditional[p] =
            canvas->states[p] == UM_POSITION_FIXED ? canvas->mask_token : canvas->tokens[p];
    }
    UM_TRY(call_denoiser(run, run->unconditional, run->unconditional_logits, error));
    const float scale = (float)(run->options.cfg_scale + 1);
    const size_t count = run->step.wanted_count * run->denoiser->vocabulary_size;
    for (size_t i = 0; i < count; i++) {
        const float base = run->unconditional_logits[i];
        run->logits[i] = base + scale * (run->logits[i] - base);
    }
    return UM_OK;
}

static void sample_task(void *user, size_t task, size_t worker) {
    decode_run *run = user;
    const size_t vocabulary_size = run->denoiser->vocabulary_size;
    run->candidates[task].position = run->step.wanted[task];
    um_sample(&run->sampler, run->step.step, run->logits + task * vocabulary_size,
              run->weights + worker * vocabulary_size, &run->candidates[task]);
}

static um_status sample(decode_run *run, um_error *error) {
    const double start = um_clock_seconds();
    um_thread_pool_run(run->hooks->pool, run->step.wanted_count, sample_task, run);
    run->result.sampling_seconds += um_clock_seconds() - start;
    for (size_t i = 0; i < run->step.wanted_count; i++) {
        if (!run->candidates[i].is_finite) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "step %zu, position %zu: the model's logits are not finite after "
                            "division by the temperature; look for damaged weights with "
                            "`unmask inspect --scan`, or choose another temperature",
                            run->step.step, run->candidates[i].position);
        }
    }
    return UM_OK;
}

static um_status emit(const decode_run *run, um_trace_event_kind kind,
                      const um_candidate *candidate, um_error *error) {
    const um_trace_sink *sink = run->hooks->sink;
    if (!sink || !sink->event) {
        return UM_OK;
    }
    um_trace_event event = {.kind = kind, .step = run->step.step, .position = candidate->position};
    if (kind == UM_TRACE_COMMIT) {
        event.token = candidate->token;
        event.confidence = candidate->probability;
        event.entropy = candidate->negative_entropy < 0 ? -candidate->negative_entropy : 0;
    }
    return sink->event(sink->user, &event, error);
}

/* A position for which the model chose the mask itself stays masked. */
static um_status apply(decode_run *run, um_error *error) {
    um_canvas *canvas = run->canvas;
    for (size_t i = 0; i < run->step.wanted_count; i++) {
        const um_candidate *candidate = &run->candidates[i];
        if (run->actions[i] == UM_ACTION_COMMIT && candidate->token != canvas->mask_token) {
            um_canvas_commit(canvas, candidate->position, candidate->token);
            UM_TRY(emit(run, UM_TRACE_COMMIT, candidate, error));
        } else if (run->actions[i] == UM_ACTION_REMASK) {
            um_canvas_remask(canvas, candidate->position);
            UM_TRY(emit(run, UM_TRACE_REMASK, candidate, error));
        }
    }
    return UM_OK;
}

static void begin_step(decode_run *run, size_t number) {
    run->step = (um_decode_step){
        .options = &run->options,
        .canvas = run->canvas,
        .step = number,
        .wanted = run->wanted,
        .row_end = run->canvas->length,
        .candidates = run->candidates,
        .actions = run->actions,
        .ranking = run->ranking,
    };
    memset(run->actions, UM_ACTION_NONE, run->canvas->answer_count);
}

static um_status take_step(decode_run *run, size_t number, um_error *error) {
    begin_step(run, number);
    run->algorithm->plan(&run->step);
    run->result.steps = number + 1;
    if (run->step.wanted_count == 0) {
        return UM_OK;
    }
    if (run->hooks->is_cancelled && run->hooks->is_cancelled(run->hooks->cancel_user)) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "cancelled before step %zu", number);
    }
    UM_TRY(ensure_logits(run, error));
    UM_TRY(call_denoiser(run, run->canvas->tokens, run->logits, error));
    if (run->options.cfg_scale > 0) {
        UM_TRY(guide(run, error));
    }
    UM_TRY(sample(run, error));
    run->algorithm->commit(&run->step);
    return apply(run, error);
}

/* ---- The whole run ------------------------------------------------------- */

static bool is_settled(const decode_run *run) {
    return run->stop_count > 0 && um_canvas_is_settled(run->canvas, run->stops, run->stop_count);
}

static um_status take_steps(decode_run *run, um_error *error) {
    for (size_t number = 0; number < run->options.steps; number++) {
        if (run->canvas->masked_count == 0 || is_settled(run)) {
            break;
        }
        UM_TRY(take_step(run, number, error));
    }
    return UM_OK;
}

static um_status emit_header(const decode_run *run, um_error *error) {
    const um_trace_sink *sink = run->hooks->sink;
    if (!sink || !sink->header) {
        return UM_OK;
    }
    um_buffer settings = {0};
    um_status status = um_decode_options_format(&run->options, &settings, error);
    const um_canvas *canvas = run->canvas;
    const um_trace_header header = {
        .model = run->hooks->model_name ? run->hooks->model_name : "",
        .algorithm = run->algorithm->name,
        .settings = um_buffer_text(&settings),
        .seed = run->options.seed,
        .sequence = run->options.sequence,
        .steps = run->options.steps,
        .vocabulary_size = run->denoiser->vocabulary_size,
        .mask_token = canvas->mask_token,
        .length = canvas->length,
        .tokens = canvas->tokens,
        .holes = canvas->holes,
        .hole_count = canvas->hole_count,
    };
    if (status == UM_OK) {
        status = sink->header(sink->user, &header, error);
    }
    um_buffer_free(&settings);
    return status;
}

static um_trace_end_reason end_reason(const decode_run *run, um_status status) {
    if (status != UM_OK) {
        return status == UM_ERR_CANCELLED ? UM_TRACE_CANCELLED : UM_TRACE_FAILED;
    }
    if (run->canvas->masked_count == 0) {
        return UM_TRACE_COMPLETE;
    }
    return is_settled(run) ? UM_TRACE_STOP_TOKEN : UM_TRACE_OUT_OF_STEPS;
}

/* The end record is written after a failure too, and never hides it. */
static um_status emit_end(const decode_run *run, um_status status, um_error *error) {
    const um_trace_sink *sink = run->hooks->sink;
    if (!sink || !sink->end) {
        return status;
    }
    if (status != UM_OK) {
        (void)sink->end(sink->user, &run->result, NULL);
        return status;
    }
    return sink->end(sink->user, &run->result, error);
}

static um_status execute(decode_run *run, um_error *error) {
    const double start = um_clock_seconds();
    UM_TRY(allocate_run(run, error));
    run->sampler = make_sampler(run);
    UM_TRY(emit_header(run, error));
    const um_status status = take_steps(run, error);
    run->result.reason = end_reason(run, status);
    run->result.masked = run->canvas->masked_count;
    run->result.committed = run->canvas->answer_count - run->canvas->masked_count;
    run->result.seconds = um_clock_seconds() - start;
    return emit_end(run, status, error);
}

um_status um_decode_run(const um_denoiser *denoiser, um_canvas *canvas,
                        const um_decode_options *options, const um_decode_hooks *hooks,
                        um_decode_result *result, um_error *error) {
    static const um_decode_hooks no_hooks = {0};
    decode_run run = {
        .denoiser = denoiser,
        .hooks = hooks ? hooks : &no_hooks,
        .canvas = canvas,
        .options = *options,
        .result = {.reason = UM_TRACE_FAILED},
    };
    UM_TRY(um_algorithm_find(options->algorithm, &run.algorithm, error));
    UM_TRY(um_decode_options_resolve(&run.options, canvas, denoiser->vocabulary_size, error));
    const um_status status = execute(&run, error);
    if (result) {
        *result = run.result;
    }
    free_run(&run);
    return status;
}
