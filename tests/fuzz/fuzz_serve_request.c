/* The first byte chooses an API, and whether the server has defaults of its own; the rest is the
 * body of a request.  What is accepted is written into a reply of each kind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_ask(const um_ask *ask) {
    require(ask->options && ask->samples >= 1 && ask->samples <= UM_ASK_SAMPLES_MAXIMUM);
    require((ask->message_count > 0) != (ask->prefix != NULL));
    require(ask->prefix || ask->prefix_length == 0);
    require(ask->suffix || ask->suffix_length == 0);
    require(!ask->frames || ask->stream);
    for (size_t i = 0; i < ask->message_count; i++) {
        require(ask->messages[i].role && ask->messages[i].content);
        require(strlen(ask->messages[i].content) <= ask->messages[i].content_length);
    }
    for (size_t i = 0; i < ask->stop_count; i++) {
        require(ask->stops[i][0] != '\0');
    }
}

/* Every event, and every body, is JSON. */
static void check_reply(const um_buffer *reply, bool is_stream) {
    static const char mark[] = "data: ";
    size_t at = 0;
    while (at < reply->length) {
        const char *text = reply->data + at;
        const char *end = strstr(text, is_stream ? "\n\n" : "\n");
        require(end != NULL);
        const size_t skipped = is_stream ? strlen(mark) : 0;
        require(strncmp(text, mark, skipped) == 0);
        json_t *value = NULL;
        um_error error = {0};
        const size_t length = (size_t)(end - text) - skipped;
        const bool is_done = length == 6 && memcmp(text + skipped, "[DONE]", 6) == 0;
        require((is_done && is_stream && at + skipped + length + 2 == reply->length) ||
                um_json_load_bytes(text + skipped, length, "reply", &value, &error) == UM_OK);
        json_decref(value);
        at += skipped + length + (is_stream ? 2 : 1);
    }
}

static void write_replies(const um_api *api, const um_job *job, const char *text, size_t length) {
    const um_dialect *dialect = &api->dialect;
    um_sample_outcome outcomes[UM_ASK_SAMPLES_MAXIMUM];
    for (size_t i = 0; i < job->ask.samples; i++) {
        outcomes[i] = (um_sample_outcome){
            .text = text, .length = length, .finish = "stop", .facts = {.algorithm = "threshold"}};
    }
    um_error error = {0};
    um_buffer whole = {0};
    um_buffer stream = {0};
    require(dialect->whole(job, outcomes, &whole, &error) == UM_OK);
    require(dialect->piece(job, 0, text, length, true, &stream, &error) == UM_OK);
    require(!dialect->frame || dialect->frame(job, 0, text, length, 0.5, &stream, &error) == UM_OK);
    require(dialect->last(job, 0, &outcomes[0], &stream, &error) == UM_OK);
    require(dialect->end(job, outcomes, &stream, &error) == UM_OK);
    check_reply(&whole, false);
    check_reply(&stream, true);
    um_buffer_free(&whole);
    um_buffer_free(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const um_api *const apis[] = {&um_api_chat, &um_api_completions, &um_api_fim,
                                         &um_api_infill};
    static const um_serve_setting settings[] = {{"seed", "7"}, {"steps", "9"}};
    if (size == 0) {
        return 0;
    }
    const um_api *api = apis[data[0] % 4];
    const size_t setting_count = data[0] / 4 % 2 == 0 ? 0 : 2;
    um_ask ask = {0};
    um_error error = {0};
    um_status status = um_ask_begin(&ask, (const char *)data + 1, size - 1, &error);
    if (status == UM_OK) {
        status = um_ask_read_options(&ask, settings, setting_count, &error);
    }
    if (status == UM_OK) {
        status = api->read(&ask, &error);
    }
    if (status != UM_OK) {
        require(error.message[0] != '\0');
        um_ask_free(&ask);
        return 0;
    }
    check_ask(&ask);
    const char *text = ask.prefix ? ask.prefix : ask.messages[0].content;
    const size_t length = ask.prefix ? ask.prefix_length : ask.messages[0].content_length;
    um_job *job = NULL;
    require(um_job_create(&api->dialect, &ask, "model", &job, &error) == UM_OK);
    write_replies(api, job, text, length);
    um_job_release(job);
    return 0;
}
