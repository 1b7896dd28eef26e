#include "model/activations.h"

#include <stdlib.h>

#include "base/memory.h"

um_status um_activations_create(bool record, um_activations **activations, um_error *error) {
    *activations = calloc(1, sizeof **activations);
    if (!*activations) {
        return um_error_memory(error, "activations", sizeof **activations);
    }
    (*activations)->record = record;
    return UM_OK;
}

void um_activations_free(um_activations *activations) {
    if (activations) {
        free(activations->layers);
        free(activations->block);
        free(activations->scratch_block);
        free(activations->attention_scratch);
        free(activations->attention_sequences);
        free(activations->gradient_block);
        free(activations->wanted);
        um_packing_free(&activations->packing);
        free(activations);
    }
}

void um_activations_recompute(um_activations *activations, bool recompute) {
    activations->recompute = activations->record && recompute;
}

size_t um_activations_bytes(const um_activations *activations) {
    const size_t floats = activations->block_capacity + activations->scratch_capacity +
                          activations->attention_scratch_capacity + activations->gradient_capacity;
    return floats * sizeof(float) + activations->layer_count * sizeof *activations->layers +
           activations->attention_sequence_capacity * sizeof *activations->attention_sequences +
           activations->wanted_capacity * sizeof *activations->wanted +
           activations->packing.capacity;
}

size_t um_sequence_row(const um_sequence_rows *sequence, size_t i) {
    return sequence->rows ? sequence->rows[i] : i;
}

size_t um_widest_row(const um_model_config *config) {
    const size_t query_width = config->head_count * config->head_dim;
    const size_t widest = config->hidden_size > config->intermediate_size
                              ? config->hidden_size
                              : config->intermediate_size;
    return query_width > widest ? query_width : widest;
}

static um_status check_rows(const um_transformer *transformer, const um_sequence_rows *sequence,
                            size_t index, um_error *error) {
    size_t next = 0;
    for (size_t i = 0; i < sequence->row_count; i++) {
        const size_t row = um_sequence_row(sequence, i);
        if (row < next || row >= sequence->cache->length) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "sequence %zu: row %zu is out of order or not below its length %zu",
                            index, row, sequence->cache->length);
        }
        next = row + 1;
        const int32_t token = sequence->tokens[row];
        if (token < 0 || (size_t)token >= transformer->config->vocabulary_size) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "token id %d at position %zu is outside the vocabulary of %zu",
                            (int)token, row, transformer->config->vocabulary_size);
        }
    }
    return UM_OK;
}

static um_status check_hidden_rows(const um_sequence_rows *sequence, size_t index,
                                   um_error *error) {
    size_t at = 0;
    for (size_t i = 0; i < sequence->hidden_count; i++) {
        const size_t wanted = sequence->hidden_rows[i];
        while (at < sequence->row_count && um_sequence_row(sequence, at) < wanted) {
            at++;
        }
        if (at == sequence->row_count || um_sequence_row(sequence, at) != wanted) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "sequence %zu: the state of row %zu is wanted but not computed", index,
                            wanted);
        }
    }
    return UM_OK;
}

um_status um_batch_measure(const um_transformer *transformer, const um_row_batch *batch,
                           um_batch_sizes *sizes, um_error *error) {
    *sizes = (um_batch_sizes){0};
    if (batch->attention == UM_ATTENTION_BLOCK_CAUSAL && batch->attention_block_length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "block-causal attention needs a block length");
    }
    for (size_t i = 0; i < batch->count; i++) {
        UM_TRY(check_rows(transformer, &batch->sequences[i], i, error));
        UM_TRY(check_hidden_rows(&batch->sequences[i], i, error));
        sizes->rows += batch->sequences[i].row_count;
        sizes->hidden_rows += batch->sequences[i].hidden_count;
    }
    return UM_OK;
}

/* Hands out consecutive aligned pieces of a block; with a NULL base it only counts. */
typedef struct carver {
    float *base;
    size_t used;
} carver;

static float *carve(carver *from, size_t count) {
    float *piece = from->base ? from->base + from->used : NULL;
    from->used += um_size_round_up(count, UM_ALIGNMENT / sizeof(float));
    return piece;
}

static void carve_inner(carver *from, const um_model_config *config, size_t rows, bool record,
                        um_layer_activations *layer) {
    const size_t query_width = config->head_count * config->head_dim;
    const size_t key_width = config->kv_head_count * config->head_dim;
    layer->attention_inverse_rms = carve(from, rows);
    const bool norms = record && config->qk_norm;
    layer->query_input = norms ? carve(from, rows * query_width) : NULL;
    layer->key_input = norms ? carve(from, rows * key_width) : NULL;
    layer->queries = carve(from, rows * query_width);
    layer->attended = carve(from, rows * query_width);
    layer->middle = record ? carve(from, rows * config->hidden_size) : NULL;
    layer->mlp_inverse_rms = carve(from, rows);
    layer->gate = carve(from, rows * config->intermediate_size);
    layer->up = carve(from, rows * config->intermediate_size);
}

