#include "train/learner/training_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void um_training_batch_free(um_training_batch *batch) {
    free(batch->documents);
    free(batch->sequences);
    free(batch->caches);
    free(batch->hidden_rows);
    free(batch->target_ends);
    free(batch->targets);
    free(batch->weights);
    free(batch->log_probabilities);
    free(batch->clean_tokens);
    free(batch->tokens);
    free(batch->links);
    free(batch->cache_slab);
    free(batch->valid);
    *batch = (um_training_batch){0};
}

typedef struct column {
    void *array; /* the address of the pointer to it */
    size_t size; /* of an element */
} column;

/* Arrays with one element per row, or per target, share one capacity. */
static um_status grow_columns(const column *columns, size_t count, size_t *capacity, size_t needed,
                              um_error *error) {
    size_t grown = *capacity;
    for (size_t i = 0; i < count; i++) {
        grown = *capacity;
        UM_TRY(um_grow(columns[i].array, &grown, needed, columns[i].size, "batch", error));
    }
    *capacity = grown;
    return UM_OK;
}

static um_status grow_rows(um_training_batch *batch, size_t rows, um_error *error) {
    const column columns[] = {{&batch->hidden_rows, sizeof *batch->hidden_rows},
                              {&batch->target_ends, sizeof *batch->target_ends},
                              {&batch->clean_tokens, sizeof *batch->clean_tokens},
                              {&batch->tokens, sizeof *batch->tokens},
                              {&batch->valid, sizeof *batch->valid}};
    UM_TRY(um_training_batch_reserve_targets(batch, rows, error));
    return grow_columns(columns, sizeof columns / sizeof *columns, &batch->row_capacity, rows,
                        error);
}

static um_status grow_sequences(um_training_batch *batch, size_t count, um_error *error) {
    size_t capacity = batch->sequence_capacity;
    UM_TRY(um_grow(&batch->caches, &capacity, count, sizeof *batch->caches, "batch", error));
    return um_grow(&batch->sequences, &batch->sequence_capacity, count, sizeof *batch->sequences,
                   "batch", error);
}

um_status um_training_batch_reserve_targets(um_training_batch *batch, size_t targets,
                                            um_error *error) {
    const column columns[] = {{&batch->targets, sizeof *batch->targets},
                              {&batch->weights, sizeof *batch->weights},
                              {&batch->log_probabilities, sizeof *batch->log_probabilities}};
    return grow_columns(columns, sizeof columns / sizeof *columns, &batch->target_capacity, targets,
                        error);
}

um_status um_training_batch_reserve(um_training_batch *batch, size_t sequences, size_t rows,
                                    um_error *error) {
    UM_TRY(grow_sequences(batch, sequences, error));
    return grow_rows(batch, rows, error);
}

void um_training_batch_start(um_training_batch *batch, um_attention_kind attention) {
    batch->rows = (um_row_batch){.attention = attention};
    batch->row_count = 0;
    batch->hidden_count = 0;
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

void um_training_batch_add_target(um_training_batch *batch, size_t sequence, size_t row,
                                  int32_t token, float weight) {
    um_sequence_rows *owner = &batch->sequences[sequence];
    const size_t at = batch->target_count++;
    if (owner->hidden_count == 0 || batch->hidden_rows[batch->hidden_count - 1] != row) {
        batch->hidden_rows[batch->hidden_count++] = row;
        owner->hidden_count++;
    }
    batch->targets[at] = token;
    batch->weights[at] = weight;
    batch->target_ends[batch->hidden_count - 1] = batch->target_count;
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
    size_t hidden = 0;
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
        sequence->hidden_rows = batch->hidden_rows + hidden;
        hidden += sequence->hidden_count;
        first += length;
    }
    batch->rows.sequences = batch->sequences;
    return UM_OK;
}
