#include "tokenizer/tokenizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "tokenizer/export_files.h"
#include "tokenizer/gguf_files.h"
#include "tokenizer/internal.h"
#include "tokenizer/normalizer.h"

/* ---- Loading ---------------------------------------------------------------- */

static um_status create(um_tokenizer **tokenizer, um_error *error) {
    UM_TRY(um_allocate(tokenizer, 1, sizeof **tokenizer, "tokenizer", error));
    (*tokenizer)->eos = (*tokenizer)->pad = (*tokenizer)->bos = (*tokenizer)->mask = -1;
    um_load_chat_template(*tokenizer, NULL);
    return UM_OK;
}

um_status um_tokenizer_normalize(const um_tokenizer *tokenizer, bool continues, const char **text,
                                 size_t *length, um_buffer *scratch, um_error *error) {
    if (tokenizer->pieces.used) {
        const bool prefix_space = tokenizer->pieces.prefix_space && !continues;
        um_buffer_clear(scratch);
        UM_TRY(um_sentence_pieces_append(*text, *length, prefix_space, scratch, error));
        *text = um_buffer_text(scratch);
        *length = scratch->length;
        return UM_OK;
    }
    return tokenizer->normalize ? um_normalize(*text, *length, scratch, text, length, error)
                                : UM_OK;
}

/* A um_text_normalizer. */
static um_status normalize_text(const void *user, const char **text, size_t *length,
                                um_buffer *scratch, um_error *error) {
    return um_tokenizer_normalize(user, false, text, length, scratch, error);
}

/* Build what is derived from the files once all of them have been read. */
static um_status finish(um_tokenizer *tokenizer, um_error *error) {
    UM_TRY(um_allocate(&tokenizer->special, um_tokenizer_vocabulary_size(tokenizer),
                       sizeof *tokenizer->special, "special tokens", error));
    for (size_t i = 0; i < tokenizer->added.count; i++) {
        const um_added_token *token = &tokenizer->added.tokens[i];
        tokenizer->special[token->id] = tokenizer->special[token->id] || token->special;
    }
    return um_added_tokens_index(&tokenizer->added, normalize_text, tokenizer, error);
}

um_status um_tokenizer_load_bytes(const char *json, size_t length, const char *where,
                                  um_tokenizer **tokenizer, um_error *error) {
    *tokenizer = NULL;
    um_tokenizer *loaded = NULL;
    UM_TRY(create(&loaded, error));
    um_status status = um_load_tokenizer_json(loaded, json, length, where, error);
    if (status == UM_OK) {
        status = finish(loaded, error);
    }
    if (status != UM_OK) {
        um_tokenizer_free(loaded);
        return status;
    }
    *tokenizer = loaded;
    return UM_OK;
}

static um_status load_tokenizer_file(um_tokenizer *tokenizer, const char *path, um_error *error) {
    um_buffer contents = {0};
    um_status status = um_file_read(path, UM_JSON_FILE_MAXIMUM, &contents, error);
    if (status == UM_OK) {
        status = um_load_tokenizer_json(tokenizer, um_buffer_text(&contents), contents.length, path,
                                        error);
    }
    um_buffer_free(&contents);
    return status;
}

static um_status load_directory(um_tokenizer *tokenizer, const char *directory,
                                json_t *configuration, const char *where, um_error *error) {
    char path[4096];
    UM_TRY(um_chat_template_read(directory, configuration, error));
    UM_TRY(um_path_join(path, sizeof path, directory, "tokenizer.json", error));
    UM_TRY(um_file_exists(directory, "tokenizer.json")
               ? load_tokenizer_file(tokenizer, path, error)
               : um_load_vocabulary_files(tokenizer, directory, configuration, error));
    UM_TRY(um_load_added_tokens_decoder(tokenizer, configuration, where, error));
    UM_TRY(um_load_special_names(tokenizer, configuration, where, error));
    return finish(tokenizer, error);
}

static um_status load_files(um_tokenizer *tokenizer, const char *directory, um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, "tokenizer_config.json", error));
    json_t *configuration = NULL;
    if (um_file_exists(directory, "tokenizer_config.json")) {
        UM_TRY(um_json_load_file(path, &configuration, error));
    } else {
        configuration = json_object();
    }
    const um_status status = load_directory(tokenizer, directory, configuration, path, error);
    json_decref(configuration);
    return status;
}

static um_status load_texts(um_tokenizer *tokenizer, const um_buffer *text,
                            const json_t *configuration, um_error *error) {
    static const char where[] = "tokenizer";
    UM_TRY(um_load_tokenizer_json(tokenizer, um_buffer_text(text), text->length, where, error));
    UM_TRY(um_load_added_tokens_decoder(tokenizer, configuration, where, error));
    UM_TRY(um_load_special_names(tokenizer, configuration, where, error));
    return finish(tokenizer, error);
}

