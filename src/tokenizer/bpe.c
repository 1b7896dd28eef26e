#include "tokenizer/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/hash.h"

#define NO_RANK INT32_MAX
#define NO_SYMBOL UINT32_MAX
#define EMPTY_PAIR UINT64_MAX

/* Up to this length a piece is encoded by rescanning it for the lowest rank, without a heap:
 * quadratic, but faster for words. */
#define SHORT_PIECE 40

typedef struct um_merge {
    uint64_t pair;
    int32_t rank;
    int32_t joined;
} um_merge;

/* A token of a long piece, linked to its neighbours. */
typedef struct um_bpe_symbol {
    int32_t id; /* -1 once it has been joined to the one before */
    int32_t rank;
    int32_t joined; /* rank and result of the pair that starts here; NO_RANK: none */
    uint32_t previous;
    uint32_t next;
} um_bpe_symbol;

static uint64_t pair_of(int32_t left, int32_t right) {
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

/* The slot that holds the pair, or the empty one where it belongs. */
static um_merge *merge_slot(const um_bpe *bpe, uint64_t pair) {
    const size_t mask = bpe->merge_slots - 1;
    size_t slot = (size_t)um_hash_integer(pair) & mask;
    while (bpe->merges[slot].pair != pair && bpe->merges[slot].pair != EMPTY_PAIR) {
        slot = (slot + 1) & mask;
    }
    return &bpe->merges[slot];
}

/* The rank of joining the two, NO_RANK if they do not join; *joined is the result. */
static int32_t rank_of(const um_bpe *bpe, int32_t left, int32_t right, int32_t *joined) {
    if (bpe->merge_slots == 0) {
        return NO_RANK;
    }
    const um_merge *merge = merge_slot(bpe, pair_of(left, right));
    if (merge->pair == EMPTY_PAIR) {
        return NO_RANK;
    }
    *joined = merge->joined;
    return merge->rank;
}

static um_status grow_merges(um_bpe *bpe, um_error *error) {
    um_merge *old = bpe->merges;
    const size_t old_slots = bpe->merge_slots;
    const size_t slots = old_slots == 0 ? 1024 : old_slots * 2;
    um_merge *merges = NULL;
    UM_TRY(um_allocate(&merges, slots, sizeof *merges, "merge table", error));
    memset(merges, 0xFF, slots * sizeof *merges);
    bpe->merges = merges;
    bpe->merge_slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i].pair != EMPTY_PAIR) {
            *merge_slot(bpe, old[i].pair) = old[i];
        }
    }
    free(old);
    return UM_OK;
}

um_status um_bpe_add_merge(um_bpe *bpe, int32_t left, int32_t right, int32_t joined, int32_t rank,
                           um_error *error) {
    if (bpe->merge_count >= bpe->merge_slots / 8 * 5) {
        UM_TRY(grow_merges(bpe, error));
    }
    const uint64_t pair = pair_of(left, right);
    um_merge *slot = merge_slot(bpe, pair);
    bpe->merge_count += slot->pair == EMPTY_PAIR;
    *slot = (um_merge){pair, rank, joined};
    return UM_OK;
}

void um_bpe_index_bytes(um_bpe *bpe) {
    for (int value = 0; value < 256; value++) {
        const char byte = (char)value;
        bpe->byte_ids[value] = um_vocabulary_find(&bpe->vocabulary, &byte, 1);
    }
}

/* ---- Start: bytes or characters ------------------------------------------- */

static size_t spell_bytes(const um_bpe *bpe, const char *bytes, size_t length, int32_t *ids) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        const int32_t id = bpe->byte_ids[(uint8_t)bytes[i]];
        if (id >= 0) {
            ids[count++] = id;
        }
    }
    return count;
}

/* The initial tokens, up to four, of the first byte or of the first character.  Returns their
 * number; *used is the number of bytes that they stand for. */
static size_t spell_next(const um_bpe *bpe, const char *text, size_t length, int32_t ids[4],
                         size_t *used) {
    *used = 1;
    if (bpe->characters) {
        uint32_t code_point = 0;
        (void)um_utf8_next(text, length, &code_point, used);
        ids[0] = um_vocabulary_find(&bpe->vocabulary, text, *used);
        if (ids[0] >= 0) {
            return 1;
        }
    }
    return spell_bytes(bpe, text, *used, ids);
}

