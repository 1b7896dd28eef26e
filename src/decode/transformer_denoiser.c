#include "decode/transformer_denoiser.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* One sequence, and what the forward in progress does with it. */
typedef struct sequence_slot {
    um_kv_cache *cache; /* NULL before the first request */
    bool is_in_use;     /* by the forward in progress */
    size_t *rows;       /* to compute, ascending */
    size_t row_count;
    size_t row_capacity;
    size_t *predicting; /* distinct rows whose logits are wanted, ascending */
    size_t predicting_count;
    size_t predicting_capacity;
} sequence_slot;

struct um_transformer_denoiser {
    um_transformer transformer;
    um_compute compute;
    um_activations *activations;
    sequence_slot *slots; /* [slot_count] */
    size_t slot_count;
    size_t slot_capacity;
    um_sequence_rows *sequences; /* of the forward in progress */
    size_t sequence_capacity;
    float *hidden; /* [predicting rows of all sequences, hidden_size] of the last forward */
    size_t hidden_capacity;
    size_t *hidden_of; /* [wanted positions of all requests]: which row of `hidden` predicts each */
    size_t hidden_of_capacity;
};

um_status um_transformer_denoiser_create(const um_transformer *transformer,
                                         const um_compute *compute,
                                         um_transformer_denoiser **denoiser, um_error *error) {
    *denoiser = NULL;
    um_transformer_denoiser *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "denoiser", sizeof *created);
    }
    created->transformer = *transformer;
    created->compute = *compute;
    const um_status status = um_activations_create(false, &created->activations, error);
    if (status != UM_OK) {
        um_transformer_denoiser_free(created);
        return status;
    }
    *denoiser = created;
    return UM_OK;
}

void um_transformer_denoiser_free(um_transformer_denoiser *denoiser) {
    if (!denoiser) {
        return;
    }
    for (size_t i = 0; i < denoiser->slot_count; i++) {
        um_kv_cache_free(denoiser->slots[i].cache);
        free(denoiser->slots[i].rows);
        free(denoiser->slots[i].predicting);
    }
    um_activations_free(denoiser->activations);
    free(denoiser->slots);
    free(denoiser->sequences);
    free(denoiser->hidden);
    free(denoiser->hidden_of);
    free(denoiser);
}

/* ---- Checks ---------------------------------------------------------------- */

static um_status check_ascending(const char *what, const size_t *values, size_t count, size_t limit,
                                 um_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (values[i] >= limit || (i > 0 && values[i] <= values[i - 1])) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "denoiser: %s %zu is %zu, expected ascending and below %zu", what, i,
                            values[i], limit);
        }
    }
    return UM_OK;
}

static um_status check_length(const um_model_config *config, size_t length, um_error *error) {
    if (length > config->maximum_positions) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "a canvas of %zu tokens, but the model has %zu positions: shorten the "
                        "prompt or the answer",
                        length, config->maximum_positions);
    }
    return UM_OK;
}

static um_status check_request(const um_model_config *config, const um_denoiser_request *request,
                               um_error *error) {
    if (request->length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "denoiser: the canvas is empty");
    }
    UM_TRY(check_length(config, request->length, error));
    const bool shifted = config->logit_alignment == UM_LOGITS_SHIFTED;
    if (request->rows) {
        UM_TRY(check_ascending("row", request->rows, request->row_count, request->length, error));
    }
    return check_ascending("wanted position", request->wanted, request->wanted_count,
                           request->length + (shifted ? 1 : 0), error);
}

/* ---- The caches ------------------------------------------------------------ */

static um_status ensure_slot(um_transformer_denoiser *denoiser, size_t slot, um_error *error) {
    size_t needed = 0;
    if (!um_size_add(slot, 1, &needed)) {
        return um_error_memory(error, "sequences", SIZE_MAX);
    }
    UM_TRY(um_grow(&denoiser->slots, &denoiser->slot_capacity, needed, sizeof *denoiser->slots,
                   "sequences", error));
    while (denoiser->slot_count < needed) {
        denoiser->slots[denoiser->slot_count++] = (sequence_slot){0};
    }
    return UM_OK;
}

static um_status replace_cache(const um_transformer_denoiser *denoiser, sequence_slot *slot,
                               size_t capacity, um_error *error) {
    um_kv_cache_free(slot->cache);
    slot->cache = NULL;
    return um_kv_cache_create(denoiser->transformer.config, capacity, &slot->cache, error);
}

