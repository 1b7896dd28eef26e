/* The two large parts of a model, vocabulary and merges, as both file layouts write them. */
#include <string.h>

#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/internal.h"

/* ---- Vocabulary ------------------------------------------------------------------- */

um_status um_append_token_bytes(const um_tokenizer *tokenizer, const char *token, size_t length,
                                um_buffer *bytes, bool *mapped, um_error *error) {
    if (!tokenizer->pieces.used) {
        return um_bytes_of_text(token, length, bytes, mapped, error);
    }
    *mapped = um_utf8_valid(token, length);
    return um_sentence_pieces_append(token, length, false, bytes, error);
}

/* Add a token that stands for one byte of characters without a token.  It is not found by that
 * byte, which may be a character of its own. */
static um_status add_byte_token(um_tokenizer *tokenizer, uint8_t byte, int64_t id,
                                um_error *error) {
    const char bytes = (char)byte;
    UM_TRY(um_vocabulary_add(&tokenizer->bpe.vocabulary, id, &bytes, 1, false, error));
    tokenizer->bpe.byte_ids[byte] = (int32_t)id;
    return UM_OK;
}

/* `scratch` is overwritten. */
static um_status add_token(um_tokenizer *tokenizer, const char *token, size_t length, int64_t id,
                           um_buffer *scratch, um_error *error) {
    const int byte = tokenizer->pieces.used ? um_sentence_pieces_byte(token, length) : -1;
    if (byte >= 0) {
        return add_byte_token(tokenizer, (uint8_t)byte, id, error);
    }
    bool mapped = false;
    um_buffer_clear(scratch);
    UM_TRY(um_append_token_bytes(tokenizer, token, length, scratch, &mapped, error));
    if (mapped) {
        return um_vocabulary_add(&tokenizer->bpe.vocabulary, id, um_buffer_text(scratch),
                                 scratch->length, true, error);
    }
    if (!um_utf8_valid(token, length)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "token %lld is not UTF-8", (long long)id);
    }
    return um_vocabulary_add(&tokenizer->bpe.vocabulary, id, token, length, false, error);
}

static um_status load_tokens(um_tokenizer *tokenizer, um_json_cursor *cursor, um_buffer *unescaped,
                             um_buffer *scratch, um_error *error) {
    UM_TRY(um_json_cursor_expect(cursor, '{', error));
    if (um_json_cursor_accept(cursor, '}')) {
        return um_json_cursor_expect_end(cursor, error);
    }
    do {
        const char *token = NULL;
        size_t length = 0;
        int64_t id = -1;
        UM_TRY(um_json_cursor_string(cursor, unescaped, &token, &length, error));
        UM_TRY(um_json_cursor_expect(cursor, ':', error));
        const um_status status = um_json_cursor_integer(cursor, &id, error);
        if (status != UM_OK) {
            return um_error_prefix(error, status, "the id of token \"%.*s\"",
                                   (int)(length < 64 ? length : 64), token);
        }
        UM_TRY(add_token(tokenizer, token, length, id, scratch, error));
    } while (um_json_cursor_accept(cursor, ','));
    UM_TRY(um_json_cursor_expect(cursor, '}', error));
    return um_json_cursor_expect_end(cursor, error);
}

um_status um_load_vocabulary(um_tokenizer *tokenizer, um_json_cursor vocabulary, um_error *error) {
    um_buffer unescaped = {0};
    um_buffer scratch = {0};
    const um_status status = load_tokens(tokenizer, &vocabulary, &unescaped, &scratch, error);
    um_buffer_free(&unescaped);
    um_buffer_free(&scratch);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "vocabulary");
}

/* ---- Merges ------------------------------------------------------------------------- */

/* The id of a plain token, or the error of a merge that needs it. */
static um_status require_token(const um_tokenizer *tokenizer, const char *bytes, size_t length,
                               size_t rank, int32_t *id, um_error *error) {
    *id = um_vocabulary_find(&tokenizer->bpe.vocabulary, bytes, length);
    if (*id < 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "merge %zu: \"%.*s\" is not in the vocabulary", rank,
                        (int)(length < 64 ? length : 64), bytes);
    }
    return UM_OK;
}

