#include "train/supervised/document_batch.h"

#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "train/supervised/objective.h"

/* ---- Which documents, and how long ------------------------------------------ */

/* Draws of a document, besides those of the objective (docs/TRAINING.md lists all). */
enum { DRAW_PADDED_LENGTH = 1, DRAW_TRUNCATION = 2, DRAW_TRUNCATED_LENGTH = 3 };

static um_rng_place place_of(size_t sequence, um_batch_noise noise, uint32_t position) {
    return (um_rng_place){UM_RNG_MASK_RATE, (uint32_t)sequence, noise.step, position};
}

/* Cut to the context and, with a small probability, to a random length (LLaDA, arXiv 2502.09992,
 * section 2.2), so that the model meets texts of any length. */
static void cut(um_batch_document *document, const um_recipe *recipe, size_t length,
                um_batch_noise noise) {
    document->kept = um_size_smaller(length, recipe->context_length);
    const um_rng_place fate = place_of(document->sequence, noise, DRAW_TRUNCATION);
    document->truncated = um_rng_uniform(noise.seed, fate) < recipe->random_truncation_probability;
    if (document->truncated) {
        const um_rng_place place = place_of(document->sequence, noise, DRAW_TRUNCATED_LENGTH);
        document->kept = 1 + um_rng_below(noise.seed, place, (uint32_t)document->kept);
    }
}

/* The pads that the recipe asks for, whatever else is in the batch. */
static size_t own_pads(const um_batch_document *document, const um_recipe *recipe,
                       um_batch_noise noise) {
    const size_t suffix_length = document->kept - document->answer_end;
    const size_t answer_length = suffix_length > 0 && recipe->infilling_length > 0
                                     ? recipe->infilling_length
                                     : recipe->answer_length;
    const size_t longest = document->prompt_length + answer_length + suffix_length;
    if (recipe->answer_length == 0 || document->truncated || longest <= document->kept) {
        return 0;
    }
    switch (recipe->answer_padding) {
        case UM_PADDING_RANDOM: {
            if (longest > recipe->context_length) {
                return 0;
            }
            const um_rng_place place = place_of(document->sequence, noise, DRAW_PADDED_LENGTH);
            return um_rng_below(noise.seed, place, (uint32_t)(longest - document->kept + 1));
        }
        case UM_PADDING_FIXED:
            return um_size_smaller(longest, recipe->context_length) - document->kept;
        case UM_PADDING_BATCH:
            break;
    }
    return 0;
}

static size_t rows_of(const um_batch_document *document) {
    return document->kept + document->pads;
}

/* The rows of the batch's longest document. */
static size_t most_rows(const um_training_batch *batch) {
    size_t longest = 0;
    for (size_t i = 0; i < batch->rows.count; i++) {
        const size_t rows = rows_of(&batch->documents[i]);
        longest = rows > longest ? rows : longest;
    }
    return longest;
}

/* Rows of the batch with one more document. */
static size_t rows_with(const um_training_batch *batch, const um_recipe *recipe,
                        const um_batch_document *document) {
    const size_t rows = rows_of(document);
    if (recipe->answer_padding != UM_PADDING_BATCH) {
        return batch->row_count + rows;
    }
    const size_t longest = most_rows(batch);
    return (rows > longest ? rows : longest) * (batch->rows.count + 1);
}

/* Take document `index` of the shard into the batch if it fits; *taken tells whether it does. */
static um_status take(um_training_batch *batch, const um_recipe *recipe, const um_shard *shard,
                      size_t index, um_batch_noise noise, bool *taken, um_error *error) {
    const um_document stored = um_shard_document(shard, index);
    um_batch_document document = {.index = index, .sequence = batch->rows.count};
    cut(&document, recipe, stored.length, noise);
    document.prompt_length = um_size_smaller(stored.prompt_length, document.kept);
    document.answer_end = um_size_smaller(stored.length - stored.suffix_length, document.kept);
    document.pads = own_pads(&document, recipe, noise);
    *taken = batch->rows.count == 0 || rows_with(batch, recipe, &document) <= recipe->batch_tokens;
    if (!*taken) {
        return UM_OK;
    }
    UM_TRY(um_grow(&batch->documents, &batch->document_capacity, batch->rows.count + 1,
                   sizeof *batch->documents, "batch", error));
    document.first = batch->row_count;
    batch->documents[batch->rows.count++] = document;
    batch->row_count += rows_of(&document);
    return UM_OK;
}

