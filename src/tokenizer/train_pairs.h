/* Adjacent pairs of tokens while byte-pair encoding is learned: how often each occurs, in which
 * pieces, and which is the most frequent. */
#ifndef UM_TOKENIZER_TRAIN_PAIRS_H
#define UM_TOKENIZER_TRAIN_PAIRS_H

#include "base/status.h"

/* A list of piece numbers.  Zero-initialise; release with free(pieces). */
typedef struct um_piece_list {
    uint32_t *pieces; /* [length] */
    size_t length;
    size_t capacity;
} um_piece_list;

/* A pair that may be joined next, and the pieces in which it was formed: in all of them at once,
 * when the newer of its tokens was made. */
typedef struct um_queued_pair {
    int32_t left;
    int32_t right;
    int64_t count; /* when it was queued */
    um_piece_list pieces;
} um_queued_pair;

/* Zero-initialise; release with um_pair_table_free. */
typedef struct um_pair_table {
    struct um_pair_record *records; /* [length] */
    size_t length;
    size_t capacity;
    uint32_t *slots; /* [slot_count] by the hash of the pair: its record */
    size_t slot_count;
    uint32_t *touched; /* [touched_length]: records with pieces that are not queued yet */
    size_t touched_length;
    size_t touched_capacity;
    um_queued_pair *heap; /* [heap_length] */
    size_t heap_length;
    size_t heap_capacity;
} um_pair_table;

/* Note that the pair occurs `change` times more (fewer if negative) than before.  With `formed`, it
 * has newly come up in `piece`; calls for one piece must be consecutive. */
um_status um_pair_table_count(um_pair_table *table, int32_t left, int32_t right, int64_t change,
                              bool formed, uint32_t piece, um_error *error);

/* Queue the pairs that were formed since the last call, with their current counts. */
um_status um_pair_table_queue_formed(um_pair_table *table, um_error *error);

/* Take the pair with the highest count (among equals: with the lowest left, then the lowest right
 * token) out of the queue; the caller owns its list of pieces.  False if no pair that occurs is
 * left. */
bool um_pair_table_take(um_pair_table *table, um_queued_pair *pair);

void um_pair_table_free(um_pair_table *table);

#endif
