#include "tokenizer/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/train_internal.h"

#define BYTE_TOKENS ((size_t)256)

static const char *const usual_tokens[] = {"<|endoftext|>",  "<|im_start|>",   "<|im_end|>",
                                           "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
                                           "<|mask|>",       "<|dlm_pad|>"};
#define USUAL_COUNT (sizeof usual_tokens / sizeof *usual_tokens)

/* ---- Special tokens ----------------------------------------------------------- */

static um_status count_pieces(void *user, const char *piece, size_t length, um_error *error) {
    (void)piece;
    (void)length;
    (void)error;
    (*(size_t *)user)++;
    return UM_OK;
}

/* Set *one if `text` is a single piece, so that a token like it could be learned.  Asked of a
 * special token as it is, and as the bytes that its characters would stand for in the files. */
static um_status is_one_piece(um_tokenizer_trainer *trainer, const char *text, size_t length,
                              bool *one, um_error *error) {
    size_t pieces = 0;
    um_split_scratch *scratch = &trainer->workers[0].split;
    UM_TRY(
        um_splitter_run(&trainer->splitter, scratch, text, length, count_pieces, &pieces, error));
    *one = *one || pieces == 1;
    return UM_OK;
}

static um_status check_ambiguity(um_tokenizer_trainer *trainer, const char *token,
                                 um_error *error) {
    um_buffer bytes = {0};
    bool mapped = false;
    bool ambiguous = false;
    um_status status = is_one_piece(trainer, token, strlen(token), &ambiguous, error);
    if (status == UM_OK) {
        status = um_bytes_of_text(token, strlen(token), &bytes, &mapped, error);
    }
    if (status == UM_OK && mapped && um_utf8_valid(bytes.data, bytes.length)) {
        status = is_one_piece(trainer, bytes.data, bytes.length, &ambiguous, error);
    }
    um_buffer_free(&bytes);
    UM_TRY(status);
    return ambiguous ? UM_RAISE(error, UM_ERR_ARGUMENT,
                                "special token \"%.60s\": text may have a token of this name; take "
                                "one that no word is, such as \"<|name|>\"",
                                token)
                     : UM_OK;
}

static um_status add_special(um_tokenizer_trainer *trainer, const char *token, um_error *error) {
    if (token[0] == '\0' || !um_utf8_valid(token, strlen(token))) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "special token \"%.60s\" is %s", token,
                        token[0] == '\0' ? "empty" : "not UTF-8");
    }
    for (size_t i = 0; i < trainer->special_count; i++) {
        if (strcmp(trainer->special_tokens[i], token) == 0) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "special token \"%.60s\" is there already",
                            token);
        }
    }
    UM_TRY(check_ambiguity(trainer, token, error));
    char *copy = strdup(token);
    if (!copy) {
        return um_error_memory(error, "special token", strlen(token) + 1);
    }
    trainer->special_tokens[trainer->special_count++] = copy;
    return UM_OK;
}

static um_status add_special_tokens(um_tokenizer_trainer *trainer,
                                    const um_tokenizer_training *training, um_error *error) {
    UM_TRY(um_allocate(&trainer->special_tokens, USUAL_COUNT + training->special_count,
                       sizeof *trainer->special_tokens, "special tokens", error));
    for (size_t i = 0; i < USUAL_COUNT; i++) {
        UM_TRY(add_special(trainer, usual_tokens[i], error));
    }
    for (size_t i = 0; i < training->special_count; i++) {
        UM_TRY(add_special(trainer, training->special_tokens[i], error));
    }
    return UM_OK;
}

/* ---- Life ---------------------------------------------------------------------- */

static um_status check_size(const um_tokenizer_training *training, um_error *error) {
    const size_t smallest = BYTE_TOKENS + USUAL_COUNT + training->special_count;
    if (training->vocabulary_size >= smallest &&
        training->vocabulary_size <= UM_VOCABULARY_MAXIMUM_SIZE) {
        return UM_OK;
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "a vocabulary of %zu: it can have %zu (the bytes and %zu special tokens) to "
                    "%zu tokens",
                    training->vocabulary_size, smallest, smallest - BYTE_TOKENS,
                    UM_VOCABULARY_MAXIMUM_SIZE);
}

