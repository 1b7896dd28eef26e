#include "tokenizer/train_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tokenizer/hash.h"

#define FIRST_SLOTS ((size_t)1024)

/* Pieces are numbered by 32 bits. */
#define MAXIMUM_PIECES ((size_t)UINT32_MAX - 1)
#define EMPTY UINT32_MAX

/* The part of the hash kept beside the number avoids most comparisons with the bytes of other
 * pieces. */
typedef struct um_piece_slot {
    uint32_t piece; /* EMPTY: none */
    uint32_t tag;
} um_piece_slot;

static bool holds(const um_piece_counts *counts, uint32_t number, const char *piece,
                  size_t length) {
    const um_counted_piece *held = &counts->pieces[number];
    return held->length == length && memcmp(counts->bytes.data + held->offset, piece, length) == 0;
}

/* The slot that holds these bytes, or the empty one where they belong. */
static um_piece_slot *slot_of(const um_piece_counts *counts, uint64_t hash, const char *piece,
                              size_t length) {
    const size_t mask = counts->slot_count - 1;
    const uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        um_piece_slot *slot = &counts->slots[at];
        if (slot->piece == EMPTY ||
            (slot->tag == tag && holds(counts, slot->piece, piece, length))) {
            return slot;
        }
    }
}

/* The slots keep only half of each hash, so the hashes are computed from the bytes again. */
static um_status grow_index(um_piece_counts *counts, um_error *error) {
    const size_t slot_count = counts->slot_count == 0 ? FIRST_SLOTS : counts->slot_count * 2;
    um_piece_slot *slots = NULL;
    UM_TRY(um_allocate(&slots, slot_count, sizeof *slots, "index of pieces", error));
    memset(slots, 0xFF, slot_count * sizeof *slots);
    free(counts->slots);
    counts->slots = slots;
    counts->slot_count = slot_count;
    for (size_t i = 0; i < counts->length; i++) {
        const um_counted_piece *piece = &counts->pieces[i];
        const uint64_t hash = um_hash_bytes(counts->bytes.data + piece->offset, piece->length);
        size_t at = (size_t)hash & (slot_count - 1);
        while (slots[at].piece != EMPTY) {
            at = (at + 1) & (slot_count - 1);
        }
        slots[at] = (um_piece_slot){(uint32_t)i, (uint32_t)(hash >> 32)};
    }
    return UM_OK;
}

static um_status add_new(um_piece_counts *counts, um_piece_slot *slot, uint64_t hash,
                         const char *piece, size_t length, uint64_t times, um_error *error) {
    if (counts->length >= MAXIMUM_PIECES) {
        return UM_RAISE(error, UM_ERR_LIMIT, "more than %zu different pieces of text",
                        MAXIMUM_PIECES);
    }
    UM_TRY(um_grow(&counts->pieces, &counts->capacity, counts->length + 1, sizeof *counts->pieces,
                   "pieces of text", error));
    const size_t offset = counts->bytes.length;
    UM_TRY(um_buffer_append(&counts->bytes, piece, length, error));
    *slot = (um_piece_slot){(uint32_t)counts->length, (uint32_t)(hash >> 32)};
    counts->pieces[counts->length++] = (um_counted_piece){offset, length, times};
    return UM_OK;
}

um_status um_piece_counts_add(um_piece_counts *counts, const char *piece, size_t length,
                              uint64_t times, um_error *error) {
    if (counts->length >= counts->slot_count / 8 * 5) {
        UM_TRY(grow_index(counts, error));
    }
    const uint64_t hash = um_hash_bytes(piece, length);
    um_piece_slot *slot = slot_of(counts, hash, piece, length);
    if (slot->piece == EMPTY) {
        return add_new(counts, slot, hash, piece, length, times, error);
    }
    counts->pieces[slot->piece].count += times;
    return UM_OK;
}

um_status um_piece_counts_add_all(um_piece_counts *counts, const um_piece_counts *others,
                                  um_error *error) {
    for (size_t i = 0; i < others->length; i++) {
        const um_counted_piece *piece = &others->pieces[i];
        UM_TRY(um_piece_counts_add(counts, others->bytes.data + piece->offset, piece->length,
                                   piece->count, error));
    }
    return UM_OK;
}

void um_piece_counts_free(um_piece_counts *counts) {
    um_buffer_free(&counts->bytes);
    free(counts->pieces);
    free(counts->slots);
    *counts = (um_piece_counts){0};
}
