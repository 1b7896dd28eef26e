/* The backward pass of attention.  Queries of one head give gradients of their own, but add to
 * those of keys and values that other queries, and other heads of the group, add to as well: these
 * sums go over the heads of a group and their tiles of queries, in this order, whatever the number
 * of threads. */
#include <math.h>

#include "base/memory.h"
#include "kernels/attention_internal.h"

/* Keys whose gradients one task sums. */
#define KEY_TILE 64

typedef struct backward_call {
    const um_compute *compute;
    const um_attention *attention;
    const float *queries;
    const float *doutput;
    float *dqueries;
    size_t scratch_stride; /* floats a worker */
} backward_call;

/* With P the probabilities of a tile of queries: dP = dO V^T; dS = softmax'(dP); dQ = dS K.
 * `scores` receives P [count, key_count], and dS behind UM_QUERY_TILE rows. */
static void find_score_gradients(const backward_call *call, const um_query_tile *tile,
                                 float *scores) {
    const um_attention *attention = call->attention;
    const um_kernels *kernels = &call->compute->kernels;
    const size_t dim = attention->head_dim;
    const size_t width = attention->head_count * dim;
    const size_t keys = tile->sequence->key_count;
    const size_t key_head = um_key_head_offset(attention, tile->head);
    const size_t offset = um_query_offset(attention, tile);
    float *dscores = scores + UM_QUERY_TILE * keys;
    um_attention_probabilities(call->compute, attention, tile, call->queries, scores);
    kernels->matmul(tile->count, keys, dim, call->doutput + offset, width,
                    tile->sequence->values + key_head, attention->kv_stride, NULL, dscores, keys);
    for (size_t i = 0; i < tile->count; i++) {
        kernels->softmax_backward(keys, 1.0f / sqrtf((float)dim), scores + i * keys,
                                  dscores + i * keys);
    }
    kernels->weighted_sum(tile->count, dim, keys, dscores, keys, tile->sequence->keys + key_head,
                          attention->kv_stride, call->dqueries + offset, width);
}

/* Of `count` keys from `first` on: dV += P^T dO; dK += dS^T Q. */
static void add_key_gradients(const backward_call *call, const um_query_tile *tile, size_t first,
                              size_t count, const float *scores) {
    const um_attention *attention = call->attention;
    const um_kernels *kernels = &call->compute->kernels;
    const size_t dim = attention->head_dim;
    const size_t width = attention->head_count * dim;
    const size_t stride = attention->kv_stride;
    const size_t keys = tile->sequence->key_count;
    const size_t at = first * stride + um_key_head_offset(attention, tile->head);
    const size_t offset = um_query_offset(attention, tile);
    const float *dscores = scores + UM_QUERY_TILE * keys;
    kernels->transposed_sum_add(count, dim, tile->count, scores + first, keys,
                                call->doutput + offset, width, tile->sequence->value_gradients + at,
                                stride);
    kernels->transposed_sum_add(count, dim, tile->count, dscores + first, keys,
                                call->queries + offset, width, tile->sequence->key_gradients + at,
                                stride);
}

/* ---- A task for each key head ---------------------------------------------- */

static void key_head_task(void *user, size_t task, size_t worker) {
    const backward_call *call = user;
    const um_attention *attention = call->attention;
    const um_attention_sequence *sequence = &attention->sequences[task / attention->kv_head_count];
    const size_t group = attention->head_count / attention->kv_head_count;
    const size_t head = task % attention->kv_head_count * group;
    const size_t tiles = um_query_tile_count(sequence);
    float *scores = attention->scratch + worker * call->scratch_stride;
    for (size_t i = 0; i < group * tiles; i++) {
        const um_query_tile tile = um_query_tile_at(sequence, head + i / tiles, i % tiles);
        find_score_gradients(call, &tile, scores);
        add_key_gradients(call, &tile, 0, sequence->key_count, scores);
    }
}

/* ---- Fewer key heads than threads ------------------------------------------- */

/* As many tiles of one sequence as there is scratch for, numbered through its heads.  First each
 * tile finds the gradients of its scores, then each tile of keys adds those of the tiles of
 * queries. */
typedef struct tile_round {
    const backward_call *call;
    const um_attention_sequence *sequence;
    size_t first;
    size_t count;
} tile_round;

static um_query_tile tile_of_round(const tile_round *round, size_t index) {
    const size_t tiles = um_query_tile_count(round->sequence);
    const size_t number = round->first + index;
    return um_query_tile_at(round->sequence, number / tiles, number % tiles);
}

static void query_tile_task(void *user, size_t task, size_t worker) {
    const tile_round *round = user;
    const um_query_tile tile = tile_of_round(round, task);
    (void)worker; /* the scores outlive the task, so they lie where its number says */
    find_score_gradients(round->call, &tile,
                         round->call->attention->scratch + task * round->call->scratch_stride);
}

static void key_tile_task(void *user, size_t task, size_t worker) {
    const tile_round *round = user;
    const um_attention *attention = round->call->attention;
    const size_t keys = round->sequence->key_count;
    const size_t first = task / attention->kv_head_count * KEY_TILE;
    const size_t count = keys - first < KEY_TILE ? keys - first : KEY_TILE;
    const size_t key_head = task % attention->kv_head_count * attention->head_dim;
    (void)worker;
    for (size_t i = 0; i < round->count; i++) {
        const um_query_tile tile = tile_of_round(round, i);
        if (um_key_head_offset(attention, tile.head) == key_head) {
            add_key_gradients(round->call, &tile, first, count,
                              attention->scratch + i * round->call->scratch_stride);
        }
    }
}

static void run_rounds(const backward_call *call, const um_attention_sequence *sequence,
                       size_t workers) {
    const um_attention *attention = call->attention;
    const size_t tiles = attention->head_count * um_query_tile_count(sequence);
    const size_t key_tiles = um_size_divide_up(sequence->key_count, KEY_TILE);
    for (size_t first = 0; first < tiles; first += workers) {
        const size_t rest = tiles - first;
        tile_round round = {call, sequence, first, rest < workers ? rest : workers};
        um_thread_pool_run(call->compute->pool, round.count, query_tile_task, &round);
        um_thread_pool_run(call->compute->pool, key_tiles * attention->kv_head_count, key_tile_task,
                           &round);
    }
}

void um_attention_backward(const um_compute *compute, const um_attention *attention,
                           const float *queries, const float *doutput, float *dqueries) {
    backward_call call = {.compute = compute,
                          .attention = attention,
                          .queries = queries,
                          .doutput = doutput,
                          .dqueries = dqueries,
                          .scratch_stride = um_attention_scratch(attention, 1, true)};
    const size_t key_heads = attention->sequence_count * attention->kv_head_count;
    const size_t workers = compute->pool ? um_thread_pool_size(compute->pool) : 1;
    if (key_heads >= workers) {
        um_thread_pool_run(compute->pool, key_heads, key_head_task, &call);
        return;
    }
    for (size_t i = 0; i < attention->sequence_count; i++) {
        run_rounds(&call, &attention->sequences[i], workers);
    }
}