/* All of layer `index`; with recomputation, everything but its input is shared with layer 0. */
static void carve_layer(carver *from, const um_activations *activations,
                        const um_model_config *config, size_t rows, size_t index) {
    um_layer_activations *layer = &activations->layers[index];
    const bool record = activations->record;
    if (index > 0 && activations->recompute) {
        *layer = activations->layers[0];
    } else {
        carve_inner(from, config, rows, record, layer);
    }
    layer->input = record ? carve(from, rows * config->hidden_size) : NULL;
}

static void carve_scratch(carver *from, const um_model_config *config, const um_batch_sizes *sizes,
                          um_activations *activations) {
    const size_t rows = sizes->rows;
    const size_t hidden = config->hidden_size;
    const size_t key_width = config->kv_head_count * config->head_dim;
    activations->normed = carve(from, rows * hidden);
    activations->projected = carve(from, rows * um_widest_row(config));
    activations->keys = carve(from, rows * key_width);
    activations->values = carve(from, rows * key_width);
    activations->stream = carve(from, rows * hidden);
    activations->hidden_input = carve(from, sizes->hidden_rows * hidden);
    activations->hidden_inverse_rms = carve(from, sizes->hidden_rows);
    activations->frequencies = carve(from, config->head_dim / 2);
    activations->cosine = carve(from, rows * config->head_dim / 2);
    activations->sine = carve(from, rows * config->head_dim / 2);
}

/* Replace *block by one of at least `count` floats; the contents are not kept. */
static um_status ensure(float **block, size_t *capacity, size_t count, um_error *error) {
    if (count <= *capacity) {
        return UM_OK;
    }
    free(*block);
    *block = NULL;
    *capacity = 0;
    UM_TRY(um_allocate(block, count, sizeof **block, "activations", error));
    *capacity = count;
    return UM_OK;
}

static um_status prepare_layers(um_activations *activations, const um_model_config *config,
                                size_t rows, um_error *error) {
    const size_t count = activations->record ? config->layer_count : 1;
    if (count > activations->layer_count) {
        free(activations->layers);
        activations->layers = NULL;
        activations->layer_count = 0;
        UM_TRY(um_allocate(&activations->layers, count, sizeof *activations->layers, "activations",
                           error));
        activations->layer_count = count;
    }
    carver measure = {0};
    for (size_t i = 0; i < count; i++) {
        carve_layer(&measure, activations, config, rows, i);
    }
    UM_TRY(ensure(&activations->block, &activations->block_capacity, measure.used, error));
    carver from = {.base = activations->block};
    for (size_t i = 0; i < count; i++) {
        carve_layer(&from, activations, config, rows, i);
    }
    return UM_OK;
}

um_status um_activations_prepare(um_activations *activations, const um_model_config *config,
                                 const um_batch_sizes *sizes, um_error *error) {
    activations->rows = sizes->rows;
    UM_TRY(prepare_layers(activations, config, sizes->rows, error));
    carver measure = {0};
    carve_scratch(&measure, config, sizes, activations);
    UM_TRY(
        ensure(&activations->scratch_block, &activations->scratch_capacity, measure.used, error));
    carver from = {.base = activations->scratch_block};
    carve_scratch(&from, config, sizes, activations);
    return UM_OK;
}

um_layer_activations *um_activations_layer(um_activations *activations, size_t layer) {
    return &activations->layers[activations->record ? layer : 0];
}

static size_t block_length_of(const um_row_batch *batch) {
    switch (batch->attention) {
        case UM_ATTENTION_FULL:
            return UM_ATTENTION_WHOLE;
        case UM_ATTENTION_CAUSAL:
            return 1;
        case UM_ATTENTION_BLOCK_CAUSAL:
            return batch->attention_block_length;
    }
    return UM_ATTENTION_WHOLE;
}

um_status um_activations_attention(um_activations *activations, const um_model_config *config,
                                   const um_row_batch *batch, size_t workers, bool backward,
                                   um_attention *attention, um_error *error) {
    UM_TRY(um_grow(&activations->attention_sequences, &activations->attention_sequence_capacity,
                   batch->count, sizeof *activations->attention_sequences, "batch", error));
    size_t first = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const um_sequence_rows *sequence = &batch->sequences[i];
        activations->attention_sequences[i] =
            (um_attention_sequence){.first_query = first,
                                    .query_count = sequence->row_count,
                                    .rows = sequence->rows,
                                    .key_count = sequence->cache->length,
                                    .valid = sequence->cache->valid,
                                    .links = sequence->links};
        first += sequence->row_count;
    }
    *attention = (um_attention){.sequences = activations->attention_sequences,
                                .sequence_count = batch->count,
                                .head_count = config->head_count,
                                .kv_head_count = config->kv_head_count,
                                .head_dim = config->head_dim,
                                .kv_stride = config->kv_head_count * config->head_dim,
                                .block_length = block_length_of(batch)};
    UM_TRY(ensure(&activations->attention_scratch, &activations->attention_scratch_capacity,
                  um_attention_scratch(attention, workers, backward), error));
    attention->scratch = activations->attention_scratch;
    return UM_OK;
}

void um_activations_attention_layer(um_activations *activations, const um_row_batch *batch,
                                    size_t layer) {
    for (size_t i = 0; i < batch->count; i++) {
        const um_kv_cache *cache = batch->sequences[i].cache;
        activations->attention_sequences[i].keys = um_kv_cache_keys(cache, layer);
        activations->attention_sequences[i].values = um_kv_cache_values(cache, layer);
    }
}
