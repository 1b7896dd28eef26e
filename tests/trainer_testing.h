/* What the tests of training runs share: a tiny model, a copying task, and watched runs. */
#ifndef UM_TESTS_TRAINER_TESTING_H
#define UM_TESTS_TRAINER_TESTING_H

#include "train/supervised/supervised.h"
#include "train/trainer/trainer_internal.h"
#include "training_run.h"
#include "training_testing.h"

/* ---- Model and data ---------------------------------------------------- */

#define COPY_LETTERS 12 /* ids 0 to 11; the task's words are made of them */
#define COPY_LENGTH 4

static inline um_model_config tiny_config(void) {
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.attention = UM_ATTENTION_CAUSAL;
    config.vocabulary_size = 16;
    config.hidden_size = 32;
    config.intermediate_size = 48;
    config.head_dim = 8;
    config.mask_token = 15;
    config.pad_token = 14;
    config.eos_token = 14;
    return config;
}

/* A word, and the same word again as the completion. */
static inline void write_copy_task(const char *path, uint32_t count, uint64_t seed) {
    um_error error = {0};
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(16, &writer, &error), &error);
    for (uint32_t i = 0; i < count; i++) {
        int32_t ids[2 * COPY_LENGTH];
        for (uint32_t j = 0; j < COPY_LENGTH; j++) {
            const um_rng_place place = {UM_RNG_TOKEN, i, 0, j};
            ids[j] = ids[COPY_LENGTH + j] = (int32_t)um_rng_below(seed, place, COPY_LETTERS);
        }
        const um_document document = {.length = 2 * COPY_LENGTH, .prompt_length = COPY_LENGTH};
        assert_ok(um_shard_writer_add(writer, ids, document, &error), &error);
    }
    assert_ok(um_shard_writer_commit(writer, path, &error), &error);
    um_shard_writer_free(writer);
}

/* Where a run finds its model and data, and the recipe that names them. */
typedef struct workshop {
    scratch model;
    scratch data;
    um_recipe recipe;
} workshop;

static inline workshop workshop_make_with(const um_model_config *config, const char *objective,
                                          const char *more) {
    um_error error = {0};
    workshop made = {.model = scratch_make(), .data = scratch_make()};
    assert_ok(random_model_write(config, NULL, made.model.path, &error), &error);
    made.recipe = make_recipe(objective, more);
    set_member(&made.recipe, "model", made.model.path);
    write_copy_task(scratch_path(&made.data, "train.shard"), 100, 1);
    set_member(&made.recipe, "train", scratch_path(&made.data, "train.shard"));
    write_copy_task(scratch_path(&made.data, "validation.shard"), 20, 2);
    set_member(&made.recipe, "validation", scratch_path(&made.data, "validation.shard"));
    set_member(&made.recipe, "batch_tokens", "80");
    return made;
}

static inline workshop workshop_make(const char *objective, const char *more) {
    const um_model_config config = tiny_config();
    return workshop_make_with(&config, objective, more);
}

static inline void workshop_remove(const workshop *made) {
    scratch_remove(&made->model);
    scratch_remove(&made->data);
}

/* ---- Runs -------------------------------------------------------------- */

#define WATCHED_STEPS 400

typedef struct watch {
    size_t stop_after; /* the run is asked to stop after this step; 0 for never */
    size_t threads;    /* 0 for one */
    size_t steps;
    um_step_report reports[WATCHED_STEPS];
    size_t validations;
    um_validation_report validation; /* the last one */
    size_t saves;
    size_t saved_step;
} watch;

static inline void watch_step(void *user, const um_step_report *report) {
    watch *seen = user;
    assert_true(seen->steps < WATCHED_STEPS);
    seen->reports[seen->steps++] = *report;
}

static inline void watch_validation(void *user, const um_validation_report *report) {
    watch *seen = user;
    seen->validations++;
    seen->validation = *report;
}

static inline void watch_saved(void *user, const char *path, size_t step) {
    watch *seen = user;
    assert_non_null(path);
    seen->saves++;
    seen->saved_step = step;
}

static inline bool watch_should_stop(void *user) {
    const watch *seen = user;
    return seen->stop_after > 0 && seen->steps > 0 &&
           seen->reports[seen->steps - 1].step == seen->stop_after;
}

/* Make a run in `output` and train it to its end or until `seen` stops it. */
static inline um_status train_watched(const um_recipe *recipe, const scratch *output, watch *seen,
                                      um_error *error) {
    um_trainer *trainer = NULL;
    const um_compute compute = make_compute(seen->threads);
    um_status status = um_trainer_create(recipe, output->path, &compute, &trainer, error);
    const um_trainer_callbacks callbacks = {.step = watch_step,
                                            .validation = watch_validation,
                                            .saved = watch_saved,
                                            .should_stop = watch_should_stop,
                                            .user = seen};
    if (status == UM_OK) {
        status = um_trainer_run(trainer, &callbacks, error);
    }
    um_trainer_free(trainer);
    um_thread_pool_free(compute.pool);
    return status;
}

/* As train_watched, to the end. */
static inline void train_whole(const um_recipe *recipe, const scratch *output, watch *seen) {
    um_error error = {0};
    assert_ok(train_watched(recipe, output, seen, &error), &error);
}

static inline um_trainer *make_trainer(const um_recipe *recipe, const scratch *output,
                                       const um_compute *compute) {
    um_error error = {0};
    um_trainer *trainer = NULL;
    assert_ok(um_trainer_create(recipe, output->path, compute, &trainer, &error), &error);
    return trainer;
}

static inline const um_supervised *supervised_of(const um_trainer *trainer) {
    return trainer->method_state;
}

#endif
