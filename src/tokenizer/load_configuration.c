#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tokenizer/internal.h"

um_status um_load_added_tokens_decoder(um_tokenizer *tokenizer, const json_t *configuration,
                                       const char *where, um_error *error) {
    const char *key = NULL;
    json_t *token = NULL;
    json_object_foreach (json_object_get(configuration, "added_tokens_decoder"), key, token) {
        char *end = NULL;
        errno = 0;
        const long long id = strtoll(key, &end, 10);
        const json_t *content = json_object_get(token, "content");
        if (errno != 0 || end == key || *end != '\0' || !json_is_string(content)) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: added_tokens_decoder: \"%.64s\" is not an id with its content",
                            where, key);
        }
        UM_TRY(um_load_added_token(tokenizer, json_string_value(content),
                                   json_string_length(content), id, token, where, error));
    }
    return UM_OK;
}

/* The text of a token that is given as a string or as an object; NULL if it is neither. */
static const json_t *content_of(const json_t *token) {
    const json_t *content = json_is_object(token) ? json_object_get(token, "content") : token;
    return json_is_string(content) ? content : NULL;
}

/* Mark the token that the configuration names as special; *id is -1 if there is none. */
static um_status mark_special(um_tokenizer *tokenizer, const json_t *token, const char *where,
                              int32_t *id, um_error *error) {
    *id = -1;
    const json_t *content = content_of(token);
    if (!content) {
        return UM_OK;
    }
    const char *text = json_string_value(content);
    const size_t length = json_string_length(content);
    for (size_t i = 0; i < tokenizer->added.count; i++) {
        um_added_token *added = &tokenizer->added.tokens[i];
        if (added->length == length && memcmp(added->content, text, length) == 0) {
            added->special = true;
            *id = added->id;
            return UM_OK;
        }
    }
    *id = um_vocabulary_find(&tokenizer->bpe.vocabulary, text, length);
    if (*id < 0) {
        return UM_OK;
    }
    json_t *flags = json_pack("{s:b}", "special", 1);
    const um_status status = um_load_added_token(tokenizer, text, length, *id, flags, where, error);
    json_decref(flags);
    return status;
}

um_status um_load_special_names(um_tokenizer *tokenizer, const json_t *configuration,
                                const char *where, um_error *error) {
    const struct {
        const char *key;
        int32_t *id;
    } names[] = {{"eos_token", &tokenizer->eos},
                 {"pad_token", &tokenizer->pad},
                 {"bos_token", &tokenizer->bos},
                 {"mask_token", &tokenizer->mask}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        UM_TRY(mark_special(tokenizer, json_object_get(configuration, names[i].key), where,
                            names[i].id, error));
    }
    size_t index = 0;
    json_t *token = NULL;
    json_array_foreach (json_object_get(configuration, "additional_special_tokens"), index, token) {
        int32_t id = -1;
        UM_TRY(mark_special(tokenizer, token, where, &id, error));
    }
    um_load_chat_template(tokenizer, json_object_get(configuration, "chat_template"));
    return UM_OK;
}

/* ---- The chat template ---------------------------------------------------------- */

/* Qwen2.5's, and what Dream and DiffuCoder shortened it to: the longer one contains the other. */
static const char *const default_systems[] = {
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "You are a helpful assistant."};

/* The template for plain conversations: the only one, or "default" in a list of named ones. */
static const char *default_template(const json_t *chat_template) {
    size_t index = 0;
    const json_t *entry = NULL;
    json_array_foreach (chat_template, index, entry) {
        if (strcmp(um_json_text(entry, "name"), "default") == 0) {
            return um_json_text(entry, "template");
        }
    }
    return json_is_string(chat_template) ? json_string_value(chat_template) : "";
}

void um_load_chat_template(um_tokenizer *tokenizer, const json_t *chat_template) {
    const size_t count = sizeof default_systems / sizeof *default_systems;
    tokenizer->has_chat_template = json_is_string(chat_template) || json_is_array(chat_template);
    tokenizer->default_system = tokenizer->has_chat_template ? NULL : default_systems[count - 1];
    const char *text = default_template(chat_template);
    for (size_t i = 0; i < count && !tokenizer->default_system; i++) {
        tokenizer->default_system = strstr(text, default_systems[i]) ? default_systems[i] : NULL;
    }
}