um_status um_load_merge(um_tokenizer *tokenizer, const um_written_merge *merge, size_t rank,
                        um_buffer *scratch, um_error *error) {
    bool left_mapped = false, right_mapped = false;
    um_buffer_clear(scratch);
    UM_TRY(um_append_token_bytes(tokenizer, merge->left, merge->left_length, scratch, &left_mapped,
                                 error));
    const size_t middle = scratch->length;
    UM_TRY(um_append_token_bytes(tokenizer, merge->right, merge->right_length, scratch,
                                 &right_mapped, error));
    if (!left_mapped || !right_mapped) {
        return UM_RAISE(error, UM_ERR_FORMAT, "merge %zu: a character that stands for no byte",
                        rank);
    }
    int32_t left = -1, right = -1, joined = -1;
    UM_TRY(require_token(tokenizer, scratch->data, middle, rank, &left, error));
    UM_TRY(require_token(tokenizer, scratch->data + middle, scratch->length - middle, rank, &right,
                         error));
    UM_TRY(require_token(tokenizer, scratch->data, scratch->length, rank, &joined, error));
    return um_bpe_add_merge(&tokenizer->bpe, left, right, joined, (int32_t)rank, error);
}

bool um_written_merge_split(const char *text, size_t length, um_written_merge *merge) {
    const char *space = memchr(text, ' ', length);
    const size_t left = space ? (size_t)(space - text) : 0;
    if (left == 0 || left + 1 == length || memchr(space + 1, ' ', length - left - 1)) {
        return false;
    }
    *merge = (um_written_merge){text, left, space + 1, length - left - 1};
    return true;
}

/* Memory for reading merges. */
typedef struct merge_buffers {
    um_buffer left;
    um_buffer right;
    um_buffer scratch;
} merge_buffers;

static um_status read_pair(um_json_cursor *cursor, merge_buffers *buffers, um_written_merge *merge,
                           um_error *error) {
    UM_TRY(um_json_cursor_string(cursor, &buffers->left, &merge->left, &merge->left_length, error));
    UM_TRY(um_json_cursor_expect(cursor, ',', error));
    UM_TRY(
        um_json_cursor_string(cursor, &buffers->right, &merge->right, &merge->right_length, error));
    return um_json_cursor_expect(cursor, ']', error);
}

static um_status read_text(um_json_cursor *cursor, merge_buffers *buffers, um_written_merge *merge,
                           um_error *error) {
    const char *text = NULL;
    size_t length = 0;
    UM_TRY(um_json_cursor_string(cursor, &buffers->left, &text, &length, error));
    return um_written_merge_split(text, length, merge)
               ? UM_OK
               : UM_RAISE(error, UM_ERR_FORMAT, "byte %zu: not \"left right\"", cursor->at);
}

static um_status load_merge_array(um_tokenizer *tokenizer, um_json_cursor *cursor,
                                  merge_buffers *buffers, um_error *error) {
    UM_TRY(um_json_cursor_expect(cursor, '[', error));
    if (um_json_cursor_accept(cursor, ']')) {
        return um_json_cursor_expect_end(cursor, error);
    }
    size_t rank = 0;
    do {
        um_written_merge merge;
        const bool pair = um_json_cursor_accept(cursor, '[');
        const um_status status = pair ? read_pair(cursor, buffers, &merge, error)
                                      : read_text(cursor, buffers, &merge, error);
        if (status != UM_OK) {
            return um_error_prefix(error, status, "merge %zu", rank);
        }
        UM_TRY(um_load_merge(tokenizer, &merge, rank, &buffers->scratch, error));
        rank++;
    } while (um_json_cursor_accept(cursor, ','));
    UM_TRY(um_json_cursor_expect(cursor, ']', error));
    return um_json_cursor_expect_end(cursor, error);
}

um_status um_load_merges(um_tokenizer *tokenizer, um_json_cursor merges, um_error *error) {
    merge_buffers buffers = {{0}, {0}, {0}};
    const um_status status = load_merge_array(tokenizer, &merges, &buffers, error);
    um_buffer_free(&buffers.left);
    um_buffer_free(&buffers.right);
    um_buffer_free(&buffers.scratch);
    return status;
}
