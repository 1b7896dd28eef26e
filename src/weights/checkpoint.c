#include "weights/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "weights/gguf.h"
#include "weights/safetensors.h"

/* One file.  It lives as long as the checkpoint, which points into it. */
typedef struct shard {
    char *file_name;
    um_mapped_file file;
    um_safetensors_header header;
} shard;

struct um_checkpoint {
    char *path; /* of the directory or GGUF file */
    bool is_gguf;
    um_gguf_file gguf;
    shard *shards;
    size_t shard_count;
    size_t shard_capacity;
    um_stored_tensor *entries; /* sorted by name: a lookup costs the same for hostile names */
    size_t count;
    size_t capacity;
    void **copies; /* of tensors that lie unaligned in their file */
    size_t copy_count;
    size_t copy_capacity;
};

/* Where problems go: to the caller's function, or, when that is NULL, back as an error. */
typedef struct opening {
    um_checkpoint *checkpoint;
    um_checkpoint_problem *problem;
    void *user;
    um_error *error;
} opening;

/* Report the problem in *found and go on, or return its `status`. */
static um_status settle(const opening *open, um_status status, const um_error *found) {
    if (status == UM_OK) {
        return UM_OK;
    }
    if (open->problem && status != UM_ERR_MEMORY) {
        open->problem(open->user, found);
        return UM_OK;
    }
    if (open->error) {
        *open->error = *found;
    }
    return status;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(((const um_stored_tensor *)left)->name, ((const um_stored_tensor *)right)->name);
}

/* Copy plain data that is not aligned to its element size: kernels read typed pointers. */
static um_status align_data(um_checkpoint *checkpoint, um_stored_tensor *stored, um_error *error) {
    const um_dtype dtype = stored->tensor.dtype;
    if (!um_dtype_is_plain(dtype) || (uintptr_t)stored->tensor.data % um_dtype_size(dtype) == 0) {
        return UM_OK;
    }
    UM_TRY(um_grow(&checkpoint->copies, &checkpoint->copy_capacity, checkpoint->copy_count + 1,
                   sizeof *checkpoint->copies, "list of copies", error));
    void *copy = NULL;
    UM_TRY(um_allocate(&copy, stored->bytes, 1, stored->name, error));
    memcpy(copy, stored->tensor.data, stored->bytes);
    checkpoint->copies[checkpoint->copy_count++] = copy;
    stored->tensor.data = copy;
    return UM_OK;
}

static um_status add_entry(um_checkpoint *checkpoint, um_stored_tensor stored, um_error *error) {
    UM_TRY(um_grow(&checkpoint->entries, &checkpoint->capacity, checkpoint->count + 1,
                   sizeof *checkpoint->entries, "tensor list", error));
    if (stored.supported) {
        UM_TRY(align_data(checkpoint, &stored, error));
    }
    checkpoint->entries[checkpoint->count++] = stored;
    return UM_OK;
}

static um_status add_safetensors_entry(um_checkpoint *checkpoint, const shard *from,
                                       const um_safetensors_entry *entry, um_error *error) {
    um_stored_tensor stored = {.name = entry->name,
                               .file = from->file_name,
                               .dtype_name = entry->dtype_name,
                               .supported = entry->supported,
                               .tensor = {.dtype = entry->dtype, .rank = entry->rank},
                               .bytes = entry->bytes};
    memcpy(stored.tensor.shape, entry->shape, sizeof entry->shape);
    if (entry->supported) {
        stored.tensor.data = from->file.data + entry->begin;
    }
    return add_entry(checkpoint, stored, error);
}

/* Append an empty shard called `file_name`. */
static um_status add_shard(um_checkpoint *checkpoint, const char *file_name, um_error *error) {
    UM_TRY(um_grow(&checkpoint->shards, &checkpoint->shard_capacity, checkpoint->shard_count + 1,
                   sizeof *checkpoint->shards, "list of shards", error));
    char *copy = strdup(file_name);
    if (!copy) {
        return um_error_memory(error, "file name", strlen(file_name) + 1);
    }
    checkpoint->shards[checkpoint->shard_count++] = (shard){.file_name = copy};
    return UM_OK;
}

