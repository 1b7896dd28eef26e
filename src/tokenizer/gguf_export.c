#include "tokenizer/gguf_export.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tokenizer/export_files.h"
#include "tokenizer/gguf_files.h"
#include "tokenizer/sentence_pieces.h"
#include "tokenizer/tokenizer.h"

/* "[PAD151935]" and its NUL. */
#define UNUSED_NAME_BYTES 24

/* The list of tokens by id; the texts belong to a tree or to `unused_names`. */
typedef struct token_table {
    um_gguf_string *texts; /* [count] */
    int32_t *types;        /* [count] */
    char *unused_names;    /* [count, UNUSED_NAME_BYTES] */
    size_t count;
} token_table;

/* ---- Tokens ------------------------------------------------------------------ */

static um_status set_token(token_table *table, json_int_t id, const json_t *text, int32_t type,
                           um_error *error) {
    if (id < 0 || (size_t)id >= table->count) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "token id %lld, but the embedding has %zu rows: the tokenizer belongs to "
                        "another model",
                        (long long)id, table->count);
    }
    if (!json_is_string(text)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "token %lld has no text", (long long)id);
    }
    table->texts[id] = (um_gguf_string){json_string_value(text), json_string_length(text)};
    table->types[id] = type;
    return UM_OK;
}

static um_status set_added(token_table *table, const json_t *token, const json_t *id,
                           um_error *error) {
    const bool special = json_is_true(json_object_get(token, "special"));
    return set_token(table, json_integer_value(id), json_object_get(token, "content"),
                     special ? UM_GGUF_TOKEN_CONTROL : UM_GGUF_TOKEN_USER_DEFINED, error);
}

static um_status set_vocabulary(token_table *table, json_t *vocabulary, um_error *error) {
    const char *text = NULL;
    size_t length = 0;
    json_t *id = NULL;
    json_object_keylen_foreach(vocabulary, text, length, id) {
        const json_int_t number = json_is_integer(id) ? json_integer_value(id) : -1;
        if (number < 0 || (size_t)number >= table->count) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "token id %lld, but the embedding has %zu rows: the tokenizer belongs "
                            "to another model",
                            (long long)number, table->count);
        }
        table->texts[number] = (um_gguf_string){text, length};
        table->types[number] = UM_GGUF_TOKEN_NORMAL;
    }
    return UM_OK;
}

static um_status set_all_added(token_table *table, const um_tokenizer_tree *tree, um_error *error) {
    size_t index = 0;
    json_t *token = NULL;
    json_array_foreach (json_object_get(tree->tokenizer, "added_tokens"), index, token) {
        UM_TRY(set_added(table, token, json_object_get(token, "id"), error));
    }
    const char *key = NULL;
    json_t *decoder = json_object_get(tree->configuration, "added_tokens_decoder");
    json_object_foreach (decoder, key, token) {
        json_t *id = json_integer(strtoll(key, NULL, 10));
        const um_status status = set_added(table, token, id, error);
        json_decref(id);
        UM_TRY(status);
    }
    return UM_OK;
}

static void name_unused(token_table *table) {
    for (size_t id = 0; id < table->count; id++) {
        if (!table->texts[id].text) {
            char *name = table->unused_names + id * UNUSED_NAME_BYTES;
            const int length = snprintf(name, UNUSED_NAME_BYTES, "[PAD%zu]", id);
            table->texts[id] = (um_gguf_string){name, (size_t)length};
            table->types[id] = UM_GGUF_TOKEN_UNUSED;
        }
    }
}

static um_status fill_table(token_table *table, const um_tokenizer_tree *tree, um_error *error) {
    json_t *model = json_object_get(tree->tokenizer, "model");
    UM_TRY(um_allocate(&table->texts, table->count, sizeof *table->texts, "tokens", error));
    UM_TRY(um_allocate(&table->types, table->count, sizeof *table->types, "tokens", error));
    UM_TRY(um_allocate(&table->unused_names, table->count, UNUSED_NAME_BYTES, "tokens", error));
    UM_TRY(set_vocabulary(table, json_object_get(model, "vocab"), error));
    UM_TRY(set_all_added(table, tree, error));
    name_unused(table);
    return UM_OK;
}

static um_status put_tokens(const um_tokenizer_tree *tree, size_t count, um_gguf_writer *writer,
                            um_error *error) {
    token_table table = {.count = count};
    um_status status = fill_table(&table, tree, error);
    if (status == UM_OK) {
        status = um_gguf_put_strings(writer, "tokenizer.ggml.tokens", table.texts, count, error);
    }
    if (status == UM_OK) {
        status = um_gguf_put_int32s(writer, "tokenizer.ggml.token_type", table.types, count, error);
    }
    free(table.texts);
    free(table.types);
    free(table.unused_names);
    return status;
}

