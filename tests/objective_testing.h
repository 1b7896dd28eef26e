/* What the tests of objectives share: a batch of generated documents, and a view of each. */
#ifndef UM_TESTS_OBJECTIVE_TESTING_H
#define UM_TESTS_OBJECTIVE_TESTING_H

#include "training_testing.h"

typedef struct bench {
    um_model_config config;
    um_recipe recipe;
    um_shard *shard;
    um_training_batch batch;
} bench;

static inline bench bench_make(const char *objective, const char *more, size_t count,
                               const um_document *documents) {
    return (bench){.config = random_model_config(),
                   .recipe = make_recipe(objective, more),
                   .shard = make_shard(count, documents)};
}

static inline void bench_free(bench *made) {
    um_shard_close(made->shard);
    um_training_batch_free(&made->batch);
}

/* Fill the batch with documents from the first one on, as many as fit. */
static inline void fill(bench *made, uint64_t seed, uint32_t step) {
    um_error error = {0};
    size_t first = 0;
    const um_batch_noise noise = {.seed = seed, .step = step};
    assert_ok(um_document_batch_fill_in_order(&made->batch, &made->recipe, &made->config,
                                              made->shard, &first, noise, &error),
              &error);
}

/* A document of a filled batch. */
typedef struct part {
    size_t length;
    size_t targets;
    const int32_t *clean;
    const int32_t *tokens;
    const size_t *rows; /* [targets], as are ids and weights */
    const int32_t *ids;
    const float *weights;
} part;

static inline part part_of(const bench *made, size_t index) {
    size_t row = 0;
    size_t target = 0;
    for (size_t i = 0; i < index; i++) {
        row += made->batch.sequences[i].row_count;
        target += made->batch.sequences[i].hidden_count;
    }
    return (part){.length = made->batch.sequences[index].row_count,
                  .targets = made->batch.sequences[index].hidden_count,
                  .clean = made->batch.clean_tokens + row,
                  .tokens = made->batch.tokens + row,
                  .rows = made->batch.hidden_rows + target,
                  .ids = made->batch.targets + target,
                  .weights = made->batch.weights + target};
}

static inline double sum_of_weights(const bench *made) {
    double sum = 0;
    for (size_t i = 0; i < made->batch.target_count; i++) {
        sum += (double)made->batch.weights[i];
    }
    return sum;
}

#endif
