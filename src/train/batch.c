#include "train/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "train/objective.h"

void um_training_batch_free(um_training_batch *batch) {
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

/* Arrays of one element a row share one capacity. */
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

/* Length of a document in the batch: cut to the context, or with its completion padded to a
 * random length, so that the model learns where an answer ends on a longer canvas. */
static size_t padded_length(const um_recipe *recipe, const um_document *document, size_t sequence,
                            um_batch_noise noise) {
    const size_t cut =
        document->length < recipe->context_length ? document->length : recipe->context_length;
    const size_t longest = document->prompt_length + recipe->answer_length;
    if (recipe->answer_length == 0 || longest <= cut || longest > recipe->context_length) {
        return cut;
    }
    const um_rng_place place = {UM_RNG_MASK_RATE, (uint32_t)sequence, noise.step, 1};
    return cut + um_rng_below(noise.seed, place, (uint32_t)(longest - cut + 1));
}

static um_status check_tokens(const um_training_batch *batch, size_t first, size_t length,
                              const um_model_config *config, size_t document, um_error *error) {
    for (size_t i = first; i < first + length; i++) {
        if ((size_t)batch->clean_tokens[i] >= config->vocabulary_size) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "document %zu: token id %d is outside the vocabulary of %zu; the shard "
                            "was made with another tokenizer",
                            document, (int)batch->clean_tokens[i], config->vocabulary_size);
        }
    }
    return UM_OK;
}

void um_training_batch_start(um_training_batch *batch, um_attention_kind attention) {
    batch->rows = (um_row_batch){.attention = attention};
    batch->row_count = 0;
    batch->target_count = 0;
    batch->maskable_tokens = 0;
    batch->divisor = 0;
}

um_status um_training_batch_add(um_training_batch *batch, size_t length, size_t *first,
                                um_error *error) {
    UM_TRY(grow_sequences(batch, batch->rows.count + 1, error));
    UM_TRY(grow_rows(batch, batch->row_count + length, error));
    *first = batch->row_count;
    batch->sequences[batch->rows.count++] = (um_sequence_rows){.row_count = length};
    batch->row_count += length;
    return UM_OK;
}

static um_status add_document(um_training_batch *batch, const um_recipe *recipe,
                              const um_model_config *config, const um_shard *shard, size_t index,
                              size_t length, um_batch_noise noise, um_error *error) {
    const um_document document = um_shard_document(shard, index);
    const size_t sequence = batch->rows.count;
    const size_t stored = document.length < length ? document.length : length;
    size_t first = 0;
    UM_TRY(um_training_batch_add(batch, length, &first, error));
    int32_t *clean = batch->clean_tokens + first;
    um_shard_tokens(shard, index, stored, clean);
    for (size_t i = stored; i < length; i++) {
        clean[i] = config->pad_token;
    }
    UM_TRY(check_tokens(batch, first, stored, config, index, error));
    const um_noised_document noised = {
        .first = first,
        .length = length,
        .prompt_length = document.prompt_length < length ? document.prompt_length : length,
        .sequence = sequence};
    um_objective_apply(batch, recipe, config, &noised, noise);
    return UM_OK;
}

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

static void start(um_training_batch *batch, const um_recipe *recipe) {
    um_training_batch_start(batch, recipe->objective == UM_OBJECTIVE_CAUSAL ? UM_ATTENTION_CAUSAL
                                                                            : UM_ATTENTION_FULL);
}

static um_status finish(um_training_batch *batch, const um_recipe *recipe,
                        const um_model_config *config, um_error *error) {
    um_objective_normalise(batch, recipe);
    return um_training_batch_connect(batch, config, error);
}

um_status um_training_batch_fill(um_training_batch *batch, const um_recipe *recipe,
                                 const um_model_config *config, const um_shard *shard,
                                 um_data_order *order, um_data_cursor *cursor, um_batch_noise noise,
                                 um_error *error) {
    start(batch, recipe);
    for (;;) {
        const size_t index = um_data_order_at(order, cursor);
        const um_document document = um_shard_document(shard, index);
        const size_t length = padded_length(recipe, &document, batch->rows.count, noise);
        if (batch->row_count > 0 && batch->row_count + length > recipe->batch_tokens) {
            return finish(batch, recipe, config, error);
        }
        UM_TRY(add_document(batch, recipe, config, shard, index, length, noise, error));
        um_data_order_advance(order, cursor);
    }
}

um_status um_training_batch_fill_in_order(um_training_batch *batch, const um_recipe *recipe,
                                          const um_model_config *config, const um_shard *shard,
                                          size_t *first, um_batch_noise noise, um_error *error) {
    start(batch, recipe);
    while (*first < um_shard_document_count(shard)) {
        const um_document document = um_shard_document(shard, *first);
        const size_t length = padded_length(recipe, &document, batch->rows.count, noise);
        if (batch->row_count > 0 && batch->row_count + length > recipe->batch_tokens) {
            break;
        }
        UM_TRY(add_document(batch, recipe, config, shard, *first, length, noise, error));
        (*first)++;
    }
    return finish(batch, recipe, config, error);
}

/* One square for the longest sequence, which all others cut theirs from, and one for each. */
static um_status count_links(const um_training_batch *batch, size_t *longest, size_t *count,
                             um_error *error) {
    bool fits = true;
    size_t square = 0;
    for (size_t i = 0; i < batch->rows.count; i++) {
        const size_t length = batch->sequences[i].row_count;
        *longest = length > *longest ? length : *longest;
        fits =
            fits && um_size_multiply(length, length, &square) && um_size_add(*count, square, count);
    }
    fits =
        fits && um_size_multiply(*longest, *longest, &square) && um_size_add(*count, square, count);
    return fits ? UM_OK : um_error_memory(error, "attention links", SIZE_MAX);
}

um_status um_training_batch_anneal(um_training_batch *batch, double rate, um_batch_noise noise,
                                   um_error *error) {
    size_t longest = 0;
    size_t count = 0;
    UM_TRY(count_links(batch, &longest, &count, error));
    const size_t shared = longest * longest;
    UM_TRY(um_grow(&batch->links, &batch->link_capacity, count, 1, "attention links", error));
    for (size_t i = 0; i < shared; i++) {
        const um_rng_place place = {UM_RNG_ATTENTION, 0, noise.step, (uint32_t)i};
        batch->links[i] = um_rng_uniform(noise.seed, place) < rate;
    }
    uint8_t *next = batch->links + shared;
    for (size_t i = 0; i < batch->rows.count; i++) {
        um_sequence_rows *sequence = &batch->sequences[i];
        sequence->links = next;
        for (size_t row = 0; row < sequence->row_count; row++) {
            memcpy(next, batch->links + row * longest, sequence->row_count);
            next += sequence->row_count;
        }
    }
    batch->rows.attention = UM_ATTENTION_CAUSAL;
    return UM_OK;
}
