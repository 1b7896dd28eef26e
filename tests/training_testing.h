/* What the tests of training share: recipes, shards and a small model. */
#ifndef UM_TESTS_TRAINING_TESTING_H
#define UM_TESTS_TRAINING_TESTING_H

#include <math.h>

#include "scratch.h"

#include "random_model.h"
#include "recipe_testing.h"
#include "train/supervised/document_batch.h"

/* A recipe with the defaults, and members such as ", \"seed\": 2" in addition or instead. */
static inline um_recipe make_recipe(const char *objective, const char *more) {
    char members[512];
    (void)snprintf(members, sizeof members,
                   "\"model\": \"model\", \"train\": \"train.shard\", \"objective\": \"%s\", "
                   "\"steps\": 20, \"batch_tokens\": 100000, \"context_length\": 96, "
                   "\"learning_rate\": 0.01",
                   objective);
    return parse_recipe(members, more);
}

static inline void set_member(um_recipe *recipe, const char *key, const char *value) {
    um_error error = {0};
    assert_ok(um_recipe_set(recipe, key, value, &error), &error);
}

/* Write documents with these lengths, prompts and suffixes, made of tokens below `tokens`. */
static inline void write_shard(const char *path, size_t count, const um_document *documents,
                               int32_t tokens) {
    um_error error = {0};
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(820, &writer, &error), &error);
    for (size_t i = 0; i < count; i++) {
        int32_t ids[512];
        assert_true(documents[i].length <= 512);
        for (size_t j = 0; j < documents[i].length; j++) {
            const um_rng_place place = {UM_RNG_TOKEN, (uint32_t)i, 0, (uint32_t)j};
            ids[j] = (int32_t)um_rng_below(9, place, (uint32_t)tokens);
        }
        assert_ok(um_shard_writer_add(writer, ids, documents[i], &error), &error);
    }
    assert_ok(um_shard_writer_commit(writer, path, &error), &error);
    um_shard_writer_free(writer);
}

static inline um_shard *open_shard(const char *path) {
    um_error error = {0};
    um_shard *shard = NULL;
    assert_ok(um_shard_open(path, &shard, &error), &error);
    return shard;
}

/* The same as an open shard whose file is already gone, with tokens below 800. */
static inline um_shard *make_shard(size_t count, const um_document *documents) {
    const scratch directory = scratch_make();
    write_shard(scratch_path(&directory, "made.shard"), count, documents, 800);
    um_shard *shard = open_shard(scratch_path(&directory, "made.shard"));
    scratch_remove(&directory);
    return shard;
}

#endif
