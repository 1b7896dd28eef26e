/* The tiny models of tests/golden/transformer, opened, with the results that PyTorch computed for
 * them (see make_transformer_golden.py), and helpers to run them. */
#ifndef UM_TESTS_GOLDEN_MODEL_H
#define UM_TESTS_GOLDEN_MODEL_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "model/transformer.h"

#define GOLDEN_SEQUENCES 3
#define GOLDEN_BLOCK 3

static const char *const golden_names[] = {"dream",     "dream_bf16", "qwen2_tied", "qwen3",
                                           "qwen3_f16", "llama",      "llada"};
#define GOLDEN_COUNT (sizeof golden_names / sizeof *golden_names)

typedef struct golden_kind {
    const char *name; /* prefix of the expected tensors */
    um_attention_kind attention;
    bool links;
} golden_kind;

static const golden_kind golden_kinds[] = {{"full", UM_ATTENTION_FULL, false},
                                           {"causal", UM_ATTENTION_CAUSAL, false},
                                           {"block", UM_ATTENTION_BLOCK_CAUSAL, false},
                                           {"links", UM_ATTENTION_CAUSAL, true}};
#define GOLDEN_KINDS (sizeof golden_kinds / sizeof *golden_kinds)

typedef struct golden_model {
    um_model_config config;
    um_checkpoint *checkpoint;
    um_checkpoint *expected;
    um_parameters bound;
    um_transformer transformer;
    size_t lengths[GOLDEN_SEQUENCES];
    size_t rows;     /* sum of the lengths */
    int32_t *tokens; /* [rows] */
    size_t *indices; /* 0, 1, 2 ..., one per position */
} golden_model;

/* ---- Expected values --------------------------------------------------- */

/* "KIND.WHATNAME", valid until the next call. */
static inline const char *golden_key(const char *kind, const char *what, const char *name) {
    static char key[256];
    (void)snprintf(key, sizeof key, "%s.%s%s", kind, what, name);
    return key;
}

static inline const float *golden_find(const golden_model *model, const char *key, size_t *count) {
    um_tensor tensor = {0};
    if (!um_checkpoint_find(model->expected, key, &tensor)) {
        return NULL;
    }
    assert_int_equal(tensor.dtype, UM_DTYPE_F32);
    assert_true(um_tensor_count(&tensor, count));
    return tensor.data;
}

static inline const float *golden_floats(const golden_model *model, const char *key, size_t count) {
    size_t found = 0;
    const float *values = golden_find(model, key, &found);
    if (!values || found != count) {
        fail_msg("%s: %zu values, expected %zu", key, found, count);
    }
    return values;
}

/* |a - b| / |b|; NaN if either array contains one. */
static inline double relative_error(const float *a, const float *b, size_t count) {
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        difference += d * d;
        norm += (double)b[i] * (double)b[i];
    }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

#define assert_close(a, b, count, limit, what)                                                     \
    do {                                                                                           \
        const double error_ = relative_error(a, b, count);                                         \
        if (!(error_ < (limit))) {                                                                 \
            fail_msg("%s: relative error %.3g", what, error_);                                     \
        }                                                                                          \
    } while (0)

/* ---- Models ------------------------------------------------------------ */

static inline void golden_open_expected(golden_model *model, const char *directory) {
    um_error error = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/expected", directory);
    assert_ok(um_checkpoint_open(path, &model->expected, &error), &error);
    const float *lengths = golden_floats(model, "lengths", GOLDEN_SEQUENCES);
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        model->lengths[i] = (size_t)lengths[i];
        model->rows += model->lengths[i];
    }
    const float *tokens = golden_floats(model, "tokens", model->rows);
    model->tokens = calloc(model->rows, sizeof *model->tokens);
    assert_non_null(model->tokens);
    for (size_t i = 0; i < model->rows; i++) {
        model->tokens[i] = (int32_t)tokens[i];
    }
}

static inline void golden_open(const char *name, golden_model *model) {
    um_error error = {0};
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/transformer/%s", UM_TEST_DATA, name);
    *model = (golden_model){0};
    assert_ok(um_model_config_read(directory, &model->config, &error), &error);
    assert_ok(um_checkpoint_open(directory, &model->checkpoint, &error), &error);
    assert_ok(um_parameters_bind(&model->bound, &model->config, model->checkpoint, &error), &error);
    model->transformer = (um_transformer){&model->config, &model->bound};
    golden_open_expected(model, directory);
    model->indices = calloc(model->config.maximum_positions, sizeof *model->indices);
    assert_non_null(model->indices);
    for (size_t i = 0; i < model->config.maximum_positions; i++) {
        model->indices[i] = i;
    }
}

