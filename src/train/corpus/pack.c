#include "train/corpus/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "tokenizer/chat.h"
#include "tokenizer/fim.h"
#include "train/corpus/corpus_writer.h"

struct um_packer {
    const um_tokenizer *tokenizer;
    um_pack_options options;
    um_encoder *encoder;
    um_corpus_writer *writer;
    um_token_list tokens; /* of one document */
    um_document document; /* its lengths */
    int32_t end;
    um_fim_tokens fim;
    um_pack_counts counts;
};

/* ---- Setting up --------------------------------------------------------------- */

static um_status find_fim_tokens(um_packer *packer, um_error *error) {
    const char *missing = um_fim_tokens_find(packer->tokenizer, &packer->fim);
    return !missing ? UM_OK
                    : UM_RAISE(error, UM_ERR_MISMATCH,
                               "the tokenizer has no token \"%s\"; pack infilling documents as a "
                               "canvas, or leave them out",
                               missing);
}

static um_status set_up(um_packer *packer, um_error *error) {
    packer->end = um_tokenizer_eos(packer->tokenizer);
    if (packer->end < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "tokenizer_config.json names no \"eos_token\" that the vocabulary has");
    }
    if (packer->options.infilling == UM_INFILLING_FIM) {
        UM_TRY(find_fim_tokens(packer, error));
    }
    UM_TRY(um_encoder_create(packer->tokenizer, &packer->encoder, error));
    return um_corpus_writer_create(um_tokenizer_vocabulary_size(packer->tokenizer),
                                   packer->options.output, packer->options.shard_tokens,
                                   &packer->writer, error);
}

um_status um_packer_create(const um_tokenizer *tokenizer, const um_pack_options *options,
                           um_packer **packer, um_error *error) {
    *packer = NULL;
    um_packer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "packer", sizeof *created);
    }
    created->tokenizer = tokenizer;
    created->options = *options;
    const um_status status = set_up(created, error);
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
        um_corpus_writer_free(packer->writer);
        um_token_list_free(&packer->tokens);
        free(packer);
    }
}

/* ---- Completion and infilling -------------------------------------------------- */

/* *text is NULL if the member is missing or null.  Unlike other strings in JSON files, a text may
 * contain NUL. */
static um_status find_text(const json_t *document, const char *key, const json_t **text,
                           const char *where, um_error *error) {
    *text = json_object_get(document, key);
    if (!*text || json_is_null(*text)) {
        *text = NULL;
        return UM_OK;
    }
    return json_is_string(*text)
               ? UM_OK
               : UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is not a string", where, key);
}

/* `text` may be NULL; `continues`: it follows other text. */
static um_status append_text(um_packer *packer, const json_t *text, bool continues,
                             um_error *error) {
    if (!text) {
        return UM_OK;
    }
    const char *value = json_string_value(text);
    const size_t length = json_string_length(text);
    return continues
               ? um_encoder_continue(packer->encoder, value, length, false, &packer->tokens, error)
               : um_encoder_encode(packer->encoder, value, length, false, &packer->tokens, error);
}

static um_status append_token(um_packer *packer, int32_t token, um_error *error) {
    return um_token_list_append(&packer->tokens, token, error);
}

/* A completion has no suffix: NULL. */
static um_status append_canvas(um_packer *packer, const json_t *prompt, const json_t *completion,
                               const json_t *suffix, um_error *error) {
    UM_TRY(append_text(packer, prompt, false, error));
    packer->document.prompt_length = packer->tokens.length;
    UM_TRY(append_text(packer, completion, packer->tokens.length > 0, error));
    UM_TRY(append_token(packer, packer->end, error));
    const size_t answer_end = packer->tokens.length;
    UM_TRY(append_text(packer, suffix, true, error));
    packer->document.suffix_length = packer->tokens.length - answer_end;
    return UM_OK;
}

static um_status append_fim(um_packer *packer, const json_t *prompt, const json_t *completion,
                            const json_t *suffix, um_error *error) {
    UM_TRY(append_token(packer, packer->fim.prefix, error));
    UM_TRY(append_text(packer, prompt, false, error));
    UM_TRY(append_token(packer, packer->fim.suffix, error));
    UM_TRY(append_text(packer, suffix, false, error));
    UM_TRY(append_token(packer, packer->fim.middle, error));
    packer->document.prompt_length = packer->tokens.length;
    UM_TRY(append_text(packer, completion, false, error));
    return append_token(packer, packer->end, error);
}