static um_status map_shard(um_checkpoint *checkpoint, shard *into, um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, checkpoint->path, into->file_name, error));
    UM_TRY(um_mapped_file_open(path, &into->file, error));
    const um_status status = um_safetensors_parse(into->file.data, into->file.size, into->file.size,
                                                  &into->header, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", path);
    }
    for (size_t i = 0; i < into->header.count; i++) {
        UM_TRY(add_safetensors_entry(checkpoint, into, &into->header.entries[i], error));
    }
    return UM_OK;
}

static um_status map_shards(const opening *open) {
    for (size_t i = 0; i < open->checkpoint->shard_count; i++) {
        um_error found = {0};
        const um_status status = map_shard(open->checkpoint, &open->checkpoint->shards[i], &found);
        UM_TRY(settle(open, status, &found));
    }
    return UM_OK;
}

/* Sort the entries, and reject a name that two shards contain. */
static um_status sort_entries(const opening *open) {
    um_checkpoint *checkpoint = open->checkpoint;
    if (checkpoint->count == 0) {
        return UM_OK;
    }
    qsort(checkpoint->entries, checkpoint->count, sizeof *checkpoint->entries, compare_names);
    for (size_t i = 1; i < checkpoint->count; i++) {
        const um_stored_tensor *first = &checkpoint->entries[i - 1];
        const um_stored_tensor *second = &checkpoint->entries[i];
        if (strcmp(first->name, second->name) == 0) {
            um_error found = {0};
            const um_status status =
                UM_RAISE(&found, UM_ERR_MISMATCH, "%s: tensor %.120s is in both %.80s and %.80s",
                         checkpoint->path, first->name, first->file, second->file);
            UM_TRY(settle(open, status, &found));
        }
    }
    return UM_OK;
}

/* A shard must be a plain name: an index may not lead out of its directory. */
static bool plain_file_name(const char *name) {
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The file names of the map, sorted, each once; `names` has room for all values. */
static um_status list_files(json_t *map, const char *where, const char **names, size_t *count,
                            um_error *error) {
    const char *tensor = NULL;
    json_t *value = NULL;
    size_t total = 0;
    json_object_foreach (map, tensor, value) {
        const char *file = json_string_value(value);
        if (!file || !plain_file_name(file)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: tensor %.120s: not the name of a file",
                            where, tensor);
        }
        names[total++] = file;
    }
    qsort(names, total, sizeof *names, compare_texts);
    for (size_t i = 0; i < total; i++) {
        if (i == 0 || strcmp(names[i], names[*count - 1]) != 0) {
            names[(*count)++] = names[i];
        }
    }
    return UM_OK;
}

static um_status add_index_shards(um_checkpoint *checkpoint, json_t *map, const char *where,
                                  um_error *error) {
    if (json_object_size(map) == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"weight_map\" is empty", where);
    }
    const char **names = NULL;
    UM_TRY(um_allocate(&names, json_object_size(map), sizeof *names, "shard names", error));
    size_t count = 0;
    um_status status = list_files(map, where, names, &count, error);
    for (size_t i = 0; i < count && status == UM_OK; i++) {
        status = add_shard(checkpoint, names[i], error);
    }
    free(names);
    return status;
}

/* Every tensor of the index must lie in the shard that the index names. */
static um_status check_index(const opening *open, json_t *map, const char *where) {
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (map, name, value) {
        const um_stored_tensor *stored = um_checkpoint_lookup(open->checkpoint, name);
        if (stored && strcmp(stored->file, json_string_value(value)) == 0) {
            continue;
        }
        um_error found = {0};
        const um_status status =
            UM_RAISE(&found, UM_ERR_MISMATCH, "%s: tensor %.120s is not in %.80s as listed", where,
                     name, json_string_value(value));
        UM_TRY(settle(open, status, &found));
    }
    return UM_OK;
}

