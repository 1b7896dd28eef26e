#include "tokenizer/train_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tokenizer/hash.h"

#define FIRST_SLOTS ((size_t)4096)
#define EMPTY UINT32_MAX
#define MAXIMUM_PAIRS ((size_t)UINT32_MAX - 1)

typedef struct um_pair_record {
    int32_t left;
    int32_t right;
    int64_t count;
    um_piece_list formed; /* pieces not queued yet */
} um_pair_record;

/* ---- Records ---------------------------------------------------------------- */

static uint64_t hash_pair(int32_t left, int32_t right) {
    return um_hash_integer((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

/* The slot of the pair, or the empty one where it belongs. */
static uint32_t *slot_of(const um_pair_table *table, int32_t left, int32_t right) {
    const size_t mask = table->slot_count - 1;
    size_t at = (size_t)hash_pair(left, right) & mask;
    while (table->slots[at] != EMPTY) {
        const um_pair_record *record = &table->records[table->slots[at]];
        if (record->left == left && record->right == right) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &table->slots[at];
}

static um_status grow_index(um_pair_table *table, um_error *error) {
    const size_t slot_count = table->slot_count == 0 ? FIRST_SLOTS : table->slot_count * 2;
    uint32_t *slots = NULL;
    UM_TRY(um_allocate(&slots, slot_count, sizeof *slots, "index of pairs", error));
    memset(slots, 0xFF, slot_count * sizeof *slots);
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->length; i++) {
        *slot_of(table, table->records[i].left, table->records[i].right) = (uint32_t)i;
    }
    return UM_OK;
}

static um_status find_record(um_pair_table *table, int32_t left, int32_t right, uint32_t *number,
                             um_error *error) {
    if (table->length >= table->slot_count / 8 * 5) {
        UM_TRY(grow_index(table, error));
    }
    uint32_t *slot = slot_of(table, left, right);
    if (*slot == EMPTY) {
        if (table->length >= MAXIMUM_PAIRS) {
            return UM_RAISE(error, UM_ERR_LIMIT, "more than %zu different pairs of tokens",
                            MAXIMUM_PAIRS);
        }
        UM_TRY(um_grow(&table->records, &table->capacity, table->length + 1, sizeof *table->records,
                       "pairs of tokens", error));
        table->records[table->length] = (um_pair_record){.left = left, .right = right};
        *slot = (uint32_t)table->length++;
    }
    *number = *slot;
    return UM_OK;
}

/* Note that the pair has come up in `piece`; each piece is noted once. */
static um_status add_piece(um_pair_table *table, uint32_t number, uint32_t piece, um_error *error) {
    um_piece_list *formed = &table->records[number].formed;
    if (formed->length > 0 && formed->pieces[formed->length - 1] == piece) {
        return UM_OK;
    }
    if (formed->length == 0) {
        UM_TRY(um_grow(&table->touched, &table->touched_capacity, table->touched_length + 1,
                       sizeof *table->touched, "pairs of tokens", error));
        table->touched[table->touched_length++] = number;
    }
    UM_TRY(um_grow(&formed->pieces, &formed->capacity, formed->length + 1, sizeof *formed->pieces,
                   "places of a pair", error));
    formed->pieces[formed->length++] = piece;
    return UM_OK;
}

um_status um_pair_table_count(um_pair_table *table, int32_t left, int32_t right, int64_t change,
                              bool formed, uint32_t piece, um_error *error) {
    uint32_t number = 0;
    UM_TRY(find_record(table, left, right, &number, error));
    table->records[number].count += change;
    return formed ? add_piece(table, number, piece, error) : UM_OK;
}

/* ---- Queue -------------------------------------------------------------------- */

/* Whether `a` is joined before `b`. */
static bool comes_before(const um_queued_pair *a, const um_queued_pair *b) {
    if (a->count != b->count) {
        return a->count > b->count;
    }
    if (a->left != b->left) {
        return a->left < b->left;
    }
    return a->right < b->right;
}

static void sift_up(um_queued_pair *heap, size_t at) {
    const um_queued_pair pair = heap[at];
    while (at > 0 && comes_before(&pair, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = pair;
}

static void sift_down(um_queued_pair *heap, size_t length) {
    const um_queued_pair pair = heap[0];
    size_t at = 0;
    for (size_t child = 1; child < length; child = 2 * at + 1) {
        if (child + 1 < length && comes_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!comes_before(&heap[child], &pair)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = pair;
}

um_status um_pair_table_queue_formed(um_pair_table *table, um_error *error) {
    for (size_t i = 0; i < table->touched_length; i++) {
        um_pair_record *record = &table->records[table->touched[i]];
        UM_TRY(um_grow(&table->heap, &table->heap_capacity, table->heap_length + 1,
                       sizeof *table->heap, "queue of pairs", error));
        table->heap[table->heap_length] = (um_queued_pair){.left = record->left,
                                                           .right = record->right,
                                                           .count = record->count,
                                                           .pieces = record->formed};
        record->formed = (um_piece_list){0};
        sift_up(table->heap, table->heap_length++);
    }
    table->touched_length = 0;
    return UM_OK;
}

bool um_pair_table_take(um_pair_table *table, um_queued_pair *pair) {
    while (table->heap_length > 0) {
        um_queued_pair *top = &table->heap[0];
        /* Counts only fall while pairs wait, so a top pair whose count is up to date is the most
         * frequent. */
        const int64_t count = table->records[*slot_of(table, top->left, top->right)].count;
        if (top->count == count) {
            break;
        }
        top->count = count;
        sift_down(table->heap, table->heap_length);
    }
    if (table->heap_length == 0 || table->heap[0].count < 1) {
        return false;
    }
    *pair = table->heap[0];
    table->heap[0] = table->heap[--table->heap_length];
    if (table->heap_length > 1) {
        sift_down(table->heap, table->heap_length);
    }
    return true;
}

void um_pair_table_free(um_pair_table *table) {
    for (size_t i = 0; i < table->length; i++) {
        free(table->records[i].formed.pieces);
    }
    for (size_t i = 0; i < table->heap_length; i++) {
        free(table->heap[i].pieces.pieces);
    }
    free(table->records);
    free(table->slots);
    free(table->touched);
    free(table->heap);
    *table = (um_pair_table){0};
}
