/* A request becomes a canvas, decoding fills it, its holes become answers. */
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "base/memory.h"

/* One call of um_generate. */
typedef struct generation {
    const um_session *session;
    const um_model *model;
    const um_request *request;
    const um_callbacks *callbacks;
    um_result *result;
    um_options options; /* a copy that borrows the lists of the caller's */
    const um_algorithm *algorithm;
    um_token_list end_tokens;    /* those of the model, then the caller's */
    um_token_list *fixed;        /* [segment_count]: the tokens of each fixed segment */
    um_canvas_segment *segments; /* the messages, then the parts */
    size_t segment_count;
    um_canvas canvas;
    um_trace_writer writer;
    um_trace_sink trace; /* writes to `writer`, only with a trace callback */
} generation;

/* ---- Options ---------------------------------------------------------------- */

static um_status check_algorithm(const generation *run, um_error *error) {
    const um_model_config *config = &run->model->config;
    const bool causal = config->attention == UM_ATTENTION_CAUSAL;
    if (!run->algorithm->shows_masks && !causal) {
        return UM_RAISE(
            error, UM_ERR_MISMATCH, "algorithm %s needs a causal model; the attention of %s is %s",
            run->algorithm->name, run->model->name, um_attention_name(config->attention));
    }
    if (run->algorithm->shows_masks && config->mask_token < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "algorithm %s needs a mask token, which %s does not have; use the "
                        "algorithm autoregressive, or open the model with a mask token",
                        run->algorithm->name, run->model->name);
    }
    return UM_OK;
}

/* The caller's own one is only one more here, so that it cuts the answers of every algorithm. */
static um_status collect_end_tokens(generation *run, um_error *error) {
    const um_token_list *known = &run->model->end_tokens;
    if (run->options.end_tokens) {
        UM_TRY(um_token_list_append_all(&run->end_tokens, known->ids, known->length, error));
    }
    um_decode_options *decode = &run->options.decode;
    if (!um_decode_options_is_given(decode, UM_OPTION_STOP_TOKEN)) {
        return UM_OK;
    }
    const int32_t own = decode->stop_token;
    if ((size_t)own >= run->model->config.vocabulary_size) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "stop_token: id %ld is outside the vocabulary of %zu", (long)own,
                        run->model->config.vocabulary_size);
    }
    decode->stop_token = UM_NO_TOKEN_ID;
    decode->given &= ~UM_OPTION_BIT(UM_OPTION_STOP_TOKEN);
    return um_token_list_append(&run->end_tokens, own, error);
}

/* Algorithms that take commits back cannot stop early. */
static um_status choose_early_stop(generation *run, um_error *error) {
    const bool can = (run->algorithm->options & UM_OPTION_BIT(UM_OPTION_STOP_TOKEN)) != 0;
    um_options *options = &run->options;
    if (options->has_early_stop && options->early_stop && !can) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "early_stop means nothing to the algorithm %s; leave it out",
                        run->algorithm->name);
    }
    if (can && options->early_stop) {
        options->decode.stop_tokens = run->end_tokens.ids;
        options->decode.stop_token_count = run->end_tokens.length;
    }
    return UM_OK;
}

static um_status prepare_options(generation *run, um_error *error) {
    run->options = run->request->options ? *run->request->options : um_options_default();
    um_decode_options *decode = &run->options.decode;
    if (!run->options.has_algorithm && run->model->config.attention == UM_ATTENTION_CAUSAL) {
        decode->algorithm = um_algorithm_autoregressive.name;
    }
    decode->sequence = run->request->sample;
    UM_TRY(um_algorithm_find(decode->algorithm, &run->algorithm, error));
    UM_TRY(check_algorithm(run, error));
    UM_TRY(collect_end_tokens(run, error));
    return choose_early_stop(run, error);
}

/* ---- The canvas ------------------------------------------------------------- */

static void lay_fixed(generation *run, const um_token_list *tokens) {
    run->segments[run->segment_count++] =
        (um_canvas_segment){.length = tokens->length, .tokens = tokens->ids};
}