um_status um_transformer_denoiser_start(um_transformer_denoiser *denoiser, size_t slot,
                                        size_t maximum_length, um_error *error) {
    UM_TRY(check_length(denoiser->transformer.config, maximum_length, error));
    UM_TRY(ensure_slot(denoiser, slot, error));
    sequence_slot *started = &denoiser->slots[slot];
    if (!started->cache || maximum_length > started->cache->capacity) {
        return replace_cache(denoiser, started, maximum_length, error);
    }
    return um_kv_cache_reset(started->cache, 0, error);
}

static um_status prepare_cache(const um_transformer_denoiser *denoiser, sequence_slot *slot,
                               const um_denoiser_request *request, um_error *error) {
    if (!slot->cache || request->length > slot->cache->capacity) {
        UM_TRY(replace_cache(denoiser, slot, request->length, error));
        return um_kv_cache_reset(slot->cache, request->length, error);
    }
    if (!request->rows || request->length < slot->cache->length) {
        return um_kv_cache_reset(slot->cache, request->length, error);
    }
    slot->cache->length =
        request->length; /* rows past the old length have been invalid since the reset */
    return UM_OK;
}

/* ---- Rows ------------------------------------------------------------------ */

/* Collect the distinct predicting rows, and set hidden_of[i] to the row of the hidden states, of
 * which there are `hidden_before` already, that predicts the i-th wanted position. */
static um_status collect_predicting(const um_transformer_denoiser *denoiser, sequence_slot *slot,
                                    const um_denoiser_request *request, size_t hidden_before,
                                    size_t *hidden_of, um_error *error) {
    UM_TRY(um_grow(&slot->predicting, &slot->predicting_capacity, request->wanted_count,
                   sizeof *slot->predicting, "rows", error));
    const um_model_config *config = denoiser->transformer.config;
    size_t count = 0;
    for (size_t i = 0; i < request->wanted_count; i++) {
        const size_t row = um_transformer_predicting_row(config, request->wanted[i]);
        if (count == 0 || slot->predicting[count - 1] != row) {
            slot->predicting[count++] = row;
        }
        hidden_of[i] = hidden_before + count - 1;
    }
    slot->predicting_count = count;
    return UM_OK;
}

static bool take_if_next(const size_t *values, size_t count, size_t *at, size_t row) {
    if (*at < count && values[*at] == row) {
        (*at)++;
        return true;
    }
    return false;
}

/* The union of the requested, the predicting and the not yet valid rows. */
static um_status collect_rows(sequence_slot *slot, const um_denoiser_request *request,
                              um_error *error) {
    UM_TRY(um_grow(&slot->rows, &slot->row_capacity, request->length, sizeof *slot->rows, "rows",
                   error));
    slot->row_count = 0;
    size_t requested = 0;
    size_t predicting = 0;
    for (size_t row = 0; row < request->length; row++) {
        const bool is_requested =
            !request->rows || take_if_next(request->rows, request->row_count, &requested, row);
        const bool predicts =
            take_if_next(slot->predicting, slot->predicting_count, &predicting, row);
        if (is_requested || predicts || !slot->cache->valid[row]) {
            slot->rows[slot->row_count++] = row;
        }
    }
    return UM_OK;
}

/* ---- The forward ----------------------------------------------------------- */

static um_status check_requests(um_transformer_denoiser *denoiser,
                                const um_denoiser_request *requests, size_t count,
                                um_error *error) {
    for (size_t i = 0; i < denoiser->slot_count; i++) {
        denoiser->slots[i].is_in_use = false;
    }
    for (size_t i = 0; i < count; i++) {
        UM_TRY(check_request(denoiser->transformer.config, &requests[i], error));
        UM_TRY(ensure_slot(denoiser, requests[i].slot, error));
        sequence_slot *slot = &denoiser->slots[requests[i].slot];
        if (slot->is_in_use) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "denoiser: slot %zu is asked for twice",
                            requests[i].slot);
        }
        slot->is_in_use = true;
    }
    return UM_OK;
}

