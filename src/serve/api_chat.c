/* POST /v1/chat/completions, as OpenAI has it, with the `diffusing` of Inception's Mercury. */
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"
#include "serve/reply_json.h"

static const char *const length_names[] = {"max_completion_tokens", "max_tokens"};

/* ---- Reading -------------------------------------------------------------------- */

/* The text of a list of parts: [{"type": "text", "text": "..."}]. */
static um_status join_parts(um_ask *ask, const json_t *parts, um_message *message,
                            um_error *error) {
    um_buffer text = {0};
    um_status status = UM_OK;
    for (size_t i = 0; status == UM_OK && i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const json_t *own = json_object_get(part, "text");
        if (strcmp(um_json_text(part, "type"), "text") != 0 || !json_is_string(own)) {
            status = UM_RAISE(error, UM_ERR_UNSUPPORTED,
                              "the request: \"content\" has a part that is not text");
        } else {
            status =
                um_buffer_append(&text, json_string_value(own), json_string_length(own), error);
        }
    }
    if (status == UM_OK) {
        message->content_length = text.length;
        status = um_ask_keep(ask, &text, &message->content, error);
    }
    um_buffer_free(&text);
    return status;
}

static um_status read_message(um_ask *ask, const json_t *value, um_message *message,
                              um_error *error) {
    if (!json_is_object(value)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: a message must be an object");
    }
    UM_TRY(um_json_require_string(value, "a message", "role", &message->role, error));
    if (strcmp(message->role, "developer") == 0) { /* OpenAI's newer name */
        message->role = "system";
    }
    const json_t *content = json_object_get(value, "content");
    if (json_is_array(content)) {
        return join_parts(ask, content, message, error);
    }
    if (!json_is_string(content)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: a message has no \"content\"");
    }
    message->content = json_string_value(content);
    message->content_length = json_string_length(content);
    return UM_OK;
}

static um_status read_chat(um_ask *ask, um_error *error) {
    UM_TRY(um_api_refuse_unsupported(ask, error));
    const json_t *messages = json_object_get(ask->body, "messages");
    const size_t count = json_array_size(messages);
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "the request: \"messages\" must be an array with at least one message");
    }
    ask->messages = calloc(count, sizeof *ask->messages);
    if (!ask->messages) {
        return um_error_memory(error, "messages", count * sizeof *ask->messages);
    }
    ask->message_count = count;
    for (size_t i = 0; i < count; i++) {
        UM_TRY(read_message(ask, json_array_get(messages, i), &ask->messages[i], error));
    }
    UM_TRY(um_api_read_stream_options(ask, error));
    return um_ask_read_length(ask, length_names, 2, error);
}

/* ---- Writing ----------------------------------------------------------------------- */

static const um_reply_kind whole_kind = {"chatcmpl-", "chat.completion"};
static const um_reply_kind chunk_kind = {"chatcmpl-", "chat.completion.chunk"};

/* A chunk of a stream with one choice; releases *delta.  `finish` may be NULL. */
static json_t *chunk(const um_job *job, size_t sample, json_t *delta, const char *finish) {
    json_t *choice = json_pack("{s:I, s:o, s:s?}", "index", (json_int_t)sample, "delta", delta,
                               "finish_reason", finish);
    return um_reply_object(job, chunk_kind, json_pack("[o]", choice));
}

static json_t *delta_of(const char *text, size_t length, bool has_role) {
    json_t *delta = json_pack("{s:s%}", "content", text, length);
    if (delta && has_role) {
        (void)json_object_set_new(delta, "role", json_string("assistant"));
    }
    return delta;
}

static um_status write_piece(const um_job *job, size_t sample, const char *text, size_t length,
                             bool first, um_buffer *out, um_error *error) {
    return um_reply_append(out, chunk(job, sample, delta_of(text, length, first), NULL), true,
                           error);
}

static um_status write_frame(const um_job *job, size_t sample, const char *text, size_t length,
                             double progress, um_buffer *out, um_error *error) {
    json_t *frame = chunk(job, sample, delta_of(text, length, true), NULL);
    (void)json_object_set_new(frame, "diffusion_meta", um_reply_frame_facts(progress));
    return um_reply_append(out, frame, true, error);
}

static um_status write_last(const um_job *job, size_t sample, const um_sample_outcome *outcome,
                            um_buffer *out, um_error *error) {
    json_t *last = chunk(job, sample, json_object(), outcome->finish);
    (void)json_object_set_new(last, "unmask", um_reply_facts(job, outcome));
    return um_reply_append(out, last, true, error);
}

static um_status write_end(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                           um_error *error) {
    return um_reply_append_end(job, chunk_kind, outcomes, out, error);
}

static um_status write_whole(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                             um_error *error) {
    json_t *choices = json_array();
    for (size_t i = 0; i < job->ask.samples; i++) {
        json_t *message = json_pack("{s:s, s:s%}", "role", "assistant", "content", outcomes[i].text,
                                    outcomes[i].length);
        (void)json_array_append_new(
            choices, json_pack("{s:I, s:o, s:s, s:o}", "index", (json_int_t)i, "message", message,
                               "finish_reason", outcomes[i].finish, "unmask",
                               um_reply_facts(job, &outcomes[i])));
    }
    return um_reply_append_whole(job, whole_kind, outcomes, choices, out, error);
}

const um_api um_api_chat = {.read = read_chat,
                            .dialect = {.piece = write_piece,
                                        .frame = write_frame,
                                        .last = write_last,
                                        .end = write_end,
                                        .whole = write_whole}};
