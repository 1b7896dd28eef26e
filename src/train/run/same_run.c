#include "train/run/same_run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_hash.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "train/corpus/shard_index.h"

#define TILE 16384 /* weights per task of a thread */
#define FILES_MAXIMUM 16
#define PATH_SIZE (UM_RECIPE_PATH_SIZE + 16)
#define SHARD_PATH_SIZE 4096

/* ---- At the start ------------------------------------------------------ */

/* What decides the course of a run, as numbers that can be compared. */
typedef struct run_identity {
    uint64_t program;
    uint64_t kernels;
    uint64_t recipe;
    uint64_t files[FILES_MAXIMUM]; /* in the order of the recipe's members */
} run_identity;

/* A directory is that of a model.  Its configuration and tokenizer stand for it: only rank 0 reads
 * the weights. */
static um_status hash_directory(const char *directory, uint64_t *hash, um_error *error) {
    static const char *const names[] = {
        "config.json",           "tokenizer.json",    "vocab.json",          "merges.txt",
        "tokenizer_config.json", "added_tokens.json", "chat_template.jinja", "chat_template.json"};
    *hash = UM_HASH_START;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_SIZE];
        uint64_t part = 0;
        if (um_file_exists(directory, names[i])) {
            UM_TRY(um_path_join(path, sizeof path, directory, names[i], error));
            UM_TRY(um_file_hash(path, &part, error));
        }
        *hash = um_hash_add_bytes(*hash, &part, sizeof part);
    }
    return UM_OK;
}

/* Whether the path is that of a shard, or of an index of shards. */
static bool is_corpus(const um_recipe *recipe, const char *path) {
    return path == recipe->train || path == recipe->validation;
}

static um_status add_shards(const um_shard_index *index, const char *path, uint64_t *hash,
                            um_error *error) {
    char name[SHARD_PATH_SIZE];
    for (size_t i = 0; i < index->count; i++) {
        uint64_t part = 0;
        UM_TRY(um_shard_index_path(index, i, path, name, sizeof name, error));
        UM_TRY(um_file_hash_among(name, index->count, &part, error));
        *hash = um_hash_add_bytes(*hash, &part, sizeof part);
    }
    return UM_OK;
}

/* An index says nothing about what is in its shards. */
static um_status hash_corpus(const char *path, uint64_t *hash, um_error *error) {
    um_mapped_file file = {0};
    um_shard_index index = {0};
    um_status status = um_file_hash(path, hash, error);
    if (status == UM_OK) {
        status = um_mapped_file_open(path, &file, error);
    }
    if (status == UM_OK && um_shard_index_is(file.data, file.size)) {
        status = um_shard_index_parse((const char *)file.data, file.size, path, &index, error);
    }
    if (status == UM_OK) {
        status = add_shards(&index, path, hash, error);
    }
    um_shard_index_free(&index);
    um_mapped_file_close(&file);
    return status;
}

static um_status hash_path(const um_recipe *recipe, const char *path, uint64_t *hash,
                           um_error *error) {
    struct stat kind;
    if (stat(path, &kind) == 0 && S_ISDIR(kind.st_mode)) {
        return hash_directory(path, hash, error);
    }
    return is_corpus(recipe, path) ? hash_corpus(path, hash, error)
                                   : um_file_hash(path, hash, error);
}

/* If the system does not show a program its own file, there is only the version to compare. */
static uint64_t hash_of_program(void) {
    uint64_t hash = UM_HASH_START;
    if (um_file_hash("/proc/self/exe", &hash, NULL) != UM_OK) {
        hash = um_hash_add_bytes(hash, um_version(), strlen(um_version()));
    }
    return hash;
}