static um_status prepare_requests(um_transformer_denoiser *denoiser, um_denoiser_request *requests,
                                  size_t count, size_t *hidden_rows, um_error *error) {
    size_t wanted = 0;
    UM_TRY(um_grow(&denoiser->sequences, &denoiser->sequence_capacity, count,
                   sizeof *denoiser->sequences, "sequences", error));
    for (size_t i = 0; i < count; i++) {
        um_denoiser_request *request = &requests[i];
        sequence_slot *slot = &denoiser->slots[request->slot];
        UM_TRY(um_grow(&denoiser->hidden_of, &denoiser->hidden_of_capacity,
                       wanted + request->wanted_count, sizeof *denoiser->hidden_of, "rows", error));
        UM_TRY(prepare_cache(denoiser, slot, request, error));
        UM_TRY(collect_predicting(denoiser, slot, request, *hidden_rows,
                                  denoiser->hidden_of + wanted, error));
        UM_TRY(collect_rows(slot, request, error));
        request->computed_rows = slot->row_count;
        wanted += request->wanted_count;
        *hidden_rows += slot->predicting_count;
        denoiser->sequences[i] = (um_sequence_rows){.cache = slot->cache,
                                                    .tokens = request->tokens,
                                                    .rows = slot->rows,
                                                    .row_count = slot->row_count,
                                                    .hidden_rows = slot->predicting,
                                                    .hidden_count = slot->predicting_count};
    }
    return UM_OK;
}

static um_status run_forward(um_transformer_denoiser *denoiser, um_denoiser_request *requests,
                             size_t count, um_error *error) {
    const um_model_config *config = denoiser->transformer.config;
    size_t hidden_rows = 0;
    size_t floats = 0;
    UM_TRY(prepare_requests(denoiser, requests, count, &hidden_rows, error));
    if (!um_size_multiply(hidden_rows, config->hidden_size, &floats)) {
        return um_error_memory(error, "hidden states", SIZE_MAX);
    }
    UM_TRY(um_grow(&denoiser->hidden, &denoiser->hidden_capacity, floats, sizeof(float),
                   "hidden states", error));
    const um_row_batch batch = {.sequences = denoiser->sequences,
                                .count = count,
                                .attention = config->attention,
                                .attention_block_length = config->attention_block_length};
    return um_transformer_forward(&denoiser->transformer, &denoiser->compute, &batch,
                                  denoiser->activations, denoiser->hidden, error);
}

static um_status compute_forward(void *user, um_denoiser_request *requests, size_t count,
                                 um_error *error) {
    um_transformer_denoiser *denoiser = user;
    UM_TRY(check_requests(denoiser, requests, count, error));
    const um_status status = run_forward(denoiser, requests, count, error);
    for (size_t i = 0; status != UM_OK && i < count; i++) {
        um_kv_cache *cache = denoiser->slots[requests[i].slot].cache;
        if (cache) { /* rows may be half computed */
            (void)um_kv_cache_reset(cache, 0, NULL);
        }
    }
    return status;
}

/* Project each predicting row once, then give every wanted position its own copy, from the last to
 * the first because rows only move to later places. */
static um_status compute_logits(void *user, size_t first, size_t count, float *logits,
                                um_error *error) {
    um_transformer_denoiser *denoiser = user;
    const um_model_config *config = denoiser->transformer.config;
    if (count == 0) {
        return UM_OK;
    }
    const size_t *hidden_of = denoiser->hidden_of + first;
    const size_t rows = hidden_of[count - 1] - hidden_of[0] + 1;
    UM_TRY(um_transformer_project(&denoiser->transformer, &denoiser->compute, denoiser->activations,
                                  rows, denoiser->hidden + hidden_of[0] * config->hidden_size,
                                  logits, error));
    const size_t width = config->vocabulary_size;
    for (size_t i = count; rows < count && i-- > 0;) {
        const size_t source = hidden_of[i] - hidden_of[0];
        if (source != i) {
            memcpy(logits + i * width, logits + source * width, width * sizeof *logits);
        }
    }
    return UM_OK;
}

static um_status start_slot(void *user, size_t slot, size_t maximum_length, um_error *error) {
    return um_transformer_denoiser_start(user, slot, maximum_length, error);
}

static size_t attention_block_length(const um_model_config *config) {
    switch (config->attention) {
        case UM_ATTENTION_CAUSAL:
            return 1;
        case UM_ATTENTION_BLOCK_CAUSAL:
            return config->attention_block_length;
        case UM_ATTENTION_FULL:
            break;
    }
    return 0;
}

um_denoiser um_transformer_denoiser_interface(um_transformer_denoiser *denoiser) {
    const um_model_config *config = denoiser->transformer.config;
    return (um_denoiser){.user = denoiser,
                         .vocabulary_size = config->vocabulary_size,
                         .is_shifted = config->logit_alignment == UM_LOGITS_SHIFTED,
                         .attention_block_length = attention_block_length(config),
                         .start = start_slot,
                         .forward = compute_forward,
                         .logits = compute_logits};
}