static inline void golden_close(golden_model *model) {
    um_parameters_free(&model->bound);
    um_checkpoint_close(model->checkpoint);
    um_checkpoint_close(model->expected);
    free(model->tokens);
    free(model->indices);
}

/* ---- Batches ----------------------------------------------------------- */

/* All sequences of a model, every row computed and wanted. */
typedef struct golden_batch {
    um_sequence_rows sequences[GOLDEN_SEQUENCES];
    uint8_t *links[GOLDEN_SEQUENCES];
    um_row_batch rows;
} golden_batch;

static inline um_kv_cache *make_cache(const golden_model *model, size_t length) {
    um_error error = {0};
    um_kv_cache *cache = NULL;
    assert_ok(um_kv_cache_create(&model->config, length, &cache, &error), &error);
    assert_ok(um_kv_cache_reset(cache, length, &error), &error);
    return cache;
}

static inline um_sequence_rows whole_sequence(const golden_model *model, size_t index) {
    size_t first = 0;
    for (size_t i = 0; i < index; i++) {
        first += model->lengths[i];
    }
    const size_t length = model->lengths[index];
    return (um_sequence_rows){.cache = make_cache(model, length),
                              .tokens = model->tokens + first,
                              .row_count = length,
                              .hidden_rows = model->indices,
                              .hidden_count = length};
}

static inline void read_links(const golden_model *model, golden_batch *batch) {
    size_t count = 0;
    const float *links = golden_find(model, "links", &count);
    assert_non_null(links);
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        const size_t pairs = model->lengths[i] * model->lengths[i];
        batch->links[i] = calloc(pairs, 1);
        assert_non_null(batch->links[i]);
        for (size_t j = 0; j < pairs; j++) {
            batch->links[i][j] = links[j] != 0;
        }
        links += pairs;
        batch->sequences[i].links = batch->links[i];
    }
}

static inline void batch_make(const golden_model *model, const golden_kind *kind,
                              golden_batch *batch) {
    *batch = (golden_batch){.rows = {.sequences = batch->sequences,
                                     .count = GOLDEN_SEQUENCES,
                                     .attention = kind->attention,
                                     .attention_block_length = GOLDEN_BLOCK}};
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        batch->sequences[i] = whole_sequence(model, i);
    }
    if (kind->links) {
        read_links(model, batch);
    }
}

static inline void batch_free(golden_batch *batch) {
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        um_kv_cache_free(batch->sequences[i].cache);
        free(batch->links[i]);
    }
}

/* ---- Running ----------------------------------------------------------- */

/* `kernels` NULL selects the default kernels; `threads` of 1 means no pool. */
static inline um_compute compute_make(const char *kernels, size_t threads) {
    um_error error = {0};
    um_compute compute = {0};
    assert_ok(um_kernels_select(kernels, &compute.kernels, &error), &error);
    if (threads > 1) {
        assert_ok(um_thread_pool_create(threads, &compute.pool, &error), &error);
    }
    return compute;
}

static inline void compute_free(um_compute *compute) {
    um_thread_pool_free(compute->pool);
}

static inline size_t wanted_rows(const um_row_batch *batch) {
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += batch->sequences[i].hidden_count;
    }
    return count;
}

static inline float *make_floats(size_t count) {
    float *values = calloc(count + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

/* The final states of the wanted rows; the caller frees them. */
static inline float *run_hidden(const golden_model *model, const um_compute *compute,
                                const um_row_batch *batch) {
    um_error error = {0};
    um_activations *activations = NULL;
    assert_ok(um_activations_create(false, &activations, &error), &error);
    float *hidden = make_floats(wanted_rows(batch) * model->config.hidden_size);
    assert_ok(
        um_transformer_forward(&model->transformer, compute, batch, activations, hidden, &error),
        &error);
    um_activations_free(activations);
    return hidden;
}

/* The logits of the wanted rows; the caller frees them. */
static inline float *run_logits(const golden_model *model, const um_compute *compute,
                                const um_row_batch *batch) {
    float *hidden = run_hidden(model, compute, batch);
    const size_t rows = wanted_rows(batch);
    float *logits = make_floats(rows * model->config.vocabulary_size);
    um_error error = {0};
    um_activations *activations = NULL;
    assert_ok(um_activations_create(false, &activations, &error), &error);
    assert_ok(um_transformer_project(&model->transformer, compute, activations, rows, hidden,
                                     logits, &error),
              &error);
    um_activations_free(activations);
    free(hidden);
    return logits;
}

#endif
