#include "kernels/attention.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Query rows whose scores are held at the same time. */
#define QUERY_TILE 32

static size_t longest_sequence(const um_attention *attention) {
    size_t longest = 1;
    for (size_t i = 0; i < attention->sequence_count; i++) {
        const size_t count = attention->sequences[i].key_count;
        longest = count > longest ? count : longest;
    }
    return longest;
}

size_t um_attention_scratch(const um_attention *attention, size_t workers, bool backward) {
    return workers * QUERY_TILE * longest_sequence(attention) * (backward ? 2 : 1);
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

/* The offset in a row of keys or values of the key head that a query head attends to. */
static size_t kv_offset(const um_attention *attention, size_t head) {
    return head / (attention->head_count / attention->kv_head_count) * attention->head_dim;
}

/* Attention probabilities of `count` queries from `first` on, for one query head. */
static void probabilities_of(const um_compute *compute, const um_attention *attention,
                             const um_attention_sequence *sequence, size_t head, size_t first,
                             size_t count, const float *queries, float *scores) {
    const size_t dim = attention->head_dim;
    const size_t width = attention->head_count * dim;
    const size_t keys = sequence->key_count;
    const float scale = 1.0f / sqrtf((float)dim);
    compute->kernels.matmul(
        count, keys, dim, queries + (sequence->first_query + first) * width + head * dim, width,
        sequence->keys + kv_offset(attention, head), attention->kv_stride, NULL, scores, keys);
    for (size_t i = 0; i < count; i++) {
        apply_mask(attention, sequence, query_position(sequence, first + i), scores + i * keys);
        compute->kernels.softmax(keys, scale, scores + i * keys);
    }
}

typedef struct attention_call {
    const um_compute *compute;
    const um_attention *attention;
    const float *queries;
    const float *doutput;
    float *output;
    size_t scratch_stride; /* floats a worker */
} attention_call;

/* The sequence of a forward task, which is one query tile of one head; *task becomes the task's
 * number within the sequence. */
static const um_attention_sequence *locate(const um_attention *attention, size_t *task) {
    for (size_t i = 0; i < attention->sequence_count; i++) {
        const um_attention_sequence *sequence = &attention->sequences[i];
        const size_t count =
            attention->head_count * um_size_divide_up(sequence->query_count, QUERY_TILE);
        if (*task < count) {
            return sequence;
        }
        *task -= count;
    }
    return NULL;
}

static void forward_task(void *user, size_t task, size_t worker) {
    const attention_call *call = user;
    const um_attention *attention = call->attention;
    const um_attention_sequence *sequence = locate(attention, &task);
    if (!sequence) {
        return;
    }
    const size_t head = task % attention->head_count;
    const size_t first = task / attention->head_count * QUERY_TILE;
    const size_t rest = sequence->query_count - first;
    const size_t count = rest < QUERY_TILE ? rest : QUERY_TILE;
    const size_t dim = attention->head_dim;
    const size_t width = attention->head_count * dim;
    float *scores = attention->scratch + worker * call->scratch_stride;
    probabilities_of(call->compute, attention, sequence, head, first, count, call->queries, scores);
    call->compute->kernels.weighted_sum(
        count, dim, sequence->key_count, scores, sequence->key_count,
        sequence->values + kv_offset(attention, head), attention->kv_stride,
        call->output + (sequence->first_query + first) * width + head * dim, width);
}

void um_attention_forward(const um_compute *compute, const um_attention *attention,
                          const float *queries, float *output) {
    attention_call call = {.compute = compute,
                           .attention = attention,
                           .queries = queries,
                           .output = output,
                           .scratch_stride = um_attention_scratch(attention, 1, false)};
    size_t tasks = 0;
    for (size_t i = 0; i < attention->sequence_count; i++) {
        tasks += attention->head_count *
                 um_size_divide_up(attention->sequences[i].query_count, QUERY_TILE);
    }
    um_thread_pool_run(compute->pool, tasks, forward_task, &call);
}

/* Gradients through one tile of queries of one query head, with P the probabilities:
 * dV += P^T dO; dP = dO V^T; dS = softmax'(dP); dQ = dS K; dK += dS^T Q. */
static void backward_tile(const attention_call *call, const um_attention_sequence *sequence,
                          size_t head, size_t first, size_t count, float *scores) {
    const um_attention *attention = call->attention;
    const um_kernels *kernels = &call->compute->kernels;
    const size_t dim = attention->head_dim;
    const size_t width = attention->head_count * dim;
    const size_t stride = attention->kv_stride;
    const size_t kv = kv_offset(attention, head);
    const size_t keys = sequence->key_count;
    const size_t offset = (sequence->first_query + first) * width + head * dim;
    const float *doutput = call->doutput + offset;
    float *dscores = scores + QUERY_TILE * keys;
    probabilities_of(call->compute, attention, sequence, head, first, count, call->queries, scores);
    kernels->transposed_sum_add(keys, dim, count, scores, keys, doutput, width,
                                sequence->value_gradients + kv, stride);
    kernels->matmul(count, keys, dim, doutput, width, sequence->values + kv, stride, NULL, dscores,
                    keys);
    for (size_t i = 0; i < count; i++) {
        kernels->softmax_backward(keys, 1.0f / sqrtf((float)dim), scores + i * keys,
                                  dscores + i * keys);
    }
    kernels->weighted_sum(count, dim, keys, dscores, keys, sequence->keys + kv, stride,
                          call->output + offset, width);
    kernels->transposed_sum_add(keys, dim, count, dscores, keys, call->queries + offset, width,
                                sequence->key_gradients + kv, stride);
}

/* One task is one key head of one sequence: all query heads that share it, in order. */
static void backward_task(void *user, size_t task, size_t worker) {
    const attention_call *call = user;
    const um_attention *attention = call->attention;
    const um_attention_sequence *sequence = &attention->sequences[task / attention->kv_head_count];
    const size_t kv_head = task % attention->kv_head_count;
    const size_t group = attention->head_count / attention->kv_head_count;
    float *scores = attention->scratch + worker * call->scratch_stride;
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        for (size_t first = 0; first < sequence->query_count; first += QUERY_TILE) {
            const size_t rest = sequence->query_count - first;
            backward_tile(call, sequence, head, first, rest < QUERY_TILE ? rest : QUERY_TILE,
                          scores);
        }
    }
}

void um_attention_backward(const um_compute *compute, const um_attention *attention,
                           const float *queries, const float *doutput, float *dqueries) {
    attention_call call = {.compute = compute,
                           .attention = attention,
                           .queries = queries,
                           .doutput = doutput,
                           .output = dqueries,
                           .scratch_stride = um_attention_scratch(attention, 1, true)};
    um_thread_pool_run(compute->pool, attention->sequence_count * attention->kv_head_count,
                       backward_task, &call);
}