static um_status open_with_map(const opening *open, json_t *map, const char *where) {
    um_error found = {0};
    const um_status status = add_index_shards(open->checkpoint, map, where, &found);
    UM_TRY(settle(open, status, &found));
    if (status != UM_OK) {
        return UM_OK;
    }
    UM_TRY(map_shards(open));
    UM_TRY(sort_entries(open));
    return check_index(open, map, where);
}

static um_status open_index(const opening *open) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, open->checkpoint->path, UM_CHECKPOINT_INDEX_FILE,
                        open->error));
    um_error found = {0};
    json_t *root = NULL;
    json_t *map = NULL;
    um_status status = um_json_load_file(path, &root, &found);
    if (status == UM_OK) {
        status = um_json_require_object(root, path, "weight_map", &map, &found);
    }
    if (status == UM_OK) {
        status = open_with_map(open, map, path);
    } else {
        status = settle(open, status, &found);
    }
    json_decref(root);
    return status;
}

static um_status open_single(const opening *open) {
    UM_TRY(add_shard(open->checkpoint, UM_CHECKPOINT_FILE, open->error));
    UM_TRY(map_shards(open));
    return sort_entries(open);
}

static um_status add_gguf_entry(um_checkpoint *checkpoint, const um_gguf_tensor *entry,
                                um_error *error) {
    um_stored_tensor stored = {.name = entry->name,
                               .file = checkpoint->path,
                               .dtype_name = entry->dtype_name,
                               .supported = entry->supported,
                               .tensor = {.dtype = entry->dtype, .rank = entry->rank},
                               .bytes = entry->bytes};
    memcpy(stored.tensor.shape, entry->shape, sizeof entry->shape);
    if (entry->supported) {
        stored.tensor.data = checkpoint->gguf.mapping.data + entry->begin;
    }
    return add_entry(checkpoint, stored, error);
}

static um_status open_gguf(const opening *open) {
    um_checkpoint *checkpoint = open->checkpoint;
    um_error found = {0};
    const um_status status = um_gguf_open(checkpoint->path, &checkpoint->gguf, &found);
    UM_TRY(settle(open, status, &found));
    for (size_t i = 0; i < checkpoint->gguf.contents.tensor_count; i++) {
        UM_TRY(add_gguf_entry(checkpoint, &checkpoint->gguf.contents.tensors[i], open->error));
    }
    return sort_entries(open);
}

static um_status no_weights(const opening *open) {
    const char *directory = open->checkpoint->path;
    um_error found = {0};
    const char *advice = um_file_exists(directory, "pytorch_model.bin") ||
                                 um_file_exists(directory, "pytorch_model.bin.index.json")
                             ? " (convert pytorch_model.bin to safetensors first)"
                             : "";
    const um_status status =
        UM_RAISE(&found, UM_ERR_IO,
                 "%s: neither " UM_CHECKPOINT_FILE " nor " UM_CHECKPOINT_INDEX_FILE " is there%s",
                 directory, advice);
    return settle(open, status, &found);
}

static um_status open_files(const opening *open) {
    if (open->checkpoint->is_gguf) {
        return open_gguf(open);
    }
    if (um_file_exists(open->checkpoint->path, UM_CHECKPOINT_FILE)) {
        return open_single(open);
    }
    if (um_file_exists(open->checkpoint->path, UM_CHECKPOINT_INDEX_FILE)) {
        return open_index(open);
    }
    return no_weights(open);
}

um_status um_checkpoint_open_partly(const char *path, um_checkpoint_problem *problem, void *user,
                                    um_checkpoint **checkpoint, um_error *error) {
    *checkpoint = NULL;
    um_checkpoint *created = NULL;
    UM_TRY(um_allocate(&created, 1, sizeof *created, "checkpoint", error));
    created->path = strdup(path);
    if (!created->path) {
        free(created);
        return um_error_memory(error, "checkpoint", strlen(path) + 1);
    }
    created->is_gguf = um_gguf_is_path(path);
    const opening open = {created, problem, user, error};
    const um_status status = open_files(&open);
    if (status != UM_OK) {
        um_checkpoint_close(created);
        return status;
    }
    *checkpoint = created;
    return UM_OK;
}