static um_status set_up(um_tokenizer_trainer *trainer, const um_tokenizer_training *training,
                        um_error *error) {
    UM_TRY(check_size(training, error));
    trainer->vocabulary_size = training->vocabulary_size;
    trainer->minimum_count = training->minimum_count;
    trainer->replace_ill_formed = training->replace_ill_formed;
    UM_TRY(um_splitter_add(&trainer->splitter, UM_SPLIT_PATTERN, um_splitter_qwen2_pattern,
                           strlen(um_splitter_qwen2_pattern), error));
    UM_TRY(um_thread_pool_create(training->threads, &trainer->pool, error));
    UM_TRY(um_allocate(&trainer->workers, um_thread_pool_size(trainer->pool),
                       sizeof *trainer->workers, "tokenizer training", error));
    return add_special_tokens(trainer, training, error);
}

um_status um_tokenizer_trainer_create(const um_tokenizer_training *training,
                                      um_tokenizer_trainer **trainer, um_error *error) {
    *trainer = NULL;
    um_tokenizer_trainer *created = NULL;
    UM_TRY(um_allocate(&created, 1, sizeof *created, "tokenizer training", error));
    const um_status status = set_up(created, training, error);
    if (status != UM_OK) {
        um_tokenizer_trainer_free(created);
        return status;
    }
    *trainer = created;
    return UM_OK;
}

static void free_worker(um_count_worker *worker) {
    um_split_scratch_free(&worker->split);
    um_buffer_free(&worker->normalized);
    um_piece_counts_free(&worker->counts);
}

void um_tokenizer_trainer_free(um_tokenizer_trainer *trainer) {
    if (!trainer) {
        return;
    }
    for (size_t i = 0; trainer->workers && i < um_thread_pool_size(trainer->pool); i++) {
        free_worker(&trainer->workers[i]);
    }
    for (size_t i = 0; i < trainer->special_count; i++) {
        free(trainer->special_tokens[i]);
    }
    free(trainer->workers);
    free(trainer->special_tokens);
    um_thread_pool_free(trainer->pool);
    um_splitter_free(&trainer->splitter);
    um_buffer_free(&trainer->pending);
    um_buffer_free(&trainer->repaired);
    free(trainer->slices);
    um_piece_counts_free(&trainer->counts);
    um_learned_merges_free(&trainer->learned);
    free(trainer);
}

/* ---- Text to merges --------------------------------------------------------------- */

/* The offset of the first ill-formed byte. */
static size_t ill_formed_at(const char *text, size_t length) {
    size_t at = 0;
    uint32_t code_point = 0;
    size_t used = 0;
    while (at < length && um_utf8_next(text + at, length - at, &code_point, &used)) {
        at += used;
    }
    return at;
}

um_status um_tokenizer_trainer_add_text(um_tokenizer_trainer *trainer, const char *text,
                                        size_t length, const char *where, const um_watch *watch,
                                        um_error *error) {
    if (um_utf8_valid(text, length)) {
        return um_trainer_queue_text(trainer, text, length, watch, error);
    }
    if (!trainer->replace_ill_formed) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%.300s: byte %zu is not UTF-8", where,
                        ill_formed_at(text, length));
    }
    um_buffer_clear(&trainer->repaired);
    UM_TRY(um_utf8_repair(text, length, &trainer->repaired, error));
    return um_trainer_queue_text(trainer, trainer->repaired.data, trainer->repaired.length, watch,
                                 error);
}

um_status um_tokenizer_trainer_learn(um_tokenizer_trainer *trainer, const um_watch *watch,
                                     um_error *error) {
    UM_TRY(um_trainer_finish_counts(trainer, error));
    if (trainer->counts.length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "there is no text to learn from");
    }
    return um_learn_merges(&trainer->counts, trainer->vocabulary_size - trainer->special_count,
                           trainer->minimum_count, watch, &trainer->learned, error);
}

um_tokenizer_training_counts um_tokenizer_trainer_counts(const um_tokenizer_trainer *trainer) {
    const size_t learned = trainer->learned.vocabulary.size;
    return (um_tokenizer_training_counts){.texts = trainer->texts,
                                          .bytes = trainer->bytes,
                                          .pieces = trainer->counts.length,
                                          .vocabulary_size =
                                              learned > 0 ? learned + trainer->special_count : 0};
}
