#include "tokenizer/train_merges.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/train_pairs.h"

/* One more than the last character of the byte alphabet. */
#define ALPHABET_END 0x144U

typedef struct learning {
    const um_piece_counts *counts;
    um_learned_merges *learned;
    um_pair_table pairs;
    int32_t *tokens; /* those of piece i start at its offset: lengths[i] of them */
    size_t *lengths; /* [pieces] */
    um_buffer bytes; /* of a new token */
} learning;

/* ---- Start: bytes --------------------------------------------------------------- */

static um_status add_bytes(um_vocabulary *vocabulary, int32_t ids[256], um_error *error) {
    int32_t next = 0;
    for (uint32_t character = 0; character < ALPHABET_END; character++) {
        const int byte = um_byte_of_character(character);
        if (byte >= 0) {
            const char bytes = (char)byte;
            UM_TRY(um_vocabulary_add(vocabulary, next, &bytes, 1, true, error));
            ids[byte] = next++;
        }
    }
    return UM_OK;
}

static um_status spell_pieces(learning *work, um_error *error) {
    const um_piece_counts *counts = work->counts;
    int32_t ids[256];
    UM_TRY(add_bytes(&work->learned->vocabulary, ids, error));
    UM_TRY(um_allocate(&work->tokens, counts->bytes.length, sizeof *work->tokens,
                       "tokens of the pieces", error));
    UM_TRY(um_allocate(&work->lengths, counts->length, sizeof *work->lengths, "pieces of text",
                       error));
    for (size_t i = 0; i < counts->bytes.length; i++) {
        work->tokens[i] = ids[(uint8_t)counts->bytes.data[i]];
    }
    for (size_t i = 0; i < counts->length; i++) {
        work->lengths[i] = counts->pieces[i].length;
    }
    return UM_OK;
}

static um_status count_pairs(learning *work, um_error *error) {
    for (size_t i = 0; i < work->counts->length; i++) {
        const um_counted_piece *piece = &work->counts->pieces[i];
        const int32_t *tokens = work->tokens + piece->offset;
        for (size_t at = 0; at + 1 < piece->length; at++) {
            UM_TRY(um_pair_table_count(&work->pairs, tokens[at], tokens[at + 1],
                                       (int64_t)piece->count, true, (uint32_t)i, error));
        }
    }
    return um_pair_table_queue_formed(&work->pairs, error);
}

/* ---- One merge ------------------------------------------------------------------ */

/* Add the token of the pair, with the next id. */
static um_status add_token(learning *work, const um_queued_pair *pair, int32_t *joined,
                           um_error *error) {
    um_vocabulary *vocabulary = &work->learned->vocabulary;
    const int32_t parts[2] = {pair->left, pair->right};
    um_buffer_clear(&work->bytes);
    for (int i = 0; i < 2; i++) {
        const char *bytes = NULL;
        size_t length = 0;
        (void)um_vocabulary_bytes(vocabulary, parts[i], &bytes, &length);
        UM_TRY(um_buffer_append(&work->bytes, bytes, length, error));
    }
    *joined = (int32_t)vocabulary->size;
    return um_vocabulary_add(vocabulary, *joined, work->bytes.data, work->bytes.length, true,
                             error);
}

/* In `piece`, `other` (before or after the pair) now forms a pair with the joined token instead of
 * with one of the two.  The count of the joined pair itself does not matter: it has left the queue
 * and never comes up again. */
static um_status replace_pair(learning *work, const um_queued_pair *pair, int32_t joined,
                              int32_t other, bool before, uint32_t piece, um_error *error) {
    const int64_t count = (int64_t)work->counts->pieces[piece].count;
    if (before) {
        UM_TRY(um_pair_table_count(&work->pairs, other, pair->left, -count, false, piece, error));
        return um_pair_table_count(&work->pairs, other, joined, count, true, piece, error);
    }
    UM_TRY(um_pair_table_count(&work->pairs, pair->right, other, -count, false, piece, error));
    return um_pair_table_count(&work->pairs, joined, other, count, true, piece, error);
}

/* Join the pair wherever it occurs in the piece, from left to right. */
static um_status join_in_piece(learning *work, const um_queued_pair *pair, int32_t joined,
                               uint32_t piece, um_error *error) {
    int32_t *tokens = work->tokens + work->counts->pieces[piece].offset;
    const size_t length = work->lengths[piece];
    size_t kept = 0;
    for (size_t at = 0; at < length; at++) {
        if (at + 1 == length || tokens[at] != pair->left || tokens[at + 1] != pair->right) {
            tokens[kept++] = tokens[at];
            continue;
        }
        if (kept > 0) {
            UM_TRY(replace_pair(work, pair, joined, tokens[kept - 1], true, piece, error));
        }
        if (at + 2 < length) {
            UM_TRY(replace_pair(work, pair, joined, tokens[at + 2], false, piece, error));
        }
        tokens[kept++] = joined;
        at++;
    }
    work->lengths[piece] = kept;
    return UM_OK;
}

static um_status join_pair(learning *work, const um_queued_pair *pair, um_error *error) {
    um_learned_merges *learned = work->learned;
    int32_t joined = -1;
    UM_TRY(add_token(work, pair, &joined, error));
    UM_TRY(um_grow(&learned->merges, &learned->capacity, learned->length + 1,
                   sizeof *learned->merges, "merges", error));
    learned->merges[learned->length++] = (um_learned_merge){pair->left, pair->right, joined};
    for (size_t i = 0; i < pair->pieces.length; i++) {
        UM_TRY(join_in_piece(work, pair, joined, pair->pieces.pieces[i], error));
    }
    return um_pair_table_queue_formed(&work->pairs, error);
}

/* ---- The whole ------------------------------------------------------------------ */

static um_status learn(learning *work, size_t size, uint64_t minimum_count, const um_watch *watch,
                       um_error *error) {
    UM_TRY(spell_pieces(work, error));
    UM_TRY(um_watch_tell(watch, 0, size, error));
    UM_TRY(count_pairs(work, error));
    const um_vocabulary *vocabulary = &work->learned->vocabulary;
    while (vocabulary->size < size) {
        UM_TRY(um_watch_tell(watch, vocabulary->size, size, error));
        um_queued_pair pair;
        if (!um_pair_table_take(&work->pairs, &pair)) {
            break;
        }
        const bool frequent = (uint64_t)pair.count >= minimum_count;
        const um_status status = frequent ? join_pair(work, &pair, error) : UM_OK;
        free(pair.pieces.pieces);
        UM_TRY(status);
        if (!frequent) {
            break;
        }
    }
    return UM_OK;
}

um_status um_learn_merges(const um_piece_counts *counts, size_t size, uint64_t minimum_count,
                          const um_watch *watch, um_learned_merges *learned, um_error *error) {
    learning work = {.counts = counts, .learned = learned};
    *learned = (um_learned_merges){0};
    const um_status status = learn(&work, size, minimum_count, watch, error);
    um_pair_table_free(&work.pairs);
    free(work.tokens);
    free(work.lengths);
    um_buffer_free(&work.bytes);
    if (status != UM_OK) {
        um_learned_merges_free(learned);
    }
    return status;
}

void um_learned_merges_free(um_learned_merges *learned) {
    um_vocabulary_free(&learned->vocabulary);
    free(learned->merges);
    *learned = (um_learned_merges){0};
}
