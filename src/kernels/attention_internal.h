/* What the forward and the backward pass of attention share. */
#ifndef UM_KERNELS_ATTENTION_INTERNAL_H
#define UM_KERNELS_ATTENTION_INTERNAL_H

#include "kernels/attention.h"

/* Query rows whose scores are held at the same time. */
#define UM_QUERY_TILE 32

/* Some queries of one query head of a sequence. */
typedef struct um_query_tile {
    const um_attention_sequence *sequence;
    size_t head;
    size_t first; /* of the sequence's queries */
    size_t count; /* at most UM_QUERY_TILE */
} um_query_tile;

/* Tiles of one query head. */
size_t um_query_tile_count(const um_attention_sequence *sequence);

/* Tile `index`, from 0, of a query head. */
um_query_tile um_query_tile_at(const um_attention_sequence *sequence, size_t head, size_t index);

/* The offset of the tile's first query in the batch's array of queries. */
size_t um_query_offset(const um_attention *attention, const um_query_tile *tile);

/* The offset in a row of keys or values of the key head that a query head attends to. */
size_t um_key_head_offset(const um_attention *attention, size_t head);

/* scores [count, key_count]: the attention probabilities of the tile. */
void um_attention_probabilities(const um_compute *compute, const um_attention *attention,
                                const um_query_tile *tile, const float *queries, float *scores);

#endif