static um_status lay_part(generation *run, const um_part *part, um_error *error) {
    um_token_list *tokens = &run->fixed[run->segment_count];
    switch (part->kind) {
        case UM_PART_HOLE:
            run->segments[run->segment_count++] =
                (um_canvas_segment){.is_hole = true, .length = part->length};
            return UM_OK;
        case UM_PART_TEXT:
            UM_TRY(um_tokenizer_encode(run->model->tokenizer, part->text, part->length,
                                       part->special, tokens, error));
            break;
        case UM_PART_TOKENS:
            UM_TRY(um_token_list_append_all(tokens, part->tokens, part->length, error));
            break;
    }
    lay_fixed(run, tokens);
    return UM_OK;
}

static um_status lay_segments(generation *run, um_error *error) {
    const um_request *request = run->request;
    const size_t count = request->part_count + 1;
    UM_TRY(um_allocate(&run->fixed, count, sizeof *run->fixed, "request", error));
    UM_TRY(um_allocate(&run->segments, count, sizeof *run->segments, "request", error));
    if (request->message_count > 0) {
        UM_TRY(um_append_messages(run->model, request->messages, request->message_count,
                                  &run->fixed[0], error));
        lay_fixed(run, &run->fixed[0]);
    }
    for (size_t i = 0; i < request->part_count; i++) {
        UM_TRY(lay_part(run, &request->parts[i], error));
    }
    return UM_OK;
}

/* Said in terms of the request, before decoding meets the same limit. */
static um_status check_length(const generation *run, um_error *error) {
    const um_canvas *canvas = &run->canvas;
    const size_t context = run->model->config.maximum_positions;
    if (canvas->length > context) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "%zu tokens of prompt and %zu of answer are %zu together, but %s has room "
                        "for %zu: shorten one of them",
                        canvas->length - canvas->answer_count, canvas->answer_count, canvas->length,
                        run->model->name, context);
    }
    return UM_OK;
}

static um_status make_canvas(generation *run, um_error *error) {
    UM_TRY(lay_segments(run, error));
    UM_TRY(um_canvas_create(run->segments, run->segment_count, run->model->config.mask_token,
                            &run->canvas, error));
    return check_length(run, error);
}

/* ---- Who is told ------------------------------------------------------------ */

static um_status tell_start(const generation *run, const um_trace_header *header, um_error *error) {
    size_t *starts = NULL;
    size_t *lengths = NULL;
    um_status status =
        um_allocate(&starts, header->hole_count, sizeof *starts, "list of holes", error);
    if (status == UM_OK) {
        status = um_allocate(&lengths, header->hole_count, sizeof *lengths, "list of holes", error);
    }
    for (size_t i = 0; status == UM_OK && i < header->hole_count; i++) {
        starts[i] = header->holes[i].start;
        lengths[i] = header->holes[i].length;
    }
    if (status == UM_OK) {
        const um_start_event start = {.model = run->model,
                                      .algorithm = header->algorithm,
                                      .settings = header->settings,
                                      .steps = header->steps,
                                      .length = header->length,
                                      .tokens = header->tokens,
                                      .mask_token = header->mask_token,
                                      .hole_starts = starts,
                                      .hole_lengths = lengths,
                                      .hole_count = header->hole_count};
        run->callbacks->start(run->callbacks->user, &start);
    }
    free(starts);
    free(lengths);
    return status;
}

static um_status on_header(void *user, const um_trace_header *header, um_error *error) {
    generation *run = user;
    run->result->seed = header->seed;
    run->result->algorithm = run->algorithm->name;
    run->result->settings = strdup(header->settings);
    if (!run->result->settings) {
        return um_error_memory(error, "settings", strlen(header->settings));
    }
    if (run->callbacks->start) {
        UM_TRY(tell_start(run, header, error));
    }
    return run->trace.header ? run->trace.header(run->trace.user, header, error) : UM_OK;
}

static void tell_event(const generation *run, const um_trace_event *event) {
    um_event told = {.kind = event->kind == UM_TRACE_COMMIT ? UM_EVENT_COMMIT : UM_EVENT_REMASK,
                     .step = event->step,
                     .position = event->position,
                     .token = UM_NO_TOKEN_ID,
                     .bytes = ""};
    if (told.kind == UM_EVENT_COMMIT) {
        told.token = event->token;
        (void)um_token_bytes(run->model, event->token, &told.bytes, &told.byte_count);
        told.is_special = um_token_is_special(run->model, event->token);
        told.is_end = um_token_list_contains(&run->end_tokens, event->token);
        told.confidence = event->confidence;
        told.entropy = event->entropy;
    }
    run->callbacks->event(run->callbacks->user, &told);
}

