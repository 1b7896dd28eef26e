#include "kernels/attention_internal.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static size_t longest_sequence(const um_attention *attention) {
    size_t longest = 1;
    for (size_t i = 0; i < attention->sequence_count; i++) {
        const size_t count = attention->sequences[i].key_count;
        longest = count > longest ? count : longest;
    }
    return longest;
}

size_t um_attention_scratch(const um_attention *attention, size_t workers, bool backward) {
    return workers * UM_QUERY_TILE * longest_sequence(attention) * (backward ? 2 : 1);
}

/* The number of leading keys that the query at `position` may see by the mask kind alone. */
static size_t visible_keys(const um_attention *attention, const um_attention_sequence *sequence,
                           size_t position) {
    const size_t block = attention->block_length;
    if (block == UM_ATTENTION_WHOLE) {
        return sequence->key_count;
    }
    const size_t end = (position / block + 1) * block;
    return end < sequence->key_count ? end : sequence->key_count;
}

static size_t query_position(const um_attention_sequence *sequence, size_t query) {
    return sequence->rows ? sequence->rows[query] : query;
}

/* Set the scores of keys that the query may not see to -infinity. */
static void apply_mask(const um_attention *attention, const um_attention_sequence *sequence,
                       size_t position, float *scores) {
    const size_t visible = visible_keys(attention, sequence, position);
    const uint8_t *links =
        sequence->links ? sequence->links + position * sequence->key_count : NULL;
    for (size_t key = visible; key < sequence->key_count; key++) {
        if (!links || !links[key]) {
            scores[key] = -INFINITY;
        }
    }
    /* Most often all are valid, which memchr finds out quickly. */
    const uint8_t *first = sequence->valid ? memchr(sequence->valid, 0, sequence->key_count) : NULL;
    for (size_t key = first ? (size_t)(first - sequence->valid) : sequence->key_count;
         key < sequence->key_count; key++) {
        if (!sequence->valid[key]) {
            scores[key] = -INFINITY;
        }
    }
}

size_t um_query_tile_count(const um_attention_sequence *sequence) {
    return um_size_divide_up(sequence->query_count, UM_QUERY_TILE);
}

um_query_tile um_query_tile_at(const um_attention_sequence *sequence, size_t head, size_t index) {
    const size_t first = index * UM_QUERY_TILE;
    const size_t rest = sequence->query_count - first;
    return (um_query_tile){sequence, head, first, rest < UM_QUERY_TILE ? rest : UM_QUERY_TILE};
}

size_t um_query_offset(const um_attention *attention, const um_query_tile *tile) {
    const size_t row = tile->sequence->first_query + tile->first;
    return (row * attention->head_count + tile->head) * attention->head_dim;
}

size_t um_key_head_offset(const um_attention *attention, size_t head) {
    return head / (attention->head_count / attention->kv_head_count) * attention->head_dim;
}

void um_attention_probabilities(const um_compute *compute, const um_attention *attention,
                                const um_query_tile *tile, const float *queries, float *scores) {
    const um_attention_sequence *sequence = tile->sequence;
    const size_t dim = attention->head_dim;
    const size_t keys = sequence->key_count;
    const float scale = 1.0f / sqrtf((float)dim);
    compute->kernels.matmul(tile->count, keys, dim, queries + um_query_offset(attention, tile),
                            attention->head_count * dim,
                            sequence->keys + um_key_head_offset(attention, tile->head),
                            attention->kv_stride, NULL, scores, keys);
    for (size_t i = 0; i < tile->count; i++) {
        const size_t position = query_position(sequence, tile->first + i);
        apply_mask(attention, sequence, position, scores + i * keys);
        compute->kernels.softmax(keys, scale, scores + i * keys);
    }
}

typedef struct forward_call {
    const um_compute *compute;
    const um_attention *attention;
    const float *queries;
    float *output;
    size_t scratch_stride; /* floats a worker */
} forward_call;

/* Tiles of a sequence are numbered head by head within each index. */
static um_query_tile locate(const um_attention *attention, size_t task) {
    const um_attention_sequence *sequence = attention->sequences;
    while (task >= attention->head_count * um_query_tile_count(sequence)) {
        task -= attention->head_count * um_query_tile_count(sequence);
        sequence++;
    }
    return um_query_tile_at(sequence, task % attention->head_count, task / attention->head_count);
}

static void forward_task(void *user, size_t task, size_t worker) {
    const forward_call *call = user;
    const um_attention *attention = call->attention;
    const um_query_tile tile = locate(attention, task);
    const um_attention_sequence *sequence = tile.sequence;
    float *scores = attention->scratch + worker * call->scratch_stride;
    um_attention_probabilities(call->compute, attention, &tile, call->queries, scores);
    call->compute->kernels.weighted_sum(
        tile.count, attention->head_dim, sequence->key_count, scores, sequence->key_count,
        sequence->values + um_key_head_offset(attention, tile.head), attention->kv_stride,
        call->output + um_query_offset(attention, &tile),
        attention->head_count * attention->head_dim);
}

void um_attention_forward(const um_compute *compute, const um_attention *attention,
                          const float *queries, float *output) {
    forward_call call = {.compute = compute,
                         .attention = attention,
                         .queries = queries,
                         .output = output,
                         .scratch_stride = um_attention_scratch(attention, 1, false)};
    size_t tasks = 0;
    for (size_t i = 0; i < attention->sequence_count; i++) {
        tasks += attention->head_count * um_query_tile_count(&attention->sequences[i]);
    }
    um_thread_pool_run(compute->pool, tasks, forward_task, &call);
}
