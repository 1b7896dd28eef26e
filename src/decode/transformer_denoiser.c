#include "decode/transformer_denoiser.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

struct um_transformer_denoiser {
    um_transformer transformer;
    um_compute compute;
    um_activations *activations;
    um_kv_cache *cache; /* NULL before the first request */
    size_t *rows;       /* of the request in progress: to compute, ascending */
    size_t row_count;
    size_t row_capacity;
    size_t *predicting; /* distinct rows whose logits are wanted, ascending */
    size_t predicting_count;
    size_t predicting_capacity;
    float *hidden; /* [predicting_count, hidden_size] */
    size_t hidden_capacity;
    um_denoiser_times times;
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
    if (denoiser) {
        um_activations_free(denoiser->activations);
        um_kv_cache_free(denoiser->cache);
        free(denoiser->rows);
        free(denoiser->predicting);
        free(denoiser->hidden);
        free(denoiser);
    }
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

/* ---- The cache ------------------------------------------------------------- */

static um_status replace_cache(um_transformer_denoiser *denoiser, size_t capacity,
                               um_error *error) {
    um_kv_cache_free(denoiser->cache);
    denoiser->cache = NULL;
    return um_kv_cache_create(denoiser->transformer.config, capacity, &denoiser->cache, error);
}

um_status um_transformer_denoiser_start(um_transformer_denoiser *denoiser, size_t maximum_length,
                                        um_error *error) {
    UM_TRY(check_length(denoiser->transformer.config, maximum_length, error));
    denoiser->times = (um_denoiser_times){0};
    if (!denoiser->cache || maximum_length > denoiser->cache->capacity) {
        return replace_cache(denoiser, maximum_length, error);
    }
    return um_kv_cache_reset(denoiser->cache, 0, error);
}

static um_status prepare_cache(um_transformer_denoiser *denoiser,
                               const um_denoiser_request *request, um_error *error) {
    um_kv_cache *cache = denoiser->cache;
    if (!cache || request->length > cache->capacity) {
        UM_TRY(replace_cache(denoiser, request->length, error));
        return um_kv_cache_reset(denoiser->cache, request->length, error);
    }
    if (!request->rows || request->length < cache->length) {
        return um_kv_cache_reset(cache, request->length, error);
    }
    cache->length = request->length; /* rows past the old length are invalid since the reset */
    return UM_OK;
}

/* ---- Rows ------------------------------------------------------------------ */

static um_status collect_predicting(um_transformer_denoiser *denoiser,
                                    const um_denoiser_request *request, um_error *error) {
    UM_TRY(um_grow(&denoiser->predicting, &denoiser->predicting_capacity, request->wanted_count,
                   sizeof *denoiser->predicting, "rows", error));
    const um_model_config *config = denoiser->transformer.config;
    size_t count = 0;
    for (size_t i = 0; i < request->wanted_count; i++) {
        const size_t row = um_transformer_predicting_row(config, request->wanted[i]);
        if (count == 0 || denoiser->predicting[count - 1] != row) {
            denoiser->predicting[count++] = row;
        }
    }
    denoiser->predicting_count = count;
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
static um_status collect_rows(um_transformer_denoiser *denoiser, const um_denoiser_request *request,
                              um_error *error) {
    UM_TRY(um_grow(&denoiser->rows, &denoiser->row_capacity, request->length,
                   sizeof *denoiser->rows, "rows", error));
    denoiser->row_count = 0;
    size_t requested = 0;
    size_t predicting = 0;
    for (size_t row = 0; row < request->length; row++) {
        const bool is_requested =
            !request->rows || take_if_next(request->rows, request->row_count, &requested, row);
        const bool predicts =
            take_if_next(denoiser->predicting, denoiser->predicting_count, &predicting, row);
        if (is_requested || predicts || !denoiser->cache->valid[row]) {
            denoiser->rows[denoiser->row_count++] = row;
        }
    }
    return UM_OK;
}

/* ---- The forward ----------------------------------------------------------- */

static um_status run_forward(um_transformer_denoiser *denoiser, const um_denoiser_request *request,
                             um_error *error) {
    const um_model_config *config = denoiser->transformer.config;
    size_t floats = 0;
    if (!um_size_multiply(denoiser->predicting_count, config->hidden_size, &floats)) {
        return um_error_memory(error, "hidden states", SIZE_MAX);
    }
    UM_TRY(um_grow(&denoiser->hidden, &denoiser->hidden_capacity, floats, sizeof(float),
                   "hidden states", error));
    const um_sequence_rows sequence = {.cache = denoiser->cache,
                                       .tokens = request->tokens,
                                       .rows = denoiser->rows,
                                       .row_count = denoiser->row_count,
                                       .hidden_rows = denoiser->predicting,
                                       .hidden_count = denoiser->predicting_count};
    const um_row_batch batch = {.sequences = &sequence,
                                .count = 1,
                                .attention = config->attention,
                                .attention_block_length = config->attention_block_length};
    return um_transformer_forward(&denoiser->transformer, &denoiser->compute, &batch,
                                  denoiser->activations, denoiser->hidden, error);
}

/* logits holds one row for each predicting row: give each wanted position its own, from the
 * last to the first, as no row moves up. */
static void spread_logits(const um_transformer_denoiser *denoiser,
                          const um_denoiser_request *request, float *logits) {
    if (denoiser->predicting_count == request->wanted_count) {
        return;
    }
    const um_model_config *config = denoiser->transformer.config;
    const size_t width = config->vocabulary_size;
    size_t source = denoiser->predicting_count - 1;
    for (size_t i = request->wanted_count; i-- > 0;) {
        while (denoiser->predicting[source] !=
               um_transformer_predicting_row(config, request->wanted[i])) {
            source--;
        }
        if (source != i) {
            memcpy(logits + i * width, logits + source * width, width * sizeof *logits);
        }
    }
}

static um_status compute_logits(void *user, const um_denoiser_request *request, float *logits,
                                um_error *error) {
    um_transformer_denoiser *denoiser = user;
    UM_TRY(check_request(denoiser->transformer.config, request, error));
    UM_TRY(prepare_cache(denoiser, request, error));
    UM_TRY(collect_predicting(denoiser, request, error));
    UM_TRY(collect_rows(denoiser, request, error));
    const double start = um_clock_seconds();
    const um_status status = run_forward(denoiser, request, error);
    const double middle = um_clock_seconds();
    denoiser->times.forward_seconds += middle - start;
    if (status != UM_OK) {
        (void)um_kv_cache_reset(denoiser->cache, 0, NULL); /* rows may be half computed */
        return status;
    }
    UM_TRY(um_transformer_project(&denoiser->transformer, &denoiser->compute, denoiser->activations,
                                  denoiser->predicting_count, denoiser->hidden, logits, error));
    spread_logits(denoiser, request, logits);
    denoiser->times.projection_seconds += um_clock_seconds() - middle;
    return UM_OK;
}

um_denoiser_times um_transformer_denoiser_times(const um_transformer_denoiser *denoiser) {
    return denoiser->times;
}

um_denoiser um_transformer_denoiser_interface(um_transformer_denoiser *denoiser) {
    return (um_denoiser){.user = denoiser,
                         .vocabulary_size = denoiser->transformer.config->vocabulary_size,
                         .logits = compute_logits};
}
