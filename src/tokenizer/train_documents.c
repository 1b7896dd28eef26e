/* Documents as JSON Lines: the texts in them. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tokenizer/train_internal.h"
#include "tokenizer/utf8.h"

/* Unlike other strings of JSON files, a text may hold NUL. */
static um_status add_member(um_tokenizer_trainer *trainer, const json_t *object, const char *key,
                            const char *where, um_error *error) {
    const json_t *text = json_object_get(object, key);
    if (!text || json_is_null(text)) {
        return UM_OK;
    }
    if (!json_is_string(text)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is not a string", where, key);
    }
    return um_trainer_queue_text(trainer, json_string_value(text), json_string_length(text), NULL,
                                 error);
}

static um_status add_messages(um_tokenizer_trainer *trainer, const json_t *document,
                              const char *where, um_error *error) {
    const json_t *messages = json_object_get(document, "messages");
    if (!messages || json_is_null(messages)) {
        return UM_OK;
    }
    if (!json_is_array(messages)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"messages\" is not an array", where);
    }
    size_t index = 0;
    json_t *message = NULL;
    json_array_foreach (messages, index, message) {
        if (!json_is_object(message)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: message %zu is not an object", where, index);
        }
        UM_TRY(add_member(trainer, message, "content", where, error));
    }
    return UM_OK;
}

static um_status add_document(um_tokenizer_trainer *trainer, const json_t *document,
                              const char *where, um_error *error) {
    static const char *const members[] = {"prompt", "completion", "suffix"};
    if (!json_is_object(document)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
    }
    const uint64_t before = trainer->texts;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        UM_TRY(add_member(trainer, document, members[i], where, error));
    }
    UM_TRY(add_messages(trainer, document, where, error));
    if (trainer->texts == before) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: no text: none of \"prompt\", \"completion\", \"suffix\" and "
                        "\"messages\"",
                        where);
    }
    return UM_OK;
}

static bool is_white(const char *line, size_t length) {
    size_t at = 0;
    while (at < length && memchr(" \t\r\n", line[at], 4)) {
        at++;
    }
    return at == length;
}

um_status um_tokenizer_trainer_add_line(um_tokenizer_trainer *trainer, const char *line,
                                        size_t length, const char *where, size_t number,
                                        um_error *error) {
    if (is_white(line, length)) {
        return UM_OK;
    }
    char place[400];
    (void)snprintf(place, sizeof place, "%.300s, line %zu", where, number);
    if (trainer->replace_ill_formed && !um_utf8_valid(line, length)) {
        um_buffer_clear(&trainer->repaired);
        UM_TRY(um_utf8_repair(line, length, &trainer->repaired, error));
        line = trainer->repaired.data;
        length = trainer->repaired.length;
    }
    json_t *document = NULL;
    um_status status = um_json_load_bytes(line, length, "JSON", &document, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", place);
    }
    status = add_document(trainer, document, place, error);
    json_decref(document);
    return status;
}
