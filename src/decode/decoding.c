#include "decode/decoding.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* ---- Setting up ---------------------------------------------------------- */

static um_sampler make_sampler(const um_decoding *decoding) {
    const um_decode_options *options = &decoding->options;
    return (um_sampler){
        .kernels = &decoding->kernels,
        .rule = decoding->algorithm->sampling,
        .vocabulary_size = decoding->vocabulary_size,
        .temperature = options->temperature,
        .top_p = options->top_p,
        .top_k = options->top_k,
        .plain_confidence = options->plain_confidence,
        .suppress = options->suppress,
        .suppress_count = options->suppress_count,
        .suppress_also = options->forbid_mask ? decoding->canvas->mask_token : UM_NO_TOKEN_ID,
        .suppress_confidence = options->suppress_confidence,
        .suppress_confidence_count = options->suppress_confidence_count,
        .seed = options->seed,
        .sequence = options->sequence,
    };
}

static um_status collect_stops(um_decoding *decoding, um_error *error) {
    const um_decode_options *options = &decoding->options;
    UM_TRY(um_allocate(&decoding->stops, options->stop_token_count + 1, sizeof(int32_t),
                       "stop tokens", error));
    for (size_t i = 0; i < options->stop_token_count; i++) {
        decoding->stops[decoding->stop_count++] = options->stop_tokens[i];
    }
    if (options->stop_token != UM_NO_TOKEN_ID) {
        decoding->stops[decoding->stop_count++] = options->stop_token;
    }
    return UM_OK;
}

static um_status allocate(um_decoding *decoding, const um_denoiser *denoiser, um_error *error) {
    const size_t answer = decoding->canvas->answer_count;
    const size_t length = decoding->canvas->length;
    UM_TRY(um_allocate(&decoding->candidates, answer, sizeof(um_candidate), "candidates", error));
    UM_TRY(um_allocate(&decoding->actions, answer, 1, "commit actions", error));
    UM_TRY(um_allocate(&decoding->ranking, answer, sizeof(um_ranked), "ranking", error));
    UM_TRY(um_allocate(&decoding->wanted, answer, sizeof(size_t), "positions", error));
    UM_TRY(um_allocate(&decoding->rows, length, sizeof(size_t), "rows", error));
    if (um_decoding_is_guided(decoding)) {
        UM_TRY(um_allocate(&decoding->unconditional, length, sizeof(int32_t), "canvas", error));
    }
    if (decoding->algorithm->state_create) {
        UM_TRY(decoding->algorithm->state_create(&decoding->options, decoding->canvas,
                                                 decoding->vocabulary_size, &decoding->state,
                                                 error));
    }
    UM_TRY(um_cache_plan_create(&decoding->cache, denoiser, decoding->canvas, &decoding->options,
                                error));
    return collect_stops(decoding, error);
}

static um_status prepare(um_decoding *decoding, const um_denoiser *denoiser, um_error *error) {
    um_decode_options *options = &decoding->options;
    UM_TRY(um_algorithm_find(options->algorithm, &decoding->algorithm, error));
    UM_TRY(um_decode_options_resolve(options, decoding->canvas, denoiser->vocabulary_size, error));
    if (decoding->hooks->kernels) {
        decoding->kernels = *decoding->hooks->kernels;
    } else {
        UM_TRY(um_kernels_select(NULL, &decoding->kernels, error));
    }
    UM_TRY(allocate(decoding, denoiser, error));
    decoding->sampler = make_sampler(decoding);
    return UM_OK;
}

um_status um_decoding_create(const um_denoiser *denoiser, um_canvas *canvas,
                             const um_decode_options *options, const um_decode_hooks *hooks,
                             um_decoding **decoding, um_error *error) {
    static const um_decode_hooks no_hooks = {0};
    *decoding = NULL;
    um_decoding *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "decoding", sizeof *created);
    }
    created->canvas = canvas;
    created->options = *options;
    created->hooks = hooks ? hooks : &no_hooks;
    created->masked_at_start = canvas->masked_count;
    created->vocabulary_size = denoiser->vocabulary_size;
    created->result.reason = UM_TRACE_FAILED;
    const um_status status = prepare(created, denoiser, error);
    if (status != UM_OK) {
        um_decoding_free(created);
        return status;
    }
    *decoding = created;
    return UM_OK;
}

