/* The order in which documents are trained on: a fresh permutation each epoch, a pure function of
 * the seed and the epoch, so that a run resumes from the two numbers of its cursor. */
#ifndef UM_TRAIN_CORPUS_DATA_ORDER_H
#define UM_TRAIN_CORPUS_DATA_ORDER_H

#include "base/status.h"

/* The position of a run in its data. */
typedef struct um_data_cursor {
    uint64_t epoch;
    uint64_t index; /* documents of the epoch already used */
} um_data_cursor;

typedef struct um_data_order {
    uint64_t seed;
    size_t count;          /* documents */
    uint64_t epoch;        /* whose order `permutation` holds */
    uint32_t *permutation; /* [count] */
} um_data_order;

um_status um_data_order_create(uint64_t seed, size_t count, um_data_order *order, um_error *error);
void um_data_order_free(um_data_order *order);

/* The document at the cursor. */
size_t um_data_order_at(um_data_order *order, const um_data_cursor *cursor);

/* Move to the next document; after the last, to the first of the next epoch. */
void um_data_order_advance(const um_data_order *order, um_data_cursor *cursor);

#endif