/* Pad all documents but truncated ones to the longest of the batch. */
static void level(um_training_batch *batch) {
    const size_t longest = most_rows(batch);
    batch->row_count = 0;
    for (size_t i = 0; i < batch->rows.count; i++) {
        um_batch_document *document = &batch->documents[i];
        document->pads = document->truncated ? 0 : longest - document->kept;
        document->first = batch->row_count;
        batch->row_count += rows_of(document);
    }
}

/* ---- Their tokens -------------------------------------------------------------- */

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

static um_status lay_out(um_training_batch *batch, const um_model_config *config,
                         const um_shard *shard, const um_batch_document *document,
                         um_error *error) {
    int32_t *clean = batch->clean_tokens + document->first;
    int32_t *suffix = clean + document->answer_end + document->pads;
    const size_t suffix_length = document->kept - document->answer_end;
    um_shard_tokens(shard, document->index, 0, document->answer_end, clean);
    um_shard_tokens(shard, document->index, document->answer_end, suffix_length, suffix);
    for (int32_t *pad = clean + document->answer_end; pad < suffix; pad++) {
        *pad = config->pad_token;
    }
    batch->sequences[document->sequence] = (um_sequence_rows){.row_count = rows_of(document)};
    return check_tokens(batch, document->first, rows_of(document), config, document->index, error);
}

static um_status lay_out_all(um_training_batch *batch, const um_recipe *recipe,
                             const um_model_config *config, const um_shard *shard,
                             um_batch_noise noise, um_error *error) {
    if (recipe->answer_padding == UM_PADDING_BATCH) {
        level(batch);
    }
    UM_TRY(um_training_batch_reserve(batch, batch->rows.count, batch->row_count, error));
    for (size_t i = 0; i < batch->rows.count; i++) {
        UM_TRY(lay_out(batch, config, shard, &batch->documents[i], error));
        um_objective_apply(batch, recipe, config, &batch->documents[i], noise);
    }
    um_objective_normalise(batch, recipe);
    return UM_OK;
}

/* ---- Whole batches --------------------------------------------------------------- */

static void start(um_training_batch *batch, const um_recipe *recipe) {
    um_training_batch_start(batch, recipe->objective == UM_OBJECTIVE_CAUSAL ? UM_ATTENTION_CAUSAL
                                                                            : UM_ATTENTION_FULL);
}

static um_status finish(um_training_batch *batch, const um_recipe *recipe,
                        const um_model_config *config, const um_shard *shard, um_batch_noise noise,
                        um_error *error) {
    UM_TRY(lay_out_all(batch, recipe, config, shard, noise, error));
    return um_training_batch_connect(batch, config, error);
}

um_status um_document_batch_fill(um_training_batch *batch, const um_recipe *recipe,
                                 const um_model_config *config, const um_shard *shard,
                                 um_data_order *order, um_data_cursor *cursor, um_batch_noise noise,
                                 um_error *error) {
    start(batch, recipe);
    for (;;) {
        bool taken = false;
        UM_TRY(take(batch, recipe, shard, um_data_order_at(order, cursor), noise, &taken, error));
        if (!taken) {
            return finish(batch, recipe, config, shard, noise, error);
        }
        um_data_order_advance(order, cursor);
    }
}

um_status um_document_batch_fill_in_order(um_training_batch *batch, const um_recipe *recipe,
                                          const um_model_config *config, const um_shard *shard,
                                          size_t *first, um_batch_noise noise, um_error *error) {
    bool taken = true;
    start(batch, recipe);
    while (taken && *first < um_shard_document_count(shard)) {
        UM_TRY(take(batch, recipe, shard, *first, noise, &taken, error));
        *first += taken;
    }
    return finish(batch, recipe, config, shard, noise, error);
}

/* One square for the longest sequence, from which each sequence's own is cut, and one for each of
 * these. */
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

um_status um_document_batch_anneal(um_training_batch *batch, double rate, um_batch_noise noise,
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