um_status um_checkpoint_open(const char *path, um_checkpoint **checkpoint, um_error *error) {
    return um_checkpoint_open_partly(path, NULL, NULL, checkpoint, error);
}

void um_checkpoint_close(um_checkpoint *checkpoint) {
    if (!checkpoint) {
        return;
    }
    for (size_t i = 0; i < checkpoint->shard_count; i++) {
        um_safetensors_header_free(&checkpoint->shards[i].header);
        um_mapped_file_close(&checkpoint->shards[i].file);
        free(checkpoint->shards[i].file_name);
    }
    for (size_t i = 0; i < checkpoint->copy_count; i++) {
        free(checkpoint->copies[i]);
    }
    um_gguf_close(&checkpoint->gguf);
    free(checkpoint->copies);
    free(checkpoint->shards);
    free(checkpoint->entries);
    free(checkpoint->path);
    free(checkpoint);
}

size_t um_checkpoint_count(const um_checkpoint *checkpoint) {
    return checkpoint->count;
}

const um_stored_tensor *um_checkpoint_entry(const um_checkpoint *checkpoint, size_t index) {
    return &checkpoint->entries[index];
}

const um_stored_tensor *um_checkpoint_lookup(const um_checkpoint *checkpoint, const char *name) {
    if (checkpoint->count == 0) {
        return NULL;
    }
    const um_stored_tensor key = {.name = name};
    return bsearch(&key, checkpoint->entries, checkpoint->count, sizeof key, compare_names);
}

bool um_checkpoint_find(const um_checkpoint *checkpoint, const char *name, um_tensor *tensor) {
    const um_stored_tensor *stored = um_checkpoint_lookup(checkpoint, name);
    if (!stored || !stored->supported) {
        return false;
    }
    *tensor = stored->tensor;
    return true;
}

const char *um_checkpoint_path(const um_checkpoint *checkpoint) {
    return checkpoint->path;
}

bool um_checkpoint_is_gguf(const um_checkpoint *checkpoint) {
    return checkpoint->is_gguf;
}

static um_status describe_file(const char *path, um_buffer *text, um_error *error) {
    struct stat found;
    if (stat(path, &found) != 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    return um_buffer_append_format(text, error, "%s %lld %lld.%09ld\n", path,
                                   (long long)found.st_size, (long long)found.st_mtim.tv_sec,
                                   (long)found.st_mtim.tv_nsec);
}

um_status um_checkpoint_describe_files(const um_checkpoint *checkpoint, um_buffer *text,
                                       um_error *error) {
    char path[4096];
    if (checkpoint->is_gguf) {
        return describe_file(checkpoint->path, text, error);
    }
    for (size_t i = 0; i < checkpoint->shard_count; i++) {
        UM_TRY(um_path_join(path, sizeof path, checkpoint->path, checkpoint->shards[i].file_name,
                            error));
        UM_TRY(describe_file(path, text, error));
    }
    return UM_OK;
}

static bool lies_in(const um_mapped_file *file, const void *data, size_t bytes) {
    const uintptr_t begin = (uintptr_t)file->data;
    const uintptr_t at = (uintptr_t)data;
    return file->data && at >= begin && at - begin <= file->size &&
           bytes <= file->size - (at - begin);
}

void um_checkpoint_release(const um_checkpoint *checkpoint, const void *data, size_t bytes) {
    bool mapped = lies_in(&checkpoint->gguf.mapping, data, bytes);
    for (size_t i = 0; i < checkpoint->shard_count; i++) {
        mapped = mapped || lies_in(&checkpoint->shards[i].file, data, bytes);
    }
    if (mapped) {
        um_mapped_bytes_release(data, bytes);
    }
}