static um_status load_gguf_contents(um_tokenizer *tokenizer, const um_gguf *file, um_error *error) {
    um_buffer text = {0};
    um_buffer configuration_text = {0};
    json_t *configuration = NULL;
    um_status status = um_tokenizer_files_from_gguf(file, &text, &configuration_text, error);
    if (status == UM_OK) {
        status = um_json_load_bytes(um_buffer_text(&configuration_text), configuration_text.length,
                                    "tokenizer", &configuration, error);
    }
    if (status == UM_OK) {
        status = load_texts(tokenizer, &text, configuration, error);
    }
    json_decref(configuration);
    um_buffer_free(&configuration_text);
    um_buffer_free(&text);
    return status;
}

static um_status load_gguf(um_tokenizer *tokenizer, const char *path, um_error *error) {
    um_gguf_file file;
    UM_TRY(um_gguf_open(path, &file, error));
    const um_status status = load_gguf_contents(tokenizer, &file.contents, error);
    um_gguf_close(&file);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", path);
}

um_status um_tokenizer_load(const char *model, um_tokenizer **tokenizer, um_error *error) {
    *tokenizer = NULL;
    um_tokenizer *loaded = NULL;
    um_status status = create(&loaded, error);
    if (status == UM_OK) {
        status = um_gguf_is_path(model) ? load_gguf(loaded, model, error)
                                        : load_files(loaded, model, error);
    }
    if (status != UM_OK) {
        um_tokenizer_free(loaded);
        return status;
    }
    *tokenizer = loaded;
    return UM_OK;
}

bool um_tokenizer_exists(const char *model) {
    if (!um_gguf_is_path(model)) {
        return um_file_exists(model, "tokenizer.json") || um_file_exists(model, "vocab.json");
    }
    um_gguf_file file;
    um_gguf_string kind = {"none", 4};
    if (um_gguf_open(model, &file, NULL) != UM_OK) {
        return false;
    }
    (void)um_gguf_optional_string(&file.contents, "tokenizer.ggml.model", &kind, NULL);
    const bool exists = !um_gguf_string_is(kind, "none");
    um_gguf_close(&file);
    return exists;
}

void um_tokenizer_free(um_tokenizer *tokenizer) {
    if (!tokenizer) {
        return;
    }
    um_bpe_free(&tokenizer->bpe);
    um_added_tokens_free(&tokenizer->added);
    um_splitter_free(&tokenizer->splitter);
    free(tokenizer->special);
    free(tokenizer);
}

/* ---- Vocabulary --------------------------------------------------------------- */

size_t um_tokenizer_vocabulary_size(const um_tokenizer *tokenizer) {
    return tokenizer->bpe.vocabulary.size;
}

int32_t um_tokenizer_id(const um_tokenizer *tokenizer, const char *content) {
    const size_t length = strlen(content);
    const um_added_token *token = um_added_tokens_find(&tokenizer->added, content, length);
    return token ? token->id : um_vocabulary_find(&tokenizer->bpe.vocabulary, content, length);
}

um_status um_tokenizer_find(const um_tokenizer *tokenizer, const char *what, const char *text,
                            size_t vocabulary_size, int32_t *id, um_error *error) {
    *id = tokenizer ? um_tokenizer_id(tokenizer, text) : -1;
    if (*id >= 0 && (size_t)*id < vocabulary_size) {
        return UM_OK;
    }
    char *end = NULL;
    errno = 0;
    const long number = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
        (unsigned long)number >= vocabulary_size) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s \"%.60s\" is neither a token of the tokenizer nor an id below %zu",
                        what, text, vocabulary_size);
    }
    *id = (int32_t)number;
    return UM_OK;
}

bool um_tokenizer_token_bytes(const um_tokenizer *tokenizer, int32_t id, const char **bytes,
                              size_t *length) {
    return um_vocabulary_bytes(&tokenizer->bpe.vocabulary, id, bytes, length);
}

bool um_tokenizer_is_special(const um_tokenizer *tokenizer, int32_t id) {
    return id >= 0 && (size_t)id < um_tokenizer_vocabulary_size(tokenizer) &&
           tokenizer->special[id];
}

int32_t um_tokenizer_eos(const um_tokenizer *tokenizer) {
    return tokenizer->eos;
}

int32_t um_tokenizer_pad(const um_tokenizer *tokenizer) {
    return tokenizer->pad;
}

int32_t um_tokenizer_bos(const um_tokenizer *tokenizer) {
    return tokenizer->bos;
}

int32_t um_tokenizer_mask(const um_tokenizer *tokenizer) {
    return tokenizer->mask;
}

bool um_tokenizer_has_chat_template(const um_tokenizer *tokenizer) {
    return tokenizer->has_chat_template;
}

const char *um_tokenizer_default_system(const um_tokenizer *tokenizer) {
    return tokenizer->default_system;
}