void um_decoding_free(um_decoding *decoding) {
    if (decoding) {
        free(decoding->candidates);
        free(decoding->actions);
        free(decoding->ranking);
        free(decoding->wanted);
        free(decoding->rows);
        free(decoding->stops);
        free(decoding->unconditional);
        free(decoding->first_positions);
        free(decoding->first_confidences);
        free(decoding->first_entropies);
        if (decoding->algorithm && decoding->algorithm->state_free) {
            decoding->algorithm->state_free(decoding->state);
        }
        um_cache_plan_free(&decoding->cache);
        free(decoding);
    }
}

/* An open-ended algorithm commits something in every step, unless the model chooses the mask. */
static size_t most_steps(const um_decoding *decoding) {
    return decoding->algorithm->open_ended ? decoding->masked_at_start : decoding->options.steps;
}

static um_status emit_header(const um_decoding *decoding, um_error *error) {
    const um_trace_sink *sink = decoding->hooks->sink;
    if (!sink || !sink->header) {
        return UM_OK;
    }
    um_buffer settings = {0};
    um_status status = um_decode_options_format(&decoding->options, &settings, error);
    const um_canvas *canvas = decoding->canvas;
    const um_trace_header header = {
        .model = decoding->hooks->model_name ? decoding->hooks->model_name : "",
        .algorithm = decoding->algorithm->name,
        .settings = um_buffer_text(&settings),
        .seed = decoding->options.seed,
        .sequence = decoding->options.sequence,
        .steps = most_steps(decoding),
        .vocabulary_size = decoding->vocabulary_size,
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

um_status um_decoding_start(um_decoding *decoding, um_error *error) {
    decoding->start_seconds = um_clock_seconds();
    return emit_header(decoding, error);
}

/* ---- Before a forward ------------------------------------------------------ */

static bool is_settled(const um_decoding *decoding) {
    return decoding->stop_count > 0 &&
           um_canvas_is_settled(decoding->canvas, decoding->stops, decoding->stop_count);
}

bool um_decoding_is_over(const um_decoding *decoding) {
    return decoding->next_step >= most_steps(decoding) || decoding->canvas->masked_count == 0 ||
           is_settled(decoding);
}

static void begin_step(um_decoding *decoding) {
    const um_canvas *canvas = decoding->canvas;
    const um_canvas_hole *last = &canvas->holes[canvas->hole_count - 1];
    decoding->step = (um_decode_step){
        .options = &decoding->options,
        .canvas = canvas,
        .kernels = &decoding->kernels,
        .vocabulary_size = decoding->vocabulary_size,
        .attention_block_length = decoding->cache.attention_block_length,
        .step = decoding->next_step++,
        .masked_at_start = decoding->masked_at_start,
        .state = decoding->state,
        .wanted = decoding->wanted,
        .block_start = canvas->holes[0].start,
        .block_end = last->start + last->length,
        .row_end = canvas->length,
        .candidates = decoding->candidates,
        .actions = decoding->actions,
        .ranking = decoding->ranking,
    };
    memset(decoding->actions, UM_ACTION_NONE, canvas->answer_count);
    decoding->result.steps = decoding->next_step;
}

um_status um_decoding_plan(um_decoding *decoding, bool *has_step, um_error *error) {
    const um_decode_hooks *hooks = decoding->hooks;
    *has_step = false;
    while (!*has_step && !um_decoding_is_over(decoding)) {
        begin_step(decoding);
        decoding->algorithm->plan(&decoding->step);
        *has_step = decoding->step.wanted_count > 0;
    }
    if (*has_step && hooks->is_cancelled && hooks->is_cancelled(hooks->cancel_user)) {
        decoding->result.steps = decoding->step.step; /* those before this one */
        return UM_RAISE(error, UM_ERR_CANCELLED, "cancelled before step %zu", decoding->step.step);
    }
    return UM_OK;
}

bool um_decoding_is_guided(const um_decoding *decoding) {
    return decoding->options.cfg_scale > 0;
}

/* An algorithm that shows no masks computes only the new rows. */
static const size_t *choose_rows(um_decoding *decoding, size_t *row_count) {
    const um_decode_step *step = &decoding->step;
    if (decoding->algorithm->shows_masks) {
        return um_cache_plan_rows(&decoding->cache, decoding->canvas, step->block_start,
                                  step->block_end, row_count);
    }
    *row_count = 0;
    for (size_t row = step->row_start; row < step->row_end; row++) {
        decoding->rows[(*row_count)++] = row;
    }
    return step->row_start > 0 ? decoding->rows : NULL;
}

void um_decoding_requests(um_decoding *decoding, um_denoiser_request *requests) {
    const um_decode_step *step = &decoding->step;
    const um_canvas *canvas = decoding->canvas;
    requests[0] = (um_denoiser_request){
        .tokens = canvas->tokens,
        .length = step->row_end,
        .wanted = step->wanted,
        .wanted_count = step->wanted_count,
    };
    requests[0].rows = choose_rows(decoding, &requests[0].row_count);
    if (um_decoding_is_guided(decoding)) {
        for (size_t p = 0; p < canvas->length; p++) {
            decoding->unconditional[p] =
                canvas->states[p] == UM_POSITION_FIXED ? canvas->mask_token : canvas->tokens[p];
        }
        requests[1] = requests[0];
        requests[1].tokens = decoding->unconditional;
    }
}

/* ---- After it --------------------------------------------------------------- */

void um_decoding_guide(const um_decoding *decoding, size_t count, const float *unconditional,
                       float *logits) {
    const float scale = (float)(decoding->options.cfg_scale + 1);
    for (size_t i = 0; i < count * decoding->vocabulary_size; i++) {
        logits[i] = unconditional[i] + scale * (logits[i] - unconditional[i]);
    }
}

void um_decoding_sample(um_decoding *decoding, size_t index, float *logits,
                        um_row_scratch *scratch) {
    if (decoding->algorithm->observe) {
        decoding->algorithm->observe(&decoding->step, index, logits);
    }
    um_candidate *candidate = &decoding->candidates[index];
    candidate->position = decoding->step.wanted[index];
    um_sample(&decoding->sampler, decoding->step.step, logits, scratch, candidate);
}

static um_status check_candidates(const um_decoding *decoding, um_error *error) {
    for (size_t i = 0; i < decoding->step.wanted_count; i++) {
        if (!decoding->candidates[i].is_finite) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "step %zu, position %zu: the model's logits are not finite after "
                            "division by the temperature; look for damaged weights with "
                            "`unmask inspect --scan`, or choose another temperature",
                            decoding->step.step, decoding->candidates[i].position);
        }
    }
    return UM_OK;
}

