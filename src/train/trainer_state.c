/* The state file: a header, then the master weights and both moments as raw f32.  It is written
 * beside the old one and renamed, so a kill at any moment leaves a whole state. */
#include <string.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "train/trainer_internal.h"

#define MAGIC "UMTRAIN2"
#define BLOCKS 3

/* As stored, in the machine's own byte order: another one's state looks damaged. */
typedef struct state_header {
    char magic[8];
    uint64_t fingerprint; /* of the recipe */
    uint64_t documents;   /* of the training shard, as are the tokens */
    uint64_t tokens;
    uint64_t block_count;
    uint64_t step;
    uint64_t epoch;
    uint64_t index;
    uint64_t checksum; /* of everything else */
} state_header;

/* FNV-1a over 64-bit words; `bytes` is a multiple of 8, as the aligned blocks are. */
static uint64_t add_to_checksum(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *next = data;
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, next + i, sizeof word);
        hash = (hash ^ word) * 1099511628211u;
    }
    return hash;
}

static uint64_t checksum_of(const state_header *header, float *const blocks[BLOCKS]) {
    uint64_t hash = 14695981039346656037u;
    hash = add_to_checksum(hash, header, offsetof(state_header, checksum));
    for (size_t i = 0; i < BLOCKS; i++) {
        hash = add_to_checksum(hash, blocks[i], header->block_count * sizeof(float));
    }
    return hash;
}

static um_status write_state(const um_trainer *trainer, um_atomic_file *file, um_error *error) {
    float *const blocks[BLOCKS] = {trainer->master_block, trainer->optimizer.first_moment,
                                   trainer->optimizer.second_moment};
    state_header header = {.fingerprint = um_recipe_fingerprint(&trainer->recipe),
                           .documents = um_shard_document_count(trainer->train_shard),
                           .tokens = um_shard_token_count(trainer->train_shard),
                           .block_count = trainer->block_count,
                           .step = trainer->optimizer.step,
                           .epoch = trainer->cursor.epoch,
                           .index = trainer->cursor.index};
    memcpy(header.magic, MAGIC, sizeof header.magic);
    header.checksum = checksum_of(&header, blocks);
    UM_TRY(um_atomic_file_write(file, &header, sizeof header, error));
    for (size_t i = 0; i < BLOCKS; i++) {
        UM_TRY(um_atomic_file_write(file, blocks[i], trainer->block_count * sizeof(float), error));
    }
    return UM_OK;
}

um_status um_trainer_state_save(const um_trainer *trainer, um_error *error) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, trainer->output, UM_TRAINER_STATE_FILE, error));
    um_atomic_file *file = NULL;
    UM_TRY(um_atomic_file_open(path, &file, error));
    const um_status status = write_state(trainer, file, error);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}

static um_status check_header(const um_trainer *trainer, const char *path, size_t file_size,
                              const state_header *header, um_error *error) {
    const size_t expected = sizeof *header + BLOCKS * trainer->block_count * sizeof(float);
    if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a training state of this version", path);
    }
    if (header->fingerprint != um_recipe_fingerprint(&trainer->recipe) ||
        header->block_count != trainer->block_count) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: belongs to another recipe or model; continue with that one, or write "
                        "to another directory",
                        path);
    }
    if (header->documents != um_shard_document_count(trainer->train_shard) ||
        header->tokens != um_shard_token_count(trainer->train_shard)) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: %s is not the data that the run began with; bring that back, or write "
                        "to another directory",
                        path, trainer->recipe.train);
    }
    if (file_size != expected) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %zu bytes, expected %zu", path, file_size,
                        expected);
    }
    return UM_OK;
}

static um_status restore(um_trainer *trainer, const char *path, const um_mapped_file *file,
                         um_error *error) {
    state_header header;
    if (file->size < sizeof header) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: truncated", path);
    }
    memcpy(&header, file->data, sizeof header);
    UM_TRY(check_header(trainer, path, file->size, &header, error));
    float *const blocks[BLOCKS] = {trainer->master_block, trainer->optimizer.first_moment,
                                   trainer->optimizer.second_moment};
    const size_t bytes = trainer->block_count * sizeof(float);
    for (size_t i = 0; i < BLOCKS; i++) {
        memcpy(blocks[i], file->data + sizeof header + i * bytes, bytes);
    }
    if (checksum_of(&header, blocks) != header.checksum || header.index >= trainer->order.count) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: damaged (the checksum differs); restore it from a copy, or delete it "
                        "to start again",
                        path);
    }
    trainer->optimizer.step = header.step;
    trainer->cursor = (um_data_cursor){.epoch = header.epoch, .index = header.index};
    return UM_OK;
}

static um_status remove_leftovers(const char *directory, const char *name, um_error *error) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_atomic_file_remove_leftovers(path, error);
}

um_status um_trainer_state_load(um_trainer *trainer, bool *found, um_error *error) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    UM_TRY(remove_leftovers(trainer->output, UM_TRAINER_STATE_FILE, error));
    UM_TRY(remove_leftovers(trainer->output, "model.safetensors", error));
    *found = um_file_exists(trainer->output, UM_TRAINER_STATE_FILE);
    if (!*found) {
        return UM_OK;
    }
    UM_TRY(um_path_join(path, sizeof path, trainer->output, UM_TRAINER_STATE_FILE, error));
    um_mapped_file file;
    UM_TRY(um_mapped_file_open(path, &file, error));
    const um_status status = restore(trainer, path, &file, error);
    um_mapped_file_close(&file);
    return status;
}