static um_status on_event(void *user, const um_trace_event *event, um_error *error) {
    const generation *run = user;
    if (run->callbacks->event) {
        tell_event(run, event);
    }
    return run->trace.event ? run->trace.event(run->trace.user, event, error) : UM_OK;
}

static um_status on_end(void *user, const um_trace_end *end, um_error *error) {
    const generation *run = user;
    return run->trace.end ? run->trace.end(run->trace.user, end, error) : UM_OK;
}

/* ---- Decoding --------------------------------------------------------------- */

static um_finish finish_of(const generation *run, um_status status) {
    if (status == UM_ERR_CANCELLED) {
        return UM_FINISH_CANCELLED;
    }
    um_finish finish = UM_FINISH_STOP;
    for (size_t i = 0; i < run->result->answer_count; i++) {
        const um_answer *answer = &run->result->answers[i];
        if (!answer->ended && answer->token_count < answer->length) {
            return UM_FINISH_STEPS;
        }
        finish = answer->ended ? finish : UM_FINISH_LENGTH;
    }
    return finish;
}

static um_status take_result(generation *run, const um_decode_result *decoded, um_status status,
                             um_error *error) {
    um_result *result = run->result;
    UM_TRY(um_result_fill(result, run->model, &run->canvas, &run->end_tokens, error));
    result->steps = decoded->steps;
    result->forwards = decoded->forwards;
    result->seconds = decoded->seconds;
    const um_denoiser_times times = um_transformer_denoiser_times(run->session->denoiser);
    result->forward_seconds = times.forward_seconds;
    result->projection_seconds = times.projection_seconds;
    result->sampling_seconds = decoded->sampling_seconds;
    result->finish = finish_of(run, status);
    return status;
}

static um_status decode(generation *run, um_error *error) {
    const um_session *session = run->session;
    const um_trace_sink sink = {run, on_header, on_event, on_end};
    const um_decode_hooks hooks = {.sink = &sink,
                                   .model_name = run->model->name,
                                   .is_cancelled = run->callbacks->is_cancelled,
                                   .cancel_user = run->callbacks->user,
                                   .pool = session->pool};
    const um_denoiser denoiser = um_transformer_denoiser_interface(session->denoiser);
    um_decode_result decoded = {0};
    UM_TRY(um_transformer_denoiser_start(session->denoiser, run->canvas.length, error));
    const um_status status =
        um_decode_run(&denoiser, &run->canvas, &run->options.decode, &hooks, &decoded, error);
    const bool worth_keeping = status == UM_OK || status == UM_ERR_CANCELLED;
    return worth_keeping ? take_result(run, &decoded, status, error) : status;
}

static um_status generate(generation *run, um_error *error) {
    if (run->callbacks->trace) {
        run->writer = (um_trace_writer){run->callbacks->user, run->callbacks->trace, {0}};
        run->trace = um_trace_writer_sink(&run->writer);
    }
    UM_TRY(prepare_options(run, error));
    UM_TRY(make_canvas(run, error));
    return decode(run, error);
}

static void release(generation *run) {
    const size_t count = run->fixed ? run->request->part_count + 1 : 0;
    for (size_t i = 0; i < count; i++) {
        um_token_list_free(&run->fixed[i]);
    }
    free(run->fixed);
    free(run->segments);
    um_token_list_free(&run->end_tokens);
    um_canvas_free(&run->canvas);
    um_trace_writer_free(&run->writer);
}

um_status um_generate(um_session *session, const um_request *request, const um_callbacks *callbacks,
                      um_result *result, um_error *error) {
    static const um_callbacks no_callbacks = {0};
    *result = (um_result){0};
    generation run = {.session = session,
                      .model = session->model,
                      .request = request,
                      .callbacks = callbacks ? callbacks : &no_callbacks,
                      .result = result};
    const um_status status = generate(&run, error);
    if (status != UM_OK && (status != UM_ERR_CANCELLED || !result->tokens)) {
        um_result_clear(result);
    }
    release(&run);
    return status;
}
