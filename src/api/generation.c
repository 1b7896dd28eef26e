/* A request becomes a canvas, decoding fills it, its holes become answers. */
#include "api/generation.h"

#include <stdlib.h>
#include <string.h>

#include "api/defaults.h"
#include "api/request_layout.h"
#include "base/memory.h"

/* ---- Options ---------------------------------------------------------------- */

static um_status check_algorithm(const um_generation *run, um_error *error) {
    const um_model_config *config = &run->model->config;
    const bool causal = config->attention == UM_ATTENTION_CAUSAL;
    if (!run->algorithm->shows_masks && !causal) {
        return UM_RAISE(
            error, UM_ERR_MISMATCH, "algorithm %s needs a causal model; the attention of %s is %s",
            run->algorithm->name, run->model->name, um_attention_name(config->attention));
    }
    if (!run->algorithm->shows_masks && config->logit_alignment != UM_LOGITS_SHIFTED) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "algorithm %s needs shifted logits; those of %s belong to their positions",
                        run->algorithm->name, run->model->name);
    }
    if (run->algorithm->shows_masks && config->mask_token < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "algorithm %s needs a mask token, which %s does not have; use the "
                        "algorithm autoregressive, or open the model with a mask token",
                        run->algorithm->name, run->model->name);
    }
    return UM_OK;
}

/* The caller's stop token becomes one more end token here, so that it cuts the answers of every
 * algorithm. */
static um_status collect_end_tokens(um_generation *run, um_error *error) {
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
static um_status choose_early_stop(um_generation *run, um_error *error) {
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

static um_status copy_ids(um_token_list *list, const int32_t **ids, size_t count, um_error *error) {
    *list = (um_token_list){0};
    const um_status status = um_token_list_append_all(list, *ids, count, error);
    *ids = list->ids;
    return status;
}

/* Copy the options with their lists: the caller's may be gone before decoding begins. */
static um_status copy_options(um_generation *run, const um_options *options, um_error *error) {
    run->options = options ? *options : um_options_default();
    um_decode_options *decode = &run->options.decode;
    /* Copy both even if one fails, so that neither is the caller's afterwards. */
    const um_status status =
        copy_ids(&run->options.suppress, &decode->suppress, decode->suppress_count, error);
    const um_status other =
        copy_ids(&run->options.suppress_confidence, &decode->suppress_confidence,
                 decode->suppress_confidence_count, error);
    return status != UM_OK ? status : other;
}

/* DreamOn's "<|expand|>" is to be replaced by two masks.  A hole here keeps its length, and for
 * such holes its authors never choose that token (DreamLM/DreamOn, eval/generator.py). */
static um_status suppress_expansion(um_generation *run, um_error *error) {
    um_options *options = &run->options;
    const int32_t expand = um_tokenizer_id(run->model->tokenizer, "<|expand|>");
    if (expand < 0 || um_token_list_contains(&options->suppress, expand)) {
        return UM_OK;
    }
    UM_TRY(um_token_list_append(&options->suppress, expand, error));
    options->decode.suppress = options->suppress.ids;
    options->decode.suppress_count = options->suppress.length;
    return UM_OK;
}

static um_status prepare_options(um_generation *run, const um_request *request, um_error *error) {
    UM_TRY(copy_options(run, request->options, error));
    um_decode_options *decode = &run->options.decode;
    um_choose_defaults(&run->model->config, &run->options);
    UM_TRY(suppress_expansion(run, error));
    decode->sequence = request->sample;
    UM_TRY(um_algorithm_find(decode->algorithm, &run->algorithm, error));
    UM_TRY(check_algorithm(run, error));
    UM_TRY(collect_end_tokens(run, error));
    return choose_early_stop(run, error);
}

/* ---- The canvas ------------------------------------------------------------- */

/* Report the limit in terms of the request, before decoding runs into it. */
static um_status check_length(const um_generation *run, um_error *error) {
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

static um_status make_canvas(um_generation *run, const um_request *request, um_error *error) {
    um_request_layout layout;
    um_status status =
        um_request_layout_make(run->model, request, !run->algorithm->shows_masks, &layout, error);
    if (status == UM_OK) {
        status = um_canvas_create(layout.segments, layout.segment_count,
                                  run->model->config.mask_token, &run->canvas, error);
    }
    um_request_layout_free(&layout);
    return status == UM_OK ? check_length(run, error) : status;
}

/* ---- Who is told ------------------------------------------------------------ */

static um_status tell_start(const um_generation *run, const um_trace_header *header,
                            um_error *error) {
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
                                      .hole_count = header->hole_count,
                                      .end_tokens = run->end_tokens.ids,
                                      .end_token_count = run->end_tokens.length,
                                      .takes_back = run->algorithm->remasks};
        run->callbacks.start(run->callbacks.user, &start);
    }
    free(starts);
    free(lengths);
    return status;
}

static um_status on_header(void *user, const um_trace_header *header, um_error *error) {
    um_generation *run = user;
    run->result.seed = header->seed;
    run->result.algorithm = run->algorithm->name;
    run->result.settings = strdup(header->settings);
    if (!run->result.settings) {
        return um_error_memory(error, "settings", strlen(header->settings));
    }
    if (run->callbacks.start) {
        UM_TRY(tell_start(run, header, error));
    }
    return run->trace.header ? run->trace.header(run->trace.user, header, error) : UM_OK;
}

static void tell_event(const um_generation *run, const um_trace_event *event) {
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
    run->callbacks.event(run->callbacks.user, &told);
}

static um_status on_event(void *user, const um_trace_event *event, um_error *error) {
    const um_generation *run = user;
    if (run->callbacks.event) {
        tell_event(run, event);
    }
    return run->trace.event ? run->trace.event(run->trace.user, event, error) : UM_OK;
}

static um_status on_end(void *user, const um_trace_end *end, um_error *error) {
    const um_generation *run = user;
    return run->trace.end ? run->trace.end(run->trace.user, end, error) : UM_OK;
}

/* ---- The beginning ------------------------------------------------------------ */

static um_status prepare(um_generation *run, const um_request *request, um_error *error) {
    if (run->callbacks.trace) {
        run->writer = (um_trace_writer){run->callbacks.user, run->callbacks.trace, {0}};
        run->trace = um_trace_writer_sink(&run->writer);
    }
    run->sink = (um_trace_sink){run, on_header, on_event, on_end};
    run->hooks = (um_decode_hooks){.sink = &run->sink,
                                   .model_name = run->model->name,
                                   .is_cancelled = run->callbacks.is_cancelled,
                                   .cancel_user = run->callbacks.user,
                                   .kernels = &run->model->kernels};
    UM_TRY(prepare_options(run, request, error));
    return make_canvas(run, request, error);
}

um_status um_generation_create(const um_model *model, const um_request *request,
                               const um_callbacks *callbacks, um_generation **generation,
                               um_error *error) {
    *generation = NULL;
    um_generation *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "request", sizeof *created);
    }
    created->model = model;
    if (callbacks) {
        created->callbacks = *callbacks;
    }
    const um_status status = prepare(created, request, error);
    if (status != UM_OK) {
        um_generation_free(created);
        return status;
    }
    *generation = created;
    return UM_OK;
}

