#include "tokenizer/gguf_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "tokenizer/internal.h"

/* What a file says about its tokens; an array that the file lacks is NULL. */
typedef struct ggml_tokenizer {
    const um_gguf *file;
    const um_gguf_entry *tokens;
    const um_gguf_entry *merges;
    const um_gguf_entry *types;
    const um_gguf_pre *pre;
    um_error *error;
} ggml_tokenizer;

static um_status append_json_string(um_buffer *out, um_gguf_string text, um_error *error) {
    if (!um_utf8_valid(text.text, text.length)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "a token or merge is not UTF-8");
    }
    return um_json_append_string(out, text.text, text.length, error);
}

/* ---- Reading the metadata ------------------------------------------------- */

static um_status check_kind(const ggml_tokenizer *from) {
    um_gguf_string model = {"", 0};
    UM_TRY(um_gguf_optional_string(from->file, "tokenizer.ggml.model", &model, from->error));
    if (!um_gguf_string_is(model, "gpt2")) {
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        "tokenizer \"%.*s\" (tokenizer.ggml.model) is not covered; only byte-level "
                        "BPE, \"gpt2\", is",
                        (int)(model.length < 40 ? model.length : 40), model.text);
    }
    return UM_OK;
}

static um_status find_pre(ggml_tokenizer *from) {
    um_gguf_string name = {"default", 7};
    UM_TRY(um_gguf_optional_string(from->file, "tokenizer.ggml.pre", &name, from->error));
    from->pre = um_gguf_pre_find(name);
    if (!from->pre) {
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        "pre-tokenizer \"%.*s\" (tokenizer.ggml.pre) is not covered; qwen2, gpt-2, "
                        "llama-bpe, llada-moe and smollm are",
                        (int)(name.length < 40 ? name.length : 40), name.text);
    }
    return UM_OK;
}

static um_status find_arrays(ggml_tokenizer *from) {
    const um_gguf *file = from->file;
    UM_TRY(um_gguf_optional_array(file, "tokenizer.ggml.tokens", UM_GGUF_STRING, &from->tokens,
                                  from->error));
    UM_TRY(um_gguf_optional_array(file, "tokenizer.ggml.merges", UM_GGUF_STRING, &from->merges,
                                  from->error));
    UM_TRY(um_gguf_optional_array(file, "tokenizer.ggml.token_type", UM_GGUF_INT32, &from->types,
                                  from->error));
    if (!from->tokens || !from->merges) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "metadata \"tokenizer.ggml.tokens\" or \"tokenizer.ggml.merges\" is "
                        "missing");
    }
    if (from->types && from->types->count != from->tokens->count) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "metadata \"tokenizer.ggml.token_type\" has %zu elements for %zu tokens",
                        from->types->count, from->tokens->count);
    }
    return UM_OK;
}

static int64_t type_of(const ggml_tokenizer *from, size_t id) {
    return from->types ? um_gguf_integer_at(from->types, id) : UM_GGUF_TOKEN_NORMAL;
}

/* ---- tokenizer.json ------------------------------------------------------- */

/* The ordinary tokens as members of an object. */
static um_status append_vocabulary(const ggml_tokenizer *from, um_buffer *out) {
    const uint8_t *at = from->tokens->data;
    const char *separator = "{";
    for (size_t id = 0; id < from->tokens->count; id++) {
        const um_gguf_string token = um_gguf_next_string(&at);
        if (type_of(from, id) != UM_GGUF_TOKEN_NORMAL) {
            continue;
        }
        UM_TRY(um_buffer_append_text(out, separator, from->error));
        UM_TRY(append_json_string(out, token, from->error));
        UM_TRY(um_buffer_append_format(out, from->error, ":%zu", id));
        separator = ",";
    }
    return um_buffer_append_text(out, *separator == '{' ? "{}" : "}", from->error);
}

static um_status append_merges(const ggml_tokenizer *from, um_buffer *out) {
    const uint8_t *at = from->merges->data;
    UM_TRY(um_buffer_append_text(out, "[", from->error));
    for (size_t i = 0; i < from->merges->count; i++) {
        UM_TRY(um_buffer_append_text(out, i > 0 ? "," : "", from->error));
        UM_TRY(append_json_string(out, um_gguf_next_string(&at), from->error));
    }
    return um_buffer_append_text(out, "]", from->error);
}

/* Control tokens and user-defined tokens are matched in the text exactly as they are. */
static um_status append_added_tokens(const ggml_tokenizer *from, um_buffer *out) {
    const uint8_t *at = from->tokens->data;
    const char *separator = "";
    UM_TRY(um_buffer_append_text(out, "[", from->error));
    for (size_t id = 0; id < from->tokens->count; id++) {
        const um_gguf_string token = um_gguf_next_string(&at);
        const int64_t type = type_of(from, id);
        if (type == UM_GGUF_TOKEN_NORMAL || type == UM_GGUF_TOKEN_UNUSED || token.length == 0) {
            continue;
        }
        UM_TRY(um_buffer_append_format(out, from->error, "%s\n{\"id\":%zu,\"content\":", separator,
                                       id));
        UM_TRY(append_json_string(out, token, from->error));
        UM_TRY(um_buffer_append_format(out, from->error,
                                       ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                                       "\"normalized\":false,\"special\":%s}",
                                       type == UM_GGUF_TOKEN_USER_DEFINED ? "false" : "true"));
        separator = ",";
    }
    return um_buffer_append_text(out, "]", from->error);
}

