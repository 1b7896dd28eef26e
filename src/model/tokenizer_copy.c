#include "model/tokenizer_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/mapped_file.h"

#define COPIED_FILE_MAXIMUM ((size_t)1 << 30)

#define TOKENIZER_CONFIG "tokenizer_config.json"
#define SPECIAL_TOKENS_MAP "special_tokens_map.json"
#define GENERATION_CONFIG "generation_config.json"

static const char *const copied_files[] = {
    "tokenizer.json",
    TOKENIZER_CONFIG,
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    SPECIAL_TOKENS_MAP,
    "chat_template.jinja",
    "chat_template.json",
    GENERATION_CONFIG,
    "tokenization_dream.py",
    "modeling_dream.py",
    "configuration_dream.py",
    "generation_utils.py",
    "modeling_llada.py",
    "configuration_llada.py",
};

/* ---- Tokens with another role than in the source ------------------------------ */

/* A token that the model uses as pad or mask, where the directory's own config.json has another. */
typedef struct renamed_token {
    const char *name;    /* of the member with its text */
    const char *id_name; /* of the member with its id */
    int32_t id;
    json_t *text; /* NULL if no file gives it */
} renamed_token;

#define RENAMED_TOKENS 2

/* The object in directory/name; NULL if there is none that can be read. */
static json_t *load_object(const char *directory, const char *name) {
    char path[4096];
    json_t *root = NULL;
    if (!um_file_exists(directory, name) ||
        um_path_join(path, sizeof path, directory, name, NULL) != UM_OK ||
        um_json_load_file(path, &root, NULL) != UM_OK) {
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* Whether config.json gives the role to another token, or to none.  Files of one directory that
 * disagree with each other, as published ones do, are left as they are. */
static bool is_renamed(const json_t *source_config, const renamed_token *token) {
    const json_t *named = json_object_get(source_config, token->id_name);
    return source_config && token->id != UM_NO_TOKEN_ID &&
           !(json_is_integer(named) && json_integer_value(named) == token->id);
}

/* The token's text in {"7": {"content": text}}, the form of tokenizer_config.json. */
static json_t *text_in_decoder(const json_t *decoder, int32_t id) {
    char key[16];
    (void)snprintf(key, sizeof key, "%d", (int)id);
    return json_object_get(json_object_get(decoder, key), "content");
}

/* The token's text in [{"id": 7, "content": text}], the form of tokenizer.json. */
static json_t *text_in_list(const json_t *list, int32_t id) {
    size_t index = 0;
    const json_t *token = NULL;
    json_array_foreach (list, index, token) {
        const json_t *number = json_object_get(token, "id");
        if (json_is_integer(number) && json_integer_value(number) == id) {
            return json_object_get(token, "content");
        }
    }
    return NULL;
}

/* The text of token `id` as a new reference to a string; NULL if no file of `directory` gives it.
 * Pads and masks are added tokens, so vocabularies are not searched. */
static json_t *find_text(const char *directory, int32_t id) {
    json_t *configuration = load_object(directory, TOKENIZER_CONFIG);
    json_t *text = text_in_decoder(json_object_get(configuration, "added_tokens_decoder"), id);
    json_t *tokenizer = text ? NULL : load_object(directory, "tokenizer.json");
    if (!text) {
        text = text_in_list(json_object_get(tokenizer, "added_tokens"), id);
    }
    text = json_is_string(text) ? json_incref(text) : NULL;
    json_decref(configuration);
    json_decref(tokenizer);
    return text;
}

/* Set tokens[RENAMED_TOKENS] and return how many of them there are. */
static size_t find_renamed(const um_model_config *config, const char *directory,
                           renamed_token *tokens) {
    const renamed_token roles[RENAMED_TOKENS] = {
        {"pad_token", "pad_token_id", config->pad_token, NULL},
        {"mask_token", "mask_token_id", config->mask_token, NULL}};
    json_t *root = load_object(directory, "config.json");
    size_t count = 0;
    for (size_t i = 0; i < RENAMED_TOKENS; i++) {
        if (is_renamed(root, &roles[i])) {
            tokens[count] = roles[i];
            tokens[count++].text = find_text(directory, roles[i].id);
        }
    }
    json_decref(root);
    return count;
}

/* ---- Files that name them ---------------------------------------------------- */

/* A token is named in one of two ways: {"content": text} with its flags, or just the text. */
static bool replace_text(json_t *root, const renamed_token *renamed) {
    json_t *token = json_object_get(root, renamed->name);
    json_t *holder = json_is_object(token) ? token : root;
    const char *key = json_is_object(token) ? "content" : renamed->name;
    const json_t *named = json_object_get(holder, key);
    return json_is_string(named) && !json_equal(named, renamed->text) &&
           json_object_set(holder, key, renamed->text) == 0;
}

static bool replace_id(json_t *root, const renamed_token *renamed) {
    const json_t *named = json_object_get(root, renamed->id_name);
    return json_is_integer(named) && json_integer_value(named) != renamed->id &&
           json_object_set_new(root, renamed->id_name, json_integer(renamed->id)) == 0;
}

/* Make `root`, the contents of the file, name the token; returns whether it named another. */
static bool replace(const char *name, json_t *root, const renamed_token *renamed) {
    if (strcmp(name, GENERATION_CONFIG) == 0) {
        return replace_id(root, renamed);
    }
    return renamed->text && replace_text(root, renamed);
}

static bool names_tokens(const char *name) {
    return strcmp(name, TOKENIZER_CONFIG) == 0 || strcmp(name, SPECIAL_TOKENS_MAP) == 0 ||
           strcmp(name, GENERATION_CONFIG) == 0;
}

static um_status write_object(const json_t *root, const char *path, um_error *error) {
    char *text = json_dumps(root, JSON_INDENT(2));
    um_buffer json = {0};
    um_status status =
        text ? um_buffer_append_text(&json, text, error) : um_error_memory(error, path, 0);
    if (status == UM_OK) {
        status = um_buffer_append_text(&json, "\n", error);
    }
    if (status == UM_OK) {
        status = um_file_write(path, json.data, json.length, error);
    }
    um_buffer_free(&json);
    free(text);
    return status;
}

/* ---- Copies ------------------------------------------------------------------ */

/* Write the file with the tokens replaced if it names others; *done says whether it did. */
static um_status copy_renamed(const char *name, const char *from, const char *to,
                              const renamed_token *tokens, size_t count, bool *done,
                              um_error *error) {
    char path[4096];
    json_t *root = load_object(from, name);
    um_status status = UM_OK;
    for (size_t i = 0; root && i < count; i++) {
        *done = replace(name, root, &tokens[i]) || *done;
    }
    if (*done) {
        status = um_path_join(path, sizeof path, to, name, error);
    }
    if (*done && status == UM_OK) {
        status = write_object(root, path, error);
    }
    json_decref(root);
    return status;
}

static um_status copy_file(const char *name, const char *from, const char *to, um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, from, name, error));
    um_buffer contents = {0};
    um_status status = um_file_read(path, COPIED_FILE_MAXIMUM, &contents, error);
    if (status == UM_OK) {
        status = um_path_join(path, sizeof path, to, name, error);
    }
    if (status == UM_OK) {
        status = um_file_write(path, um_buffer_text(&contents), contents.length, error);
    }
    um_buffer_free(&contents);
    return status;
}

const char *um_model_tokenizer_file(size_t index) {
    return index < sizeof copied_files / sizeof *copied_files ? copied_files[index] : NULL;
}

um_status um_model_copy_tokenizer(const um_model_config *config, const char *from, const char *to,
                                  um_error *error) {
    renamed_token tokens[RENAMED_TOKENS];
    const size_t count = find_renamed(config, from, tokens);
    um_status status = UM_OK;
    for (size_t i = 0; i < sizeof copied_files / sizeof *copied_files && status == UM_OK; i++) {
        const char *name = copied_files[i];
        bool done = !um_file_exists(from, name);
        if (!done && names_tokens(name)) {
            status = copy_renamed(name, from, to, tokens, count, &done, error);
        }
        if (!done && status == UM_OK) {
            status = copy_file(name, from, to, error);
        }
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(tokens[i].text);
    }
    return status;
}
