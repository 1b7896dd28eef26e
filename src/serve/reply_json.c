#include "serve/reply_json.h"

#include <stdlib.h>
#include <string.h>

um_status um_reply_append(um_buffer *out, json_t *value, bool is_event, um_error *error) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text) {
        return um_error_memory(error, "reply", 0);
    }
    um_status status = is_event ? um_buffer_append_text(out, "data: ", error) : UM_OK;
    if (status == UM_OK) {
        status = um_buffer_append_text(out, text, error);
    }
    if (status == UM_OK) {
        status = um_buffer_append_text(out, is_event ? "\n\n" : "\n", error);
    }
    free(text);
    return status;
}

/* Counts of tokens as OpenAI names them. */
static json_t *usage(const um_job *job, const um_sample_outcome *outcomes) {
    const size_t prompt = outcomes[0].facts.prompt_tokens;
    size_t answers = 0;
    for (size_t i = 0; i < job->ask.samples; i++) {
        answers += outcomes[i].facts.answer_tokens;
    }
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)prompt, "completion_tokens",
                     (json_int_t)answers, "total_tokens", (json_int_t)(prompt + answers));
}

json_t *um_reply_object(const um_job *job, um_reply_kind kind, json_t *choices) {
    return json_pack("{s:s+, s:s, s:I, s:s, s:o}", "id", kind.prefix, job->id, "object",
                     kind.object, "created", (json_int_t)job->created, "model", job->model,
                     "choices", choices);
}

um_status um_reply_append_end(const um_job *job, um_reply_kind kind,
                              const um_sample_outcome *outcomes, um_buffer *out, um_error *error) {
    if (job->ask.usage) {
        json_t *counts = um_reply_object(job, kind, json_array());
        (void)json_object_set_new(counts, "usage", usage(job, outcomes));
        UM_TRY(um_reply_append(out, counts, true, error));
    }
    return um_buffer_append_text(out, "data: [DONE]\n\n", error);
}

um_status um_reply_append_whole(const um_job *job, um_reply_kind kind,
                                const um_sample_outcome *outcomes, json_t *choices, um_buffer *out,
                                um_error *error) {
    json_t *whole = um_reply_object(job, kind, choices);
    (void)json_object_set_new(whole, "usage", usage(job, outcomes));
    return um_reply_append(out, whole, false, error);
}

json_t *um_reply_facts(const um_job *job, const um_sample_outcome *outcome) {
    const um_sample_facts *facts = &outcome->facts;
    return json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:f, s:b}", "seed", (json_int_t)job->ask.seed,
                     "length", (json_int_t)facts->hole_length, "algorithm", facts->algorithm,
                     "steps", (json_int_t)facts->steps, "forwards", (json_int_t)facts->forwards,
                     "rows", (json_int_t)facts->rows, "seconds", facts->seconds, "truncated",
                     (int)facts->is_cut);
}

json_t *um_reply_frame_facts(double progress) {
    return json_pack("{s:b, s:f}", "diffusion_content", 1, "diffusion_progress", progress);
}

/* What OpenAI calls the kind of an error. */
static const char *error_type(int code) {
    switch (code) {
        case 400:
        case 404:
        case 405:
        case 413:
            return "invalid_request_error";
        case 401:
            return "authentication_error";
        case 503:
            return "overloaded_error";
        default:
            return "server_error";
    }
}

json_t *um_reply_error(int code, const char *message) {
    return json_pack("{s:{s:s, s:s, s:n, s:i}}", "error", "message", message, "type",
                     error_type(code), "param", "code", code);
}
