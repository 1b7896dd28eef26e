#include "train/learner/training_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void um_training_batch_free(um_training_batch *batch) {
    free(batch->documents);
    free(batch->sequences);
    free(batch->caches);
    free(batch->hidden_rows);
    free(batch->targets);
    free(batch->weights);
    free(batch->clean_tokens);
    free(batch->tokens);
    free(batch->links);
    free(batch->cache_slab);
    free(batch->valid);
    *batch = (um_training_batch){0};
}

/* Arrays with one element per row share one capacity. */
static um_status grow_rows(um_training_batch *batch, size_t rows, um_error *error) {
    const struct {
        void *array;
        size_t size;
    } columns[] = {{&batch->hidden_rows, sizeof *batch->hidden_rows},
                   {&batch->targets, sizeof *batch->targets},
                   {&batch->weights, sizeof *batch->weights},
                   {&batch->clean_tokens, sizeof *batch->clean_tokens},
                   {&batch->tokens, sizeof *batch->tokens},
                   {&batch->valid, sizeof *batch->valid}};
    size_t capacity = batch->row_capacity;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        capacity = batch->row_capacity;
        UM_TRY(um_grow(columns[i].array, &capacity, rows, columns[i].size, "batch", error));
    }
    batch->row_capacity = capacity;
    return UM_OK;
}

static um_status grow_sequences(um_training_batch *batch, size_t count, um_error *error) {
    size_t capacity = batch->sequence_capacity;
    UM_TRY(um_grow(&batch->caches, &capacity, count, sizeof *batch->caches, "batch", error));
    return um_grow(&batch->sequences, &batch->sequence_capacity, count, sizeof *batch->sequences,
                   "batch", error);
}

um_status um_training_batch_reserve(um_training_batch *batch, size_t sequences, size_t rows,
                                    um_error *error) {
    UM_TRY(grow_sequences(batch, sequences, error));
    return grow_rows(batch, rows, error);
}

void um_training_batch_start(um_training_batch *batch, um_attention_kind attention) {
    batch->rows = (um_row_batch){.attention = attention};
    batch->row_count = 0;
    batch->target_count = 0;
    batch->maskable_tokens = 0;
    batch->maskable_pads = 0;
    batch->scored_documents = 0;
    batch->divisor = 0;
}

um_status um_training_batch_add(um_training_batch *batch, size_t length, size_t *first,
                                um_error *error) {
    UM_TRY(
        um_training_batch_reserve(batch, batch->rows.count + 1, batch->row_count + length, error));
    *first = batch->row_count;
    batch->sequences[batch->rows.count++] = (um_sequence_rows){.row_count = length};
    batch->row_count += length;
    return UM_OK;
}

/* ---- For the forward pass ------------------------------------------------------- */

static um_status grow_caches(um_training_batch *batch, size_t row_floats, um_error *error) {
    size_t floats = 0;
    if (!um_size_multiply(batch->row_count, row_floats, &floats)) {
        return um_error_memory(error, "keys and values", SIZE_MAX);
    }
    return um_grow(&batch->cache_slab, &batch->cache_capacity, floats, sizeof *batch->cache_slab,
                   "keys and values", error);
}

/* Point sequences and caches into the arrays, which no longer move. */
um_status um_training_batch_connect(um_training_batch *batch, const um_model_config *config,
                                    um_error *error) {
    const size_t width = config->kv_head_count * config->head_dim;
    const size_t row_floats = 2 * width * config->layer_count;
    UM_TRY(grow_caches(batch, row_floats, error));
    memset(batch->valid, 0, batch->row_count);
    size_t first = 0;
    size_t target = 0;
    for (size_t i = 0; i < batch->rows.count; i++) {
        um_sequence_rows *sequence = &batch->sequences[i];
        const size_t length = sequence->row_count;
        float *keys = batch->cache_slab + first * row_floats;
        batch->caches[i] = (um_kv_cache){.capacity = length,
                                         .length = length,
                                         .layers = config->layer_count,
                                         .width = width,
                                         .valid = batch->valid + first,
                                         .keys = keys,
                                         .values = keys + length * row_floats / 2};
        sequence->cache = &batch->caches[i];
        sequence->tokens = batch->tokens + first;
        sequence->hidden_rows = batch->hidden_rows + target;
        target += sequence->hidden_count;
        first += length;
    }
    batch->rows.sequences = batch->sequences;
    return UM_OK;
}