/* The initial tokens of the whole `text`, at most one per byte. */
static size_t spell(const um_bpe *bpe, const char *text, size_t length, int32_t *ids) {
    if (!bpe->characters) {
        return spell_bytes(bpe, text, length, ids);
    }
    size_t count = 0;
    for (size_t at = 0, used = 0; at < length; at += used) {
        int32_t next[4];
        const size_t more = spell_next(bpe, text + at, length - at, next, &used);
        memcpy(ids + count, next, more * sizeof *next);
        count += more;
    }
    return count;
}

/* ---- Short pieces --------------------------------------------------------- */

/* The tokens of a short piece, and for each the pair that it starts. */
typedef struct short_word {
    int32_t ids[SHORT_PIECE];
    int32_t ranks[SHORT_PIECE];
    int32_t joined[SHORT_PIECE];
    size_t count;
} short_word;

static void rank_pair(const um_bpe *bpe, short_word *word, size_t at) {
    word->ranks[at] = at + 1 < word->count
                          ? rank_of(bpe, word->ids[at], word->ids[at + 1], &word->joined[at])
                          : NO_RANK;
}

static size_t lowest_rank(const short_word *word) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < word->count; i++) {
        if (word->ranks[i] < word->ranks[best]) {
            best = i;
        }
    }
    return best;
}

static void join_pair(const um_bpe *bpe, short_word *word, size_t at) {
    word->ids[at] = word->joined[at];
    const size_t moved = (word->count - at - 2) * sizeof *word->ids;
    memmove(word->ids + at + 1, word->ids + at + 2, moved);
    memmove(word->ranks + at + 1, word->ranks + at + 2, moved);
    memmove(word->joined + at + 1, word->joined + at + 2, moved);
    word->count--;
    rank_pair(bpe, word, at);
    if (at > 0) {
        rank_pair(bpe, word, at - 1);
    }
}

static um_status encode_short(const um_bpe *bpe, const char *piece, size_t length,
                              um_token_list *out, um_error *error) {
    short_word word;
    word.count = spell(bpe, piece, length, word.ids);
    for (size_t i = 0; i < word.count; i++) {
        rank_pair(bpe, &word, i);
    }
    while (word.count > 1) {
        const size_t best = lowest_rank(&word);
        if (word.ranks[best] == NO_RANK) {
            break;
        }
        join_pair(bpe, &word, best);
    }
    return um_token_list_append_all(out, word.ids, word.count, error);
}

/* ---- Long pieces: a linked list and a heap of (rank, position) ------------ */

