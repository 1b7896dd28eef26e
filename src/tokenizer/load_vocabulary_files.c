#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "tokenizer/internal.h"

/* ---- merges.txt ---------------------------------------------------------------- */

/* The next line of *rest without its line end; false after the last one. */
static bool next_line(const char **rest, size_t *rest_length, const char **line, size_t *length) {
    if (*rest_length == 0) {
        return false;
    }
    const char *end = memchr(*rest, '\n', *rest_length);
    const size_t whole = end ? (size_t)(end - *rest) : *rest_length;
    *line = *rest;
    *length = whole > 0 && (*rest)[whole - 1] == '\r' ? whole - 1 : whole;
    const size_t used = end ? whole + 1 : whole;
    *rest += used;
    *rest_length -= used;
    return true;
}

/* Empty lines and the "#version" line contain no merge. */
static bool is_merge_line(const char *line, size_t length) {
    static const char version[] = "#version";
    return length > 0 &&
           !(length >= sizeof version - 1 && memcmp(line, version, sizeof version - 1) == 0);
}

static um_status load_merge_lines(um_tokenizer *tokenizer, const char *text, size_t text_length,
                                  um_buffer *scratch, um_error *error) {
    size_t rank = 0;
    const char *line = NULL;
    size_t length = 0;
    while (next_line(&text, &text_length, &line, &length)) {
        um_written_merge merge;
        if (!is_merge_line(line, length)) {
            continue;
        }
        if (!um_written_merge_split(line, length, &merge)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "merge %zu is not \"left right\"", rank);
        }
        UM_TRY(um_load_merge(tokenizer, &merge, rank, scratch, error));
        rank++;
    }
    return UM_OK;
}

static um_status load_merges_text(um_tokenizer *tokenizer, const char *text, size_t length,
                                  um_error *error) {
    um_buffer scratch = {0};
    const um_status status = load_merge_lines(tokenizer, text, length, &scratch, error);
    um_buffer_free(&scratch);
    return status;
}

static um_status load_merges_file(um_tokenizer *tokenizer, const char *path, um_error *error) {
    um_buffer contents = {0};
    um_status status = um_file_read(path, UM_JSON_FILE_MAXIMUM, &contents, error);
    if (status == UM_OK) {
        status = load_merges_text(tokenizer, um_buffer_text(&contents), contents.length, error);
        if (status != UM_OK) {
            status = um_error_prefix(error, status, "%s", path);
        }
    }
    um_buffer_free(&contents);
    return status;
}

/* ---- vocab.json, added_tokens.json ------------------------------------------------ */

static um_status load_vocabulary_file(um_tokenizer *tokenizer, const char *path, um_error *error) {
    um_buffer contents = {0};
    um_status status = um_file_read(path, UM_JSON_FILE_MAXIMUM, &contents, error);
    if (status == UM_OK) {
        const um_json_cursor cursor = {um_buffer_text(&contents), contents.length, 0};
        status = um_load_vocabulary(tokenizer, cursor, error);
        if (status != UM_OK) {
            status = um_error_prefix(error, status, "%s", path);
        }
    }
    um_buffer_free(&contents);
    return status;
}

static um_status load_added_tokens_object(um_tokenizer *tokenizer, const json_t *root,
                                          const char *path, um_error *error) {
    const char *content = NULL;
    json_t *id = NULL;
    json_object_foreach ((json_t *)(uintptr_t)root, content, id) {
        if (!json_is_integer(id)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: the id of \"%.64s\" is not an integer", path,
                            content);
        }
        UM_TRY(um_load_added_token(tokenizer, content, strlen(content), json_integer_value(id),
                                   NULL, path, error));
    }
    return UM_OK;
}

static um_status load_added_tokens_file(um_tokenizer *tokenizer, const char *path,
                                        um_error *error) {
    json_t *root = NULL;
    UM_TRY(um_json_load_file(path, &root, error));
    const um_status status = json_is_object(root)
                                 ? load_added_tokens_object(tokenizer, root, path, error)
                                 : UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", path);
    json_decref(root);
    return status;
}

/* ---- How the text is cut ------------------------------------------------------------ */

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static um_status choose_splitter(um_tokenizer *tokenizer, const json_t *configuration,
                                 um_error *error) {
    static const char where[] = "tokenizer_config.json";
    const char *name = "Qwen2Tokenizer";
    bool prefix_space = false;
    if (configuration) {
        UM_TRY(um_json_optional_string(configuration, where, "tokenizer_class", &name, error));
        UM_TRY(
            um_json_optional_bool(configuration, where, "add_prefix_space", &prefix_space, error));
    }
    const bool gpt2 = starts_with(name, "GPT2");
    if (!gpt2 && !starts_with(name, "Qwen2") && !starts_with(name, "Dream")) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: tokenizer_class \"%.64s\" is not supported without a tokenizer.json",
                        where, name);
    }
    if (prefix_space) {
        UM_TRY(um_splitter_add(&tokenizer->splitter, UM_SPLIT_PREFIX_SPACE, NULL, 0, error));
    }
    const char *pattern = gpt2 ? um_splitter_gpt2_pattern : um_splitter_qwen2_pattern;
    tokenizer->normalize = !gpt2;
    return um_splitter_add(&tokenizer->splitter, UM_SPLIT_PATTERN, pattern, strlen(pattern), error);
}

um_status um_load_vocabulary_files(um_tokenizer *tokenizer, const char *directory,
                                   const json_t *configuration, um_error *error) {
    char path[4096];
    if (!um_file_exists(directory, "vocab.json") || !um_file_exists(directory, "merges.txt")) {
        return UM_RAISE(error, UM_ERR_IO,
                        "%s: no tokenizer: neither tokenizer.json nor vocab.json and merges.txt",
                        directory);
    }
    UM_TRY(um_path_join(path, sizeof path, directory, "vocab.json", error));
    UM_TRY(load_vocabulary_file(tokenizer, path, error));
    UM_TRY(um_path_join(path, sizeof path, directory, "merges.txt", error));
    UM_TRY(load_merges_file(tokenizer, path, error));
    um_bpe_index_bytes(&tokenizer->bpe);
    UM_TRY(choose_splitter(tokenizer, configuration, error));
    if (configuration) {
        /* First, because it has the flags that added_tokens.json lacks. */
        UM_TRY(
            um_load_added_tokens_decoder(tokenizer, configuration, "tokenizer_config.json", error));
    }
    if (!um_file_exists(directory, "added_tokens.json")) {
        return UM_OK;
    }
    UM_TRY(um_path_join(path, sizeof path, directory, "added_tokens.json", error));
    return load_added_tokens_file(tokenizer, path, error);
}