static float entropy_of(const um_candidate *candidate) {
    return candidate->negative_entropy < 0 ? -candidate->negative_entropy : 0;
}

/* Record what the first forward says about every position it was asked for. */
static um_status note_first_step(um_decoding *decoding, um_error *error) {
    const um_trace_sink *sink = decoding->hooks->sink;
    const size_t count = decoding->step.wanted_count;
    if (decoding->first_positions || !sink || !sink->end) {
        return UM_OK;
    }
    UM_TRY(um_allocate(&decoding->first_positions, count, sizeof(size_t), "first step", error));
    UM_TRY(um_allocate(&decoding->first_confidences, count, sizeof(float), "first step", error));
    UM_TRY(um_allocate(&decoding->first_entropies, count, sizeof(float), "first step", error));
    for (size_t i = 0; i < count; i++) {
        const um_candidate *candidate = &decoding->candidates[i];
        decoding->first_positions[i] = candidate->position;
        decoding->first_confidences[i] = candidate->probability;
        decoding->first_entropies[i] = entropy_of(candidate);
    }
    decoding->first_count = count;
    return UM_OK;
}

static um_status emit(um_decoding *decoding, um_trace_event_kind kind,
                      const um_candidate *candidate, um_error *error) {
    const um_trace_sink *sink = decoding->hooks->sink;
    if (!sink || !sink->event) {
        return UM_OK;
    }
    um_trace_event event = {
        .kind = kind, .step = decoding->step.step, .position = candidate->position};
    if (kind == UM_TRACE_COMMIT) {
        event.token = candidate->token;
        event.confidence = candidate->probability;
        event.entropy = entropy_of(candidate);
    }
    const um_status status = sink->event(sink->user, &event, error);
    decoding->sink_failed = status != UM_OK;
    return status;
}