static um_status heap_push(um_bpe_scratch *scratch, uint64_t key, um_error *error) {
    UM_TRY(um_grow(&scratch->heap, &scratch->heap_capacity, scratch->heap_length + 1,
                   sizeof *scratch->heap, "merge queue", error));
    size_t at = scratch->heap_length++;
    while (at > 0 && scratch->heap[(at - 1) / 2] > key) {
        scratch->heap[at] = scratch->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    scratch->heap[at] = key;
    return UM_OK;
}

static uint64_t heap_pop(um_bpe_scratch *scratch) {
    const uint64_t top = scratch->heap[0];
    const uint64_t key = scratch->heap[--scratch->heap_length];
    const size_t length = scratch->heap_length;
    size_t at = 0;
    for (size_t child = 1; child < length; child = 2 * at + 1) {
        if (child + 1 < length && scratch->heap[child + 1] < scratch->heap[child]) {
            child++;
        }
        if (key <= scratch->heap[child]) {
            break;
        }
        scratch->heap[at] = scratch->heap[child];
        at = child;
    }
    scratch->heap[at] = key;
    return top;
}

/* Look up the pair that starts at `at` and queue it. */
static um_status queue_pair(const um_bpe *bpe, um_bpe_scratch *scratch, uint32_t at,
                            um_error *error) {
    um_bpe_symbol *symbol = &scratch->symbols[at];
    symbol->rank = NO_RANK;
    if (symbol->next == NO_SYMBOL) {
        return UM_OK;
    }
    symbol->rank = rank_of(bpe, symbol->id, scratch->symbols[symbol->next].id, &symbol->joined);
    if (symbol->rank == NO_RANK) {
        return UM_OK;
    }
    return heap_push(scratch, (uint64_t)(uint32_t)symbol->rank << 32 | at, error);
}

static um_status join_symbols(const um_bpe *bpe, um_bpe_scratch *scratch, uint32_t at,
                              um_error *error) {
    um_bpe_symbol *left = &scratch->symbols[at];
    um_bpe_symbol *right = &scratch->symbols[left->next];
    left->id = left->joined;
    left->next = right->next;
    right->id = -1;
    right->rank = NO_RANK;
    if (left->next != NO_SYMBOL) {
        scratch->symbols[left->next].previous = at;
    }
    UM_TRY(queue_pair(bpe, scratch, at, error));
    return left->previous == NO_SYMBOL ? UM_OK : queue_pair(bpe, scratch, left->previous, error);
}

/* Put the initial tokens of the piece into the list; *count is their number. */
static um_status start_symbols(const um_bpe *bpe, um_bpe_scratch *scratch, const char *piece,
                               size_t length, uint32_t *count, um_error *error) {
    UM_TRY(um_grow(&scratch->symbols, &scratch->symbol_capacity, length, sizeof *scratch->symbols,
                   "piece", error));
    uint32_t used = 0;
    for (size_t at = 0, bytes = 0; at < length; at += bytes) {
        int32_t ids[4];
        const size_t more = spell_next(bpe, piece + at, length - at, ids, &bytes);
        for (size_t i = 0; i < more; i++) {
            scratch->symbols[used] = (um_bpe_symbol){
                .id = ids[i], .previous = used == 0 ? NO_SYMBOL : used - 1, .next = used + 1};
            used++;
        }
    }
    if (used > 0) {
        scratch->symbols[used - 1].next = NO_SYMBOL;
    }
    *count = used;
    return UM_OK;
}

static um_status encode_long(const um_bpe *bpe, um_bpe_scratch *scratch, const char *piece,
                             size_t length, um_token_list *out, um_error *error) {
    if (length >= NO_SYMBOL) {
        return UM_RAISE(error, UM_ERR_LIMIT, "a piece of text of %zu bytes is too long", length);
    }
    uint32_t count = 0;
    UM_TRY(start_symbols(bpe, scratch, piece, length, &count, error));
    scratch->heap_length = 0;
    for (uint32_t i = 0; i < count; i++) {
        UM_TRY(queue_pair(bpe, scratch, i, error));
    }
    while (scratch->heap_length > 0) {
        const uint64_t key = heap_pop(scratch);
        const uint32_t at = (uint32_t)key;
        /* Each rank belongs to one pair, so an outdated entry has a different rank. */
        if (scratch->symbols[at].rank == (int32_t)(key >> 32)) {
            UM_TRY(join_symbols(bpe, scratch, at, error));
        }
    }
    for (uint32_t at = count > 0 ? 0 : NO_SYMBOL; at != NO_SYMBOL; at = scratch->symbols[at].next) {
        UM_TRY(um_token_list_append(out, scratch->symbols[at].id, error));
    }
    return UM_OK;
}

um_status um_bpe_encode(const um_bpe *bpe, um_bpe_scratch *scratch, const char *piece,
                        size_t length, um_token_list *out, um_error *error) {
    if (bpe->ignore_merges) {
        const int32_t id = um_vocabulary_find(&bpe->vocabulary, piece, length);
        if (id >= 0) {
            return um_token_list_append(out, id, error);
        }
    }
    return length <= SHORT_PIECE ? encode_short(bpe, piece, length, out, error)
                                 : encode_long(bpe, scratch, piece, length, out, error);
}

void um_bpe_scratch_free(um_bpe_scratch *scratch) {
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (um_bpe_scratch){0};
}

void um_bpe_free(um_bpe *bpe) {
    um_vocabulary_free(&bpe->vocabulary);
    free(bpe->merges);
    bpe->merges = NULL;
    bpe->merge_slots = 0;
}