/* ---- Merges ------------------------------------------------------------------ */

/* Append "left right" for a merge that is written either this way or as a pair. */
static um_status append_merge(const json_t *merge, um_buffer *out, um_error *error) {
    const json_t *left = json_is_array(merge) ? json_array_get(merge, 0) : merge;
    const json_t *right = json_array_get(merge, 1);
    if (!json_is_string(left) || (json_is_array(merge) && !json_is_string(right))) {
        return UM_RAISE(error, UM_ERR_FORMAT, "a merge is not \"left right\"");
    }
    UM_TRY(um_buffer_append(out, json_string_value(left), json_string_length(left), error));
    if (right) {
        UM_TRY(um_buffer_append(out, " ", 1, error));
        UM_TRY(um_buffer_append(out, json_string_value(right), json_string_length(right), error));
    }
    return UM_OK;
}

/* Record the lengths first, because the buffer moves while it grows. */
static um_status collect_merges(const json_t *merges, um_gguf_string *texts, um_buffer *all,
                                um_error *error) {
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const size_t before = all->length;
        UM_TRY(append_merge(json_array_get(merges, i), all, error));
        texts[i].length = all->length - before;
    }
    const char *at = um_buffer_text(all);
    for (size_t i = 0; i < json_array_size(merges); i++) {
        texts[i].text = at;
        at += texts[i].length;
    }
    return UM_OK;
}

static um_status put_merges(const um_tokenizer_tree *tree, um_gguf_writer *writer,
                            um_error *error) {
    const json_t *merges = json_object_get(json_object_get(tree->tokenizer, "model"), "merges");
    um_gguf_string *texts = NULL;
    um_buffer all = {0};
    const size_t count = json_array_size(merges);
    UM_TRY(um_allocate(&texts, count, sizeof *texts, "merges", error));
    um_status status = collect_merges(merges, texts, &all, error);
    if (status == UM_OK) {
        status = um_gguf_put_strings(writer, "tokenizer.ggml.merges", texts, count, error);
    }
    um_buffer_free(&all);
    free(texts);
    return status;
}

/* ---- The pre-tokenizer --------------------------------------------------------- */

static um_status append_field(um_buffer *out, const json_t *value, um_error *error) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    const um_status status = um_buffer_append_format(out, error, "%s;", text ? text : "");
    free(text);
    return status;
}

/* The member, or its default if it is missing: in a ByteLevel step, the `defaults` are true. */
static const json_t *field_of(const json_t *step, const char *name, const json_t *yes) {
    static const char *const defaults[] = {"add_prefix_space", "use_regex"};
    const json_t *value = json_object_get(step, name);
    const char *type = json_string_value(json_object_get(step, "type"));
    for (size_t i = 0; i < 2 && !value && type && strcmp(type, "ByteLevel") == 0; i++) {
        value = strcmp(name, defaults[i]) == 0 ? yes : NULL;
    }
    return value;
}

/* Append all that decides how text is split, in a form that can be compared. */
static um_status append_steps(const json_t *pre_tokenizer, um_buffer *out, um_error *error) {
    static const char *const fields[] = {
        "type", "pattern", "behavior", "individual_digits", "add_prefix_space", "use_regex"};
    const json_t *steps = json_object_get(pre_tokenizer, "pretokenizers");
    const size_t count = steps ? json_array_size(steps) : 1;
    json_t *yes = json_true(); /* static in jansson, without a reference count */
    for (size_t i = 0; i < count; i++) {
        const json_t *step = steps ? json_array_get(steps, i) : pre_tokenizer;
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
            UM_TRY(append_field(out, field_of(step, fields[j], yes), error));
        }
    }
    return UM_OK;
}

static um_status has_steps(const um_gguf_pre *pre, const um_buffer *wanted, bool *same,
                           um_error *error) {
    json_t *settings = um_gguf_pre_json(pre);
    um_buffer steps = {0};
    const um_status status =
        append_steps(json_object_get(settings, "pre_tokenizer"), &steps, error);
    *same = status == UM_OK && steps.length == wanted->length &&
            memcmp(steps.data, wanted->data, steps.length) == 0;
    um_buffer_free(&steps);
    json_decref(settings);
    return status;
}