void um_generation_free(um_generation *generation) {
    if (generation) {
        um_result_clear(&generation->result);
        um_token_list_free(&generation->options.suppress);
        um_token_list_free(&generation->options.suppress_confidence);
        um_token_list_free(&generation->end_tokens);
        um_canvas_free(&generation->canvas);
        um_trace_writer_free(&generation->writer);
        free(generation);
    }
}

/* ---- The end ------------------------------------------------------------------- */

static um_finish finish_of(const um_generation *run, um_status status) {
    if (status == UM_ERR_CANCELLED) {
        return UM_FINISH_CANCELLED;
    }
    um_finish finish = UM_FINISH_STOP;
    for (size_t i = 0; i < run->result.answer_count; i++) {
        const um_answer *answer = &run->result.answers[i];
        if (!answer->ended && answer->token_count < answer->length) {
            return UM_FINISH_STEPS;
        }
        finish = answer->ended ? finish : UM_FINISH_LENGTH;
    }
    return finish;
}

static um_status fill_result(um_generation *run, um_error *error) {
    um_result *result = &run->result;
    const um_decode_result *decoded = &run->job.result;
    UM_TRY(um_result_fill(result, run->model, &run->canvas, &run->end_tokens, error));
    result->steps = decoded->steps;
    result->forwards = decoded->forwards;
    result->rows = decoded->rows;
    result->seconds = decoded->seconds;
    result->forward_seconds = decoded->forward_seconds;
    result->projection_seconds = decoded->projection_seconds;
    result->sampling_seconds = decoded->sampling_seconds;
    result->finish = finish_of(run, run->job.status);
    return run->job.status;
}

um_status um_generation_take(um_generation *generation, um_result *result, um_error *error) {
    um_status status = generation->job.status;
    um_error problem = generation->job.error;
    *result = (um_result){0};
    if (status == UM_OK || status == UM_ERR_CANCELLED) {
        status = fill_result(generation, &problem);
    }
    if (status == UM_OK || status == UM_ERR_CANCELLED) {
        *result = generation->result;
        generation->result = (um_result){0};
    }
    if (status != UM_OK && error) {
        *error = problem;
    }
    return status;
}
