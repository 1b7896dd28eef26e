/* Grouped-query attention of some rows of one or more sequences over their cached keys and
 * values: full, causal or block-causal, optionally with rows left out and extra links. */
#ifndef UM_KERNELS_ATTENTION_H
#define UM_KERNELS_ATTENTION_H

#include "kernels/compute.h"

/* One sequence.  Row r of the sequence has its key at keys + r * kv_stride.  The sequence's query i
 * is at position rows[i] (ascending). */
typedef struct um_attention_sequence {
    size_t first_query;     /* index of its first row in the batch's query array */
    size_t query_count;     /* rows computed */
    const size_t *rows;     /* [query_count]; NULL means 0, 1, 2 ... */
    size_t key_count;       /* rows of the cache that exist: 0 .. key_count - 1 */
    const uint8_t *valid;   /* [key_count] nonzero if the row may be attended to; NULL: all */
    const uint8_t *links;   /* [key_count, key_count] row-major, query by key: nonzero allows a
                               pair that the mask kind forbids (annealing); NULL: none */
    const float *keys;      /* [key_count, kv_stride] */
    const float *values;    /* [key_count, kv_stride] */
    float *key_gradients;   /* backward only: added to; laid out as keys */
    float *value_gradients; /* backward only: added to; laid out as values */
} um_attention_sequence;

/* A row attends to the rows before `(position / block_length + 1) * block_length`: a block length
 * of 1 is causal, and UM_ATTENTION_WHOLE is full attention. */
#define UM_ATTENTION_WHOLE SIZE_MAX

typedef struct um_attention {
    const um_attention_sequence *sequences;
    size_t sequence_count;
    size_t head_count;
    size_t kv_head_count;
    size_t head_dim;
    size_t kv_stride;    /* floats between rows of keys and values */
    size_t block_length; /* >= 1 */
    float *scratch;      /* um_attention_scratch floats */
} um_attention;

/* Floats of scratch that a call needs, for a pool of `workers` threads; backward needs twice as
 * many. */
size_t um_attention_scratch(const um_attention *attention, size_t workers, bool backward);

/* output [rows, heads * head_dim] = softmax(q k^T / sqrt(head_dim)) v; queries likewise. */
void um_attention_forward(const um_compute *compute, const um_attention *attention,
                          const float *queries, float *output);

/* dqueries [rows, heads * head_dim] = gradient; key and value gradients are added to, in an order
 * that does not depend on the number of threads. */
void um_attention_backward(const um_compute *compute, const um_attention *attention,
                           const float *queries, const float *doutput, float *dqueries);

#endif
