#include "tokenizer/export_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "tokenizer/gguf_files.h"

static um_status load(const char *directory, const char *name, json_t **root, um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_json_load_file(path, root, error);
}

static um_status read_text(const char *directory, const char *name, um_buffer *text,
                           um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_file_read(path, UM_JSON_FILE_MAXIMUM, text, error);
}

/* ---- vocab.json, merges.txt, added_tokens.json ------------------------------ */

static um_status append_merge_lines(const char *text, json_t *merges, um_error *error) {
    while (*text) {
        const size_t whole = strcspn(text, "\n");
        const size_t length = whole > 0 && text[whole - 1] == '\r' ? whole - 1 : whole;
        if (length > 0 && strncmp(text, "#version", 8) != 0 &&
            json_array_append_new(merges, json_stringn(text, length)) != 0) {
            return UM_RAISE(error, UM_ERR_FORMAT, "merges.txt: a line is not UTF-8");
        }
        text += whole + (text[whole] == '\n');
    }
    return UM_OK;
}

static um_status read_merges(const char *directory, json_t *merges, um_error *error) {
    um_buffer text = {0};
    um_status status = read_text(directory, "merges.txt", &text, error);
    if (status == UM_OK) {
        status = append_merge_lines(um_buffer_text(&text), merges, error);
    }
    um_buffer_free(&text);
    return status;
}

static void add_token(json_t *added, json_t *token, json_int_t id) {
    (void)json_object_set_new(token, "id", json_integer(id));
    (void)json_array_append_new(added, token);
}

/* Tokens of the configuration keep their flags; those of added_tokens.json have none. */
static um_status read_added(const char *directory, const json_t *configuration, json_t *added,
                            um_error *error) {
    const char *key = NULL;
    json_t *value = NULL;
    json_t *described = json_object_get(configuration, "added_tokens_decoder");
    json_object_foreach (described, key, value) {
        if (json_is_object(value)) {
            add_token(added, json_deep_copy(value), strtoll(key, NULL, 10));
        }
    }
    if (!um_file_exists(directory, "added_tokens.json")) {
        return UM_OK;
    }
    json_t *root = NULL;
    UM_TRY(load(directory, "added_tokens.json", &root, error));
    json_object_foreach (root, key, value) {
        add_token(added,
                  json_pack("{s:s, s:b, s:b}", "content", key, "special", 0, "normalized", 0),
                  json_integer_value(value));
    }
    json_decref(root);
    return UM_OK;
}

/* The settings that um_load_vocabulary_files chooses for the tokenizer's class. */
static um_status choose_settings(const json_t *configuration, json_t **settings, um_error *error) {
    const char *name = json_string_value(json_object_get(configuration, "tokenizer_class"));
    const bool gpt2 = name && strncmp(name, "GPT2", 4) == 0;
    const um_gguf_string pre = {gpt2 ? "gpt-2" : "qwen2", 5};
    *settings = um_gguf_pre_json(um_gguf_pre_find(pre));
    if (json_is_true(json_object_get(configuration, "add_prefix_space"))) {
        if (!gpt2) {
            return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                            "tokenizer_config.json: add_prefix_space is covered for GPT-2 only");
        }
        json_t *steps =
            json_object_get(json_object_get(*settings, "pre_tokenizer"), "pretokenizers");
        (void)json_object_set_new(json_array_get(steps, 0), "add_prefix_space", json_true());
    }
    return UM_OK;
}

static um_status assemble(const char *directory, um_tokenizer_tree *tree, um_error *error) {
    json_t *vocabulary = NULL;
    UM_TRY(choose_settings(tree->configuration, &tree->tokenizer, error));
    UM_TRY(load(directory, "vocab.json", &vocabulary, error));
    json_t *model = json_object_get(tree->tokenizer, "model");
    json_t *merges = json_array();
    json_t *added = json_array();
    (void)json_object_set_new(model, "vocab", vocabulary);
    (void)json_object_set_new(model, "merges", merges);
    (void)json_object_set_new(tree->tokenizer, "added_tokens", added);
    UM_TRY(read_merges(directory, merges, error));
    return read_added(directory, tree->configuration, added, error);
}

/* ---- The configuration ------------------------------------------------------- */

/* From chat_template.jinja, which contains only the template. */
static um_status read_template_text(const char *directory, const char *name, json_t *configuration,
                                    um_error *error) {
    um_buffer text = {0};
    const um_status status = read_text(directory, name, &text, error);
    if (status == UM_OK) {
        (void)json_object_set_new(configuration, "chat_template",
                                  json_stringn(um_buffer_text(&text), text.length));
    }
    um_buffer_free(&text);
    return status;
}

/* From chat_template.json, in which the template is a member. */
static um_status read_template_object(const char *directory, const char *name,
                                      json_t *configuration, um_error *error) {
    json_t *object = NULL;
    UM_TRY(load(directory, name, &object, error));
    (void)json_object_set(configuration, "chat_template", json_object_get(object, "chat_template"));
    json_decref(object);
    return UM_OK;
}

/* As in transformers, chat_template.jinja comes before the configuration. */
um_status um_chat_template_read(const char *directory, json_t *configuration, um_error *error) {
    static const char text[] = "chat_template.jinja";
    static const char object[] = "chat_template.json";
    if (um_file_exists(directory, text)) {
        return read_template_text(directory, text, configuration, error);
    }
    const bool wanted = !json_object_get(configuration, "chat_template");
    return wanted && um_file_exists(directory, object)
               ? read_template_object(directory, object, configuration, error)
               : UM_OK;
}

static um_status read_tree(const char *directory, um_tokenizer_tree *tree, um_error *error) {
    if (um_file_exists(directory, "tokenizer_config.json")) {
        UM_TRY(load(directory, "tokenizer_config.json", &tree->configuration, error));
    } else {
        tree->configuration = json_object();
    }
    UM_TRY(um_chat_template_read(directory, tree->configuration, error));
    return um_file_exists(directory, "tokenizer.json")
               ? load(directory, "tokenizer.json", &tree->tokenizer, error)
               : assemble(directory, tree, error);
}

um_status um_tokenizer_tree_read(const char *directory, um_tokenizer_tree *tree, um_error *error) {
    *tree = (um_tokenizer_tree){0};
    const um_status status = read_tree(directory, tree, error);
    if (status != UM_OK) {
        um_tokenizer_tree_free(tree);
        return um_error_prefix(error, status, "%s", directory);
    }
    return UM_OK;
}

void um_tokenizer_tree_free(um_tokenizer_tree *tree) {
    json_decref(tree->tokenizer);
    json_decref(tree->configuration);
    *tree = (um_tokenizer_tree){0};
}