/* *taken becomes false if the document is left out. */
static um_status append_texts(um_packer *packer, const json_t *document, const char *where,
                              bool *taken, um_error *error) {
    const json_t *prompt = NULL;
    const json_t *completion = NULL;
    const json_t *suffix = NULL;
    UM_TRY(find_text(document, "prompt", &prompt, where, error));
    UM_TRY(find_text(document, "completion", &completion, where, error));
    UM_TRY(find_text(document, "suffix", &suffix, where, error));
    if (!completion) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"completion\" is missing", where);
    }
    if (!suffix) {
        return append_canvas(packer, prompt, completion, NULL, error);
    }
    switch (packer->options.infilling) {
        case UM_INFILLING_CANVAS:
            packer->counts.infillings++;
            return append_canvas(packer, prompt, completion, suffix, error);
        case UM_INFILLING_FIM:
            packer->counts.infillings++;
            return append_fim(packer, prompt, completion, suffix, error);
        case UM_INFILLING_NONE:
            break;
    }
    packer->counts.left_out++;
    *taken = false;
    return UM_OK;
}

/* ---- Chat ------------------------------------------------------------------------ */

static um_status read_message(const json_t *object, size_t number, um_chat_message *message,
                              const char *where, um_error *error) {
    const json_t *role = json_object_get(object, "role");
    const json_t *content = json_object_get(object, "content");
    if (!json_is_string(role) || !json_is_string(content)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: message %zu is not an object with the strings \"role\" and "
                        "\"content\"",
                        where, number);
    }
    *message = (um_chat_message){.role = json_string_value(role),
                                 .content = json_string_value(content),
                                 .content_length = json_string_length(content)};
    return UM_OK;
}

/* Append the conversation as `unmask generate --chat` shows it to the model, then the last
 * answer. */
static um_status append_conversation(um_packer *packer, const um_chat_message *messages,
                                     size_t count, const char *where, um_error *error) {
    const um_chat_message *answer = &messages[count - 1];
    if (count < 2 || strcmp(answer->role, "assistant") != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: \"messages\" has to end with a message of the assistant that answers "
                        "another",
                        where);
    }
    const um_status status =
        um_chat_encode(packer->tokenizer, messages, count - 1, true, &packer->tokens, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", where);
    }
    packer->document.prompt_length = packer->tokens.length;
    UM_TRY(um_encoder_continue(packer->encoder, answer->content, answer->content_length, false,
                               &packer->tokens, error));
    packer->counts.chats++;
    return append_token(packer, um_chat_end_of_turn(packer->tokenizer), error);
}

static um_status append_chat(um_packer *packer, const json_t *list, const char *where,
                             um_error *error) {
    const size_t count = json_array_size(list);
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"messages\" is not a list of messages", where);
    }
    um_chat_message *messages = NULL;
    UM_TRY(um_allocate(&messages, count, sizeof *messages, "messages", error));
    um_status status = UM_OK;
    for (size_t i = 0; i < count && status == UM_OK; i++) {
        status = read_message(json_array_get(list, i), i, &messages[i], where, error);
    }
    if (status == UM_OK) {
        status = append_conversation(packer, messages, count, where, error);
    }
    free(messages);
    return status;
}

/* ---- Documents --------------------------------------------------------------------- */

static void count_document(um_packer *packer) {
    const size_t length = packer->document.length;
    um_pack_counts *counts = &packer->counts;
    counts->longest = length > counts->longest ? length : counts->longest;
    counts->too_long +=
        packer->options.context_length > 0 && length > packer->options.context_length;
}

static um_status add_document(um_packer *packer, const json_t *document, const char *where,
                              um_error *error) {
    um_token_list_clear(&packer->tokens);
    packer->document = (um_document){0};
    bool taken = true;
    const json_t *messages = json_object_get(document, "messages");
    UM_TRY(messages ? append_chat(packer, messages, where, error)
                    : append_texts(packer, document, where, &taken, error));
    if (!taken) {
        return UM_OK;
    }
    packer->document.length = packer->tokens.length;
    count_document(packer);
    return um_corpus_writer_add(packer->writer, packer->tokens.ids, packer->document, error);
}

um_status um_packer_add_line(um_packer *packer, const char *bytes, size_t length, const char *path,
                             size_t number, um_error *error) {
    um_json_line line;
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    const um_status status =
        line.object ? add_document(packer, line.object, line.where, error) : UM_OK;
    json_decref(line.object);
    return status;
}

um_status um_packer_commit(um_packer *packer, um_error *error) {
    if (um_corpus_writer_document_count(packer->writer) == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: not written, there is no document",
                        packer->options.output);
    }
    return um_corpus_writer_commit(packer->writer, error);
}

um_pack_counts um_packer_counts(const um_packer *packer) {
    um_pack_counts counts = packer->counts;
    counts.documents = um_corpus_writer_document_count(packer->writer);
    counts.tokens = um_corpus_writer_token_count(packer->writer);
    counts.shards = um_corpus_writer_shard_count(packer->writer);
    return counts;
}
