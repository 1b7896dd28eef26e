/* POST /infill, as llama.cpp's server has it: what llama.vim and llama.vscode ask. */
#include <string.h>

#include "serve/api.h"
#include "serve/reply_json.h"

static const char *const length_names[] = {"n_predict", "max_tokens"};

/* ---- Reading -------------------------------------------------------------------- */

/* Text of other files, which comes first. */
static um_status append_extra(const json_t *extra, um_buffer *text, um_error *error) {
    if (extra && !json_is_null(extra) && !json_is_array(extra)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: \"input_extra\" must be an array");
    }
    for (size_t i = 0; i < json_array_size(extra); i++) {
        const json_t *own = json_object_get(json_array_get(extra, i), "text");
        if (!json_is_string(own)) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "the request: \"input_extra\" must be an array of objects with "
                            "\"filename\" and \"text\"");
        }
        UM_TRY(um_buffer_append(text, json_string_value(own), json_string_length(own), error));
        UM_TRY(um_buffer_append_text(text, "\n", error));
    }
    return UM_OK;
}

/* The text in front of the answer: other files, the file so far, the line so far. */
static um_status read_prefix(um_ask *ask, um_buffer *text, um_error *error) {
    const char *prefix;
    const char *line;
    size_t prefix_length;
    size_t line_length;
    UM_TRY(um_api_read_text(ask, "input_prefix", &prefix, &prefix_length, error));
    UM_TRY(um_api_read_text(ask, "prompt", &line, &line_length, error));
    UM_TRY(append_extra(json_object_get(ask->body, "input_extra"), text, error));
    UM_TRY(um_buffer_append(text, prefix ? prefix : "", prefix_length, error));
    UM_TRY(um_buffer_append(text, line ? line : "", line_length, error));
    ask->prefix_length = text->length;
    return um_ask_keep(ask, text, &ask->prefix, error);
}

static um_status read_infill(um_ask *ask, um_error *error) {
    UM_TRY(um_api_refuse_unsupported(ask, error));
    um_buffer text = {0};
    const um_status status = read_prefix(ask, &text, error);
    um_buffer_free(&text);
    UM_TRY(status);
    UM_TRY(um_api_read_text(ask, "input_suffix", &ask->suffix, &ask->suffix_length, error));
    if (!ask->suffix) {
        ask->suffix = "";
    }
    if (ask->samples > 1) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "the request: \"n\" above 1 has no meaning here");
    }
    const json_t *fields = json_object_get(ask->body, "response_fields");
    ask->response_fields = json_array_size(fields) > 0 ? fields : NULL;
    return um_ask_read_length(ask, length_names, 2, error);
}

/* ---- Writing ----------------------------------------------------------------------- */

/* llama.cpp's numbers; there is no pass over the prompt alone, so that takes no time. */
static json_t *timings(const um_sample_facts *facts) {
    const double milliseconds = facts->seconds * 1e3;
    const double tokens = (double)facts->answer_tokens;
    return json_pack("{s:I, s:f, s:f, s:f, s:I, s:f, s:f, s:f}", "prompt_n",
                     (json_int_t)facts->prompt_tokens, "prompt_ms", 0.0, "prompt_per_token_ms", 0.0,
                     "prompt_per_second", 0.0, "predicted_n", (json_int_t)facts->answer_tokens,
                     "predicted_ms", milliseconds, "predicted_per_token_ms",
                     tokens > 0 ? milliseconds / tokens : 0.0, "predicted_per_second",
                     facts->seconds > 0 ? tokens / facts->seconds : 0.0);
}

/* What ended the answer, in llama.cpp's words. */
static const char *stop_type(const um_sample_outcome *outcome) {
    if (outcome->stop) {
        return "word";
    }
    return strcmp(outcome->finish, "stop") == 0 ? "eos" : "limit";
}

static json_t *result_of(const um_job *job, const um_sample_outcome *outcome, const char *text,
                         size_t length) {
    const um_sample_facts *facts = &outcome->facts;
    return json_pack("{s:i, s:s%, s:i, s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:o}", "index",
                     0, "content", text, length, "id_slot", 0, "model", job->model, "stop", 1,
                     "stop_type", stop_type(outcome), "stopping_word",
                     outcome->stop ? outcome->stop : "", "tokens_cached",
                     (json_int_t)(facts->prompt_tokens + facts->answer_tokens), "tokens_evaluated",
                     (json_int_t)facts->prompt_tokens, "tokens_predicted",
                     (json_int_t)facts->answer_tokens, "truncated", (int)facts->is_cut, "timings",
                     timings(facts), "unmask", um_reply_facts(job, outcome));
}

/* The member that a path such as "timings/prompt_n" names, or NULL. */
static json_t *find_member(json_t *object, const char *path) {
    const char *slash = strchr(path, '/');
    if (!slash) {
        return json_object_get(object, path);
    }
    char name[64];
    const size_t length = (size_t)(slash - path);
    if (length >= sizeof name) {
        return NULL;
    }
    memcpy(name, path, length);
    name[length] = '\0';
    return json_object_get(json_object_get(object, name), slash + 1);
}

/* Only the members that the client wants, each under its whole path. */
static json_t *choose_fields(json_t *result, const json_t *fields) {
    json_t *chosen = json_object();
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *path = json_string_value(json_array_get(fields, i));
        json_t *member = path ? find_member(result, path) : NULL;
        if (member) {
            (void)json_object_set(chosen, path, member);
        }
    }
    json_decref(result);
    return chosen;
}

static um_status write_piece(const um_job *job, size_t sample, const char *text, size_t length,
                             bool first, um_buffer *out, um_error *error) {
    (void)sample;
    (void)first;
    return um_reply_append(out,
                           json_pack("{s:i, s:s%, s:b, s:i, s:s}", "index", 0, "content", text,
                                     length, "stop", 0, "id_slot", 0, "model", job->model),
                           true, error);
}

static um_status write_last(const um_job *job, size_t sample, const um_sample_outcome *outcome,
                            um_buffer *out, um_error *error) {
    (void)sample;
    return um_reply_append(out, result_of(job, outcome, "", 0), true, error);
}

static um_status write_end(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                           um_error *error) {
    (void)job;
    (void)outcomes;
    (void)out;
    (void)error;
    return UM_OK;
}

static um_status write_whole(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                             um_error *error) {
    json_t *result = result_of(job, &outcomes[0], outcomes[0].text, outcomes[0].length);
    if (job->ask.response_fields && result) {
        result = choose_fields(result, job->ask.response_fields);
    }
    return um_reply_append(out, result, false, error);
}

const um_api um_api_infill = {
    .read = read_infill,
    .dialect = {.piece = write_piece, .last = write_last, .end = write_end, .whole = write_whole}};