static um_status append_member(json_t *value, const char *key, um_buffer *out, um_error *error) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) {
        return um_error_memory(error, "tokenizer", 0);
    }
    const um_status status = um_buffer_append_format(out, error, "\"%s\":%s,\n", key, text);
    free(text);
    return status;
}

static um_status append_tokenizer(const ggml_tokenizer *from, json_t *settings, um_buffer *out) {
    const char *key = NULL;
    json_t *value = NULL;
    json_t *model = json_object_get(settings, "model");
    UM_TRY(um_buffer_append_text(out, "{", from->error));
    json_object_foreach (settings, key, value) {
        if (value != model) {
            UM_TRY(append_member(value, key, out, from->error));
        }
    }
    UM_TRY(um_buffer_append_text(out, "\"added_tokens\":", from->error));
    UM_TRY(append_added_tokens(from, out));
    UM_TRY(um_buffer_append_text(out, ",\n\"model\":{", from->error));
    json_object_foreach (model, key, value) {
        UM_TRY(append_member(value, key, out, from->error));
    }
    UM_TRY(um_buffer_append_text(out, "\"vocab\":", from->error));
    UM_TRY(append_vocabulary(from, out));
    UM_TRY(um_buffer_append_text(out, ",\n\"merges\":", from->error));
    UM_TRY(append_merges(from, out));
    return um_buffer_append_text(out, "}}\n", from->error);
}

/* ---- tokenizer_config.json ------------------------------------------------ */

static um_status append_token_name(const ggml_tokenizer *from, const char *member, const char *key,
                                   um_buffer *out) {
    int64_t id = -1;
    UM_TRY(um_gguf_optional_integer(from->file, key, 0, INT64_MAX, &id, from->error));
    if (id < 0 || (uint64_t)id >= from->tokens->count) {
        return UM_OK;
    }
    const uint8_t *at = from->tokens->data;
    um_gguf_string token = um_gguf_next_string(&at);
    for (int64_t i = 0; i < id; i++) {
        token = um_gguf_next_string(&at);
    }
    UM_TRY(um_buffer_append_format(out, from->error, "  \"%s\": ", member));
    UM_TRY(append_json_string(out, token, from->error));
    return um_buffer_append_text(out, ",\n", from->error);
}

static um_status append_configuration(const ggml_tokenizer *from, um_buffer *out) {
    static const struct {
        const char *member;
        const char *key;
    } names[] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                 {"eos_token", "tokenizer.ggml.eos_token_id"},
                 {"pad_token", "tokenizer.ggml.padding_token_id"},
                 {"mask_token", "tokenizer.ggml.mask_token_id"}};
    UM_TRY(um_buffer_append_text(out, "{\n", from->error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        UM_TRY(append_token_name(from, names[i].member, names[i].key, out));
    }
    bool add_bos = false;
    um_gguf_string chat = {NULL, 0};
    UM_TRY(
        um_gguf_optional_bool(from->file, "tokenizer.ggml.add_bos_token", &add_bos, from->error));
    UM_TRY(um_gguf_optional_string(from->file, "tokenizer.chat_template", &chat, from->error));
    if (chat.text) {
        UM_TRY(um_buffer_append_text(out, "  \"chat_template\": ", from->error));
        UM_TRY(append_json_string(out, chat, from->error));
        UM_TRY(um_buffer_append_text(out, ",\n", from->error));
    }
    return um_buffer_append_format(out, from->error,
                                   "  \"add_bos_token\": %s,\n"
                                   "  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n",
                                   add_bos ? "true" : "false");
}

/* ---- Both ------------------------------------------------------------------ */

static um_status from_ggml(const um_gguf *file, um_buffer *tokenizer_json, um_buffer *configuration,
                           um_error *error) {
    ggml_tokenizer from = {.file = file, .error = error};
    UM_TRY(check_kind(&from));
    UM_TRY(find_pre(&from));
    UM_TRY(find_arrays(&from));
    json_t *settings = um_gguf_pre_json(from.pre);
    if (!settings) {
        return um_error_memory(error, "tokenizer", 0);
    }
    const um_status status = append_tokenizer(&from, settings, tokenizer_json);
    json_decref(settings);
    UM_TRY(status);
    return append_configuration(&from, configuration);
}

um_status um_tokenizer_files_from_gguf(const um_gguf *file, um_buffer *tokenizer_json,
                                       um_buffer *configuration, um_error *error) {
    um_gguf_string whole = {NULL, 0};
    um_gguf_string whole_configuration = {"{}", 2};
    UM_TRY(um_gguf_optional_string(file, UM_GGUF_TOKENIZER_JSON, &whole, error));
    UM_TRY(um_gguf_optional_string(file, UM_GGUF_TOKENIZER_CONFIG, &whole_configuration, error));
    if (!whole.text || !um_gguf_find(file, UM_GGUF_TOKENIZER_CONFIG)) {
        return from_ggml(file, tokenizer_json, configuration, error);
    }
    UM_TRY(um_buffer_append(tokenizer_json, whole.text, whole.length, error));
    return um_buffer_append(configuration, whole_configuration.text, whole_configuration.length,
                            error);
}
