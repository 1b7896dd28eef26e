/* POST /v1/completions, as OpenAI has it, with `suffix`; and POST /v1/fim/completions, as Mistral
 * and Inception have it.
 *
 * Clients of the second look for the text in different places, so its choices have it in each. */
#include <string.h>

#include "serve/api.h"
#include "serve/reply_json.h"

static const char *const length_names[] = {"max_tokens", "max_completion_tokens"};

/* ---- Reading -------------------------------------------------------------------- */

static um_status read_texts(um_ask *ask, um_error *error) {
    UM_TRY(um_api_refuse_unsupported(ask, error));
    UM_TRY(um_api_read_text(ask, "prompt", &ask->prefix, &ask->prefix_length, error));
    if (!ask->prefix) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: \"prompt\" is missing");
    }
    UM_TRY(um_api_read_text(ask, "suffix", &ask->suffix, &ask->suffix_length, error));
    UM_TRY(um_api_read_stream_options(ask, error));
    return um_ask_read_length(ask, length_names, 2, error);
}

static um_status read_completions(um_ask *ask, um_error *error) {
    UM_TRY(read_texts(ask, error));
    if (ask->suffix_length == 0) { /* clients that have none send an empty one */
        ask->suffix = NULL;
    }
    return UM_OK;
}

static um_status read_fim(um_ask *ask, um_error *error) {
    UM_TRY(read_texts(ask, error));
    if (!ask->suffix) {
        ask->suffix = "";
    }
    return UM_OK;
}

/* ---- Writing ----------------------------------------------------------------------- */

static bool is_fim(const um_job *job) {
    return job->dialect == &um_api_fim.dialect;
}

static um_reply_kind whole_kind(const um_job *job) {
    return is_fim(job) ? (um_reply_kind){"fim-", "chat.completion"}
                       : (um_reply_kind){"cmpl-", "text_completion"};
}

static um_reply_kind chunk_kind(const um_job *job) {
    return is_fim(job) ? (um_reply_kind){"fim-", "chat.completion.chunk"}
                       : (um_reply_kind){"cmpl-", "text_completion"};
}

/* A choice with a text; `holder` is where clients of chats look for it, "delta" or "message". */
static json_t *choice_of(const um_job *job, size_t sample, const char *text, size_t length,
                         const char *finish, const char *holder) {
    json_t *choice = json_pack("{s:I, s:s%, s:n, s:s?}", "index", (json_int_t)sample, "text", text,
                               length, "logprobs", "finish_reason", finish);
    if (is_fim(job)) {
        (void)json_object_set_new(
            choice, holder, json_pack("{s:s, s:s%}", "role", "assistant", "content", text, length));
    }
    return choice;
}

/* A chunk of a stream with one choice. */
static json_t *chunk(const um_job *job, size_t sample, const char *text, size_t length,
                     const char *finish) {
    json_t *choice = choice_of(job, sample, text, length, finish, "delta");
    return um_reply_object(job, chunk_kind(job), json_pack("[o]", choice));
}

static um_status write_piece(const um_job *job, size_t sample, const char *text, size_t length,
                             bool first, um_buffer *out, um_error *error) {
    (void)first;
    return um_reply_append(out, chunk(job, sample, text, length, NULL), true, error);
}

static um_status write_frame(const um_job *job, size_t sample, const char *text, size_t length,
                             double progress, um_buffer *out, um_error *error) {
    json_t *frame = chunk(job, sample, text, length, NULL);
    (void)json_object_set_new(frame, "diffusion_meta", um_reply_frame_facts(progress));
    return um_reply_append(out, frame, true, error);
}

static um_status write_last(const um_job *job, size_t sample, const um_sample_outcome *outcome,
                            um_buffer *out, um_error *error) {
    json_t *last = chunk(job, sample, "", 0, outcome->finish);
    (void)json_object_set_new(last, "unmask", um_reply_facts(job, outcome));
    return um_reply_append(out, last, true, error);
}

static um_status write_end(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                           um_error *error) {
    return um_reply_append_end(job, chunk_kind(job), outcomes, out, error);
}

static um_status write_whole(const um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                             um_error *error) {
    json_t *choices = json_array();
    for (size_t i = 0; i < job->ask.samples; i++) {
        json_t *choice =
            choice_of(job, i, outcomes[i].text, outcomes[i].length, outcomes[i].finish, "message");
        (void)json_object_set_new(choice, "unmask", um_reply_facts(job, &outcomes[i]));
        (void)json_array_append_new(choices, choice);
    }
    return um_reply_append_whole(job, whole_kind(job), outcomes, choices, out, error);
}

#define COMPLETIONS_DIALECT                                                                        \
    {                                                                                              \
        .piece = write_piece, .frame = write_frame, .last = write_last, .end = write_end,          \
        .whole = write_whole                                                                       \
    }

const um_api um_api_completions = {.read = read_completions, .dialect = COMPLETIONS_DIALECT};
const um_api um_api_fim = {.read = read_fim, .dialect = COMPLETIONS_DIALECT};