static um_status find_pre(const json_t *tokenizer, const um_gguf_pre **found, um_error *error) {
    um_buffer wanted = {0};
    *found = NULL;
    um_status status = append_steps(json_object_get(tokenizer, "pre_tokenizer"), &wanted, error);
    for (size_t i = 0; um_gguf_pre_at(i) && !*found && status == UM_OK; i++) {
        bool same = false;
        status = has_steps(um_gguf_pre_at(i), &wanted, &same, error);
        *found = same ? um_gguf_pre_at(i) : NULL;
    }
    um_buffer_free(&wanted);
    return status;
}

/* ---- All ----------------------------------------------------------------------- */

static um_status put_tree(um_gguf_writer *writer, const char *key, const json_t *tree,
                          um_error *error) {
    char *text = json_dumps(tree, JSON_COMPACT);
    if (!text) {
        return um_error_memory(error, "tokenizer", 0);
    }
    const um_status status = um_gguf_put_string(writer, key, text, strlen(text), error);
    free(text);
    return status;
}

static um_status put_chat_template(const json_t *configuration, um_gguf_writer *writer,
                                   um_error *error) {
    const json_t *chat = json_object_get(configuration, "chat_template");
    return json_is_string(chat)
               ? um_gguf_put_string(writer, "tokenizer.chat_template", json_string_value(chat),
                                    json_string_length(chat), error)
               : UM_OK;
}

static um_status put_all(const um_tokenizer_tree *tree, size_t vocabulary_size,
                         um_gguf_writer *writer, bool *named, um_error *error) {
    if (um_sentence_pieces_recognise(tree->tokenizer)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "a tokenizer over characters (byte_fallback) does not go into a GGUF file; "
                        "only byte-level BPE does");
    }
    const um_gguf_pre *pre = NULL;
    UM_TRY(find_pre(tree->tokenizer, &pre, error));
    *named = pre != NULL;
    const char *name = pre ? pre->name : "default";
    UM_TRY(um_gguf_put_string(writer, "tokenizer.ggml.model", "gpt2", 4, error));
    UM_TRY(um_gguf_put_string(writer, "tokenizer.ggml.pre", name, strlen(name), error));
    UM_TRY(put_tokens(tree, vocabulary_size, writer, error));
    UM_TRY(put_merges(tree, writer, error));
    const bool add_bos = json_is_true(json_object_get(tree->configuration, "add_bos_token"));
    UM_TRY(um_gguf_put_bool(writer, "tokenizer.ggml.add_bos_token", add_bos, error));
    UM_TRY(put_chat_template(tree->configuration, writer, error));
    UM_TRY(put_tree(writer, UM_GGUF_TOKENIZER_JSON, tree->tokenizer, error));
    return put_tree(writer, UM_GGUF_TOKENIZER_CONFIG, tree->configuration, error);
}

/* The ids of special tokens are left out: they come from the model's config. */
static bool is_tokenizer_key(um_gguf_string key) {
    static const char *const prefixes[] = {"tokenizer.", "unmask.tokenizer"};
    static const char *const ids[] = {"bos", "eos", "padding", "mask"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "tokenizer.ggml.%s_token_id", ids[i]);
        if (um_gguf_string_is(key, name)) {
            return false;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(prefixes[i]);
        if (key.length >= length && memcmp(key.text, prefixes[i], length) == 0) {
            return true;
        }
    }
    return false;
}

/* Other software does not open a file without metadata about its tokenizer. */
static um_status put_none(um_gguf_writer *writer, um_error *error) {
    return um_gguf_put_string(writer, "tokenizer.ggml.model", "none", 4, error);
}

static um_status copy_from_gguf(const char *path, um_gguf_writer *writer, um_error *error) {
    um_gguf_file file;
    UM_TRY(um_gguf_open(path, &file, error));
    um_status status =
        um_gguf_find(&file.contents, "tokenizer.ggml.model") ? UM_OK : put_none(writer, error);
    for (size_t i = 0; i < file.contents.entry_count && status == UM_OK; i++) {
        if (is_tokenizer_key(file.contents.entries[i].key)) {
            status = um_gguf_put_entry(writer, &file.contents.entries[i], error);
        }
    }
    um_gguf_close(&file);
    return status;
}

um_status um_tokenizer_to_gguf(const char *model, size_t vocabulary_size, um_gguf_writer *writer,
                               bool *named, um_error *error) {
    *named = true;
    if (um_gguf_is_path(model)) {
        return copy_from_gguf(model, writer, error);
    }
    if (!um_tokenizer_exists(model)) {
        return put_none(writer, error);
    }
    um_tokenizer_tree tree;
    UM_TRY(um_tokenizer_tree_read(model, &tree, error));
    const um_status status = put_all(&tree, vocabulary_size, writer, named, error);
    um_tokenizer_tree_free(&tree);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", model);
}