static um_status identify(const um_recipe *recipe, const um_compute *compute,
                          run_identity *identity, um_error *error) {
    /* Validations change no weight, but all ranks must make the same ones. */
    const uint64_t numbers[] = {um_recipe_fingerprint(recipe), recipe->validation_interval,
                                recipe->problem_options.validation_maximum,
                                recipe->problem_options.prompt_length};
    const char *rollout = recipe->problem_options.validation_rollout;
    const char *kernels = compute->kernels.name;
    const uint64_t hash = um_hash_add_bytes(UM_HASH_START, numbers, sizeof numbers);
    *identity =
        (run_identity){.program = hash_of_program(),
                       .kernels = um_hash_add_bytes(UM_HASH_START, kernels, strlen(kernels)),
                       .recipe = um_hash_add_bytes(hash, rollout, strlen(rollout))};
    const char *key = NULL;
    for (size_t i = 0; um_recipe_path(recipe, i, &key); i++) {
        if (i == FILES_MAXIMUM) {
            return UM_RAISE(error, UM_ERR_LIMIT, "a recipe with more than %d files", FILES_MAXIMUM);
        }
        const char *path = um_recipe_path(recipe, i, &key);
        if (*path) {
            UM_TRY(hash_path(recipe, path, &identity->files[i], error));
        }
    }
    return UM_OK;
}

static um_status compare(const um_recipe *recipe, const um_compute *compute,
                         const run_identity *mine, const run_identity *first, um_error *error) {
    if (mine->program != first->program) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "runs another unmask than rank 0; install the same file on all machines");
    }
    if (mine->recipe != first->recipe) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "has another recipe than rank 0; give all ranks the same file and --set");
    }
    if (mine->kernels != first->kernels) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "computes with the %s kernels, unlike rank 0, whose results differ; set "
                        "UNMASK_KERNELS to what all processors have",
                        compute->kernels.name);
    }
    const char *key = NULL;
    const char *path = NULL;
    for (size_t i = 0; (path = um_recipe_path(recipe, i, &key)) != NULL; i++) {
        if (mine->files[i] != first->files[i]) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "%s (\"%s\") is not the file that rank 0 has%s; copy that one", path,
                            key, is_corpus(recipe, path) ? ", or names shards that are not" : "");
        }
    }
    return UM_OK;
}

um_status um_same_run_check(um_collective *collective, const um_recipe *recipe,
                            const um_compute *compute, um_error *error) {
    run_identity mine = {0};
    if (um_collective_size(collective) == 1) {
        return UM_OK;
    }
    UM_TRY(
        um_collective_agree_on_status(collective, identify(recipe, compute, &mine, error), error));
    run_identity first = mine;
    UM_TRY(um_collective_broadcast(collective, &first, sizeof first, error));
    return um_collective_agree_on_status(collective, compare(recipe, compute, &mine, &first, error),
                                         error);
}

/* ---- Now and then ------------------------------------------------------ */

typedef struct weights_hash {
    const float *weights;
    size_t count;
    uint64_t *tiles; /* [tiles] */
} weights_hash;

static void hash_tile(void *user, size_t task, size_t worker) {
    (void)worker;
    const weights_hash *call = user;
    const size_t first = task * TILE;
    const size_t count = um_size_smaller(TILE, call->count - first);
    call->tiles[task] =
        um_hash_add_bytes(UM_HASH_START, call->weights + first, count * sizeof *call->weights);
}

um_status um_same_weights_check(um_collective *collective, const um_compute *compute,
                                const float *weights, size_t count, size_t step, um_error *error) {
    if (um_collective_size(collective) == 1) {
        return UM_OK;
    }
    const size_t tiles = um_size_divide_up(count, TILE);
    weights_hash call = {.weights = weights, .count = count};
    UM_TRY(um_allocate(&call.tiles, tiles, sizeof *call.tiles, "checksums", error));
    um_thread_pool_run(compute->pool, tiles, hash_tile, &call);
    const uint64_t mine = um_hash_add_bytes(UM_HASH_START, call.tiles, tiles * sizeof *call.tiles);
    free(call.tiles);
    uint64_t first = mine;
    UM_TRY(um_collective_broadcast(collective, &first, sizeof first, error));
    um_status status = UM_OK;
    if (mine != first) {
        status = UM_RAISE(error, UM_ERR_MISMATCH,
                          "its weights are not those of rank 0 after step %zu, which is an error "
                          "of the machine or its libraries; the last saved state is whole",
                          step);
    }
    return um_collective_agree_on_status(collective, status, error);
}