/* A position for which the model chose the mask itself stays masked. */
static um_status apply(um_decoding *decoding, um_error *error) {
    um_canvas *canvas = decoding->canvas;
    for (size_t i = 0; i < decoding->step.wanted_count; i++) {
        const um_candidate *candidate = &decoding->candidates[i];
        const uint8_t action = decoding->actions[i];
        if (action == UM_ACTION_COMMIT && candidate->token != canvas->mask_token) {
            um_canvas_commit(canvas, candidate->position, candidate->token);
            um_cache_plan_change(&decoding->cache, candidate->position);
            UM_TRY(emit(decoding, UM_TRACE_COMMIT, candidate, error));
        } else if (action == UM_ACTION_REMASK) {
            um_canvas_remask(canvas, candidate->position);
            um_cache_plan_change(&decoding->cache, candidate->position);
            UM_TRY(emit(decoding, UM_TRACE_REMASK, candidate, error));
        }
    }
    return UM_OK;
}

um_status um_decoding_commit(um_decoding *decoding, const um_denoiser_request *requests,
                             um_error *error) {
    const size_t count = um_decoding_is_guided(decoding) ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        decoding->result.forwards++;
        decoding->result.rows += requests[i].computed_rows;
    }
    UM_TRY(check_candidates(decoding, error));
    UM_TRY(note_first_step(decoding, error));
    decoding->algorithm->commit(&decoding->step);
    return apply(decoding, error);
}

/* ---- The end ----------------------------------------------------------------- */

static um_trace_end_reason end_reason(const um_decoding *decoding, um_status status) {
    if (status != UM_OK) {
        return status == UM_ERR_CANCELLED ? UM_TRACE_CANCELLED : UM_TRACE_FAILED;
    }
    if (decoding->canvas->masked_count == 0) {
        return UM_TRACE_COMPLETE;
    }
    return is_settled(decoding) ? UM_TRACE_STOP_TOKEN : UM_TRACE_OUT_OF_STEPS;
}

um_status um_decoding_finish(um_decoding *decoding, um_status status, um_error *error) {
    const um_trace_sink *sink = decoding->hooks->sink;
    um_decode_result *result = &decoding->result;
    result->reason = end_reason(decoding, status);
    result->masked = decoding->canvas->masked_count;
    result->committed = decoding->canvas->answer_count - decoding->canvas->masked_count;
    result->seconds = um_clock_seconds() - decoding->start_seconds;
    if (!sink || !sink->end || decoding->sink_failed) {
        return status;
    }
    um_trace_end end = *result;
    end.first_step = (um_trace_first_step){decoding->first_count, decoding->first_positions,
                                           decoding->first_confidences, decoding->first_entropies};
    if (status != UM_OK) {
        um_error second = {0}; /* the first failure is the one to report */
        (void)sink->end(sink->user, &end, &second);
        return status;
    }
    return sink->end(sink->user, &end, error);
}
