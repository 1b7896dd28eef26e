/* Queues the texts in documents that are given as JSON Lines. */
#include "base/json.h"
#include "base/utf8.h"
#include "tokenizer/train_internal.h"

/* Unlike other strings of JSON files, a text may contain NUL. */
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

um_status um_tokenizer_trainer_add_line(um_tokenizer_trainer *trainer, const char *bytes,
                                        size_t length, const char *path, size_t number,
                                        um_error *error) {
    if (trainer->replace_ill_formed && !um_utf8_valid(bytes, length)) {
        um_buffer_clear(&trainer->repaired);
        UM_TRY(um_utf8_repair(bytes, length, &trainer->repaired, error));
        bytes = trainer->repaired.data;
        length = trainer->repaired.length;
    }
    um_json_line line;
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    const um_status status =
        line.object ? add_document(trainer, line.object, line.where, error) : UM_OK;
    json_decref(line.object);
    return status;
}
