#include "train/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct um_packer {
    um_encoder *encoder;
    um_shard_writer *writer;
    um_token_list tokens; /* of one document */
    int32_t end;
};

static um_status set_up(um_packer *packer, const um_tokenizer *tokenizer, um_error *error) {
    packer->end = um_tokenizer_eos(tokenizer);
    if (packer->end < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "tokenizer_config.json names no \"eos_token\" that the vocabulary has");
    }
    UM_TRY(um_encoder_create(tokenizer, &packer->encoder, error));
    return um_shard_writer_create(um_tokenizer_vocabulary_size(tokenizer), &packer->writer, error);
}

um_status um_packer_create(const um_tokenizer *tokenizer, um_packer **packer, um_error *error) {
    *packer = NULL;
    um_packer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "packer", sizeof *created);
    }
    const um_status status = set_up(created, tokenizer, error);
    if (status != UM_OK) {
        um_packer_free(created);
        return status;
    }
    *packer = created;
    return UM_OK;
}

void um_packer_free(um_packer *packer) {
    if (packer) {
        um_encoder_free(packer->encoder);
        um_shard_writer_free(packer->writer);
        um_token_list_free(&packer->tokens);
        free(packer);
    }
}

/* Append the tokens of a member.  Unlike other strings of JSON files, a text may hold NUL. */
static um_status encode_member(um_packer *packer, const json_t *document, const char *key,
                               bool required, const char *where, um_error *error) {
    const json_t *text = json_object_get(document, key);
    if (!text || json_is_null(text)) {
        return required ? UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is missing", where, key)
                        : UM_OK;
    }
    if (!json_is_string(text)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is not a string", where, key);
    }
    return um_encoder_encode(packer->encoder, json_string_value(text), json_string_length(text),
                             false, &packer->tokens, error);
}

static um_status add_document(um_packer *packer, const json_t *document, const char *where,
                              um_error *error) {
    if (!json_is_object(document)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
    }
    um_token_list_clear(&packer->tokens);
    UM_TRY(encode_member(packer, document, "prompt", false, where, error));
    const size_t prompt_length = packer->tokens.length;
    UM_TRY(encode_member(packer, document, "completion", true, where, error));
    UM_TRY(um_token_list_append(&packer->tokens, packer->end, error));
    return um_shard_writer_add(packer->writer, packer->tokens.ids, packer->tokens.length,
                               prompt_length, error);
}

static size_t length_without_trailing_space(const char *line, size_t length) {
    while (length > 0 && memchr(" \t\r\n", line[length - 1], 4)) {
        length--;
    }
    return length;
}

um_status um_packer_add_line(um_packer *packer, const char *line, size_t length, const char *where,
                             size_t number, um_error *error) {
    const size_t used = length_without_trailing_space(line, length);
    if (used == 0) {
        return UM_OK;
    }
    char place[1100];
    (void)snprintf(place, sizeof place, "%.1000s, line %zu", where, number);
    json_t *document = NULL;
    um_status status = um_json_load_bytes(line, used, "JSON", &document, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", place);
    }
    status = add_document(packer, document, place, error);
    json_decref(document);
    return status;
}

um_status um_packer_write(um_packer *packer, const char *path, um_error *error) {
    if (um_packer_document_count(packer) == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: not written, there is no document", path);
    }
    return um_shard_writer_commit(packer->writer, path, error);
}

size_t um_packer_document_count(const um_packer *packer) {
    return um_shard_writer_document_count(packer->writer);
}

size_t um_packer_token_count(const um_packer *packer) {
    return um_shard_writer_token_count(packer->writer);
}
