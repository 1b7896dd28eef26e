#include "train/corpus/shard_index.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "train/corpus/shard_format.h"

#define FORMAT "unmask shard index"
#define COUNT_MAXIMUM INT64_MAX
#define PATH_SIZE 4096

bool um_shard_index_is(const uint8_t *bytes, size_t size) {
    return size > 0 && bytes[0] == '{';
}

/* Whether `name` can only be a file in the directory of the index. */
static bool is_plain_name(const char *name) {
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static um_status read_names(const json_t *shards, const char *where, um_shard_index *index,
                            um_error *error) {
    const size_t count = json_array_size(shards);
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"shards\" names none", where);
    }
    UM_TRY(um_allocate(&index->names, count, sizeof *index->names, "shards", error));
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(shards, i);
        if (!json_is_string(name) || !is_plain_name(json_string_value(name))) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: \"shards\": number %zu is not the name of a file beside it", where,
                            i);
        }
        index->names[i] = strdup(json_string_value(name));
        if (!index->names[i]) {
            return um_error_memory(error, "shards", strlen(json_string_value(name)));
        }
        index->count = i + 1;
    }
    return UM_OK;
}

static um_status read_index(const json_t *root, const char *where, um_shard_index *index,
                            um_error *error) {
    const char *format = NULL;
    int64_t version = 0;
    int64_t documents = 0;
    int64_t tokens = 0;
    json_t *shards = NULL;
    UM_TRY(um_json_require_string(root, where, "format", &format, error));
    if (strcmp(format, FORMAT) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"format\" is not \"" FORMAT "\"", where);
    }
    UM_TRY(um_json_require_integer(root, where, "version", UM_SHARD_VERSION, UM_SHARD_VERSION,
                                   &version, error));
    UM_TRY(um_json_require_integer(root, where, "documents", 0, COUNT_MAXIMUM, &documents, error));
    UM_TRY(um_json_require_integer(root, where, "tokens", 0, COUNT_MAXIMUM, &tokens, error));
    UM_TRY(um_json_require_array(root, where, "shards", &shards, error));
    index->documents = (size_t)documents;
    index->tokens = (size_t)tokens;
    return read_names(shards, where, index, error);
}

um_status um_shard_index_parse(const char *text, size_t length, const char *where,
                               um_shard_index *index, um_error *error) {
    json_t *root = NULL;
    *index = (um_shard_index){0};
    UM_TRY(um_json_load_bytes(text, length, where, &root, error));
    const um_status status = read_index(root, where, index, error);
    json_decref(root);
    return status;
}

void um_shard_index_free(um_shard_index *index) {
    for (size_t i = 0; i < index->count; i++) {
        free(index->names[i]);
    }
    free(index->names);
    *index = (um_shard_index){0};
}

um_status um_shard_index_path(const um_shard_index *index, size_t number, const char *path,
                              char *target, size_t size, um_error *error) {
    char copy[PATH_SIZE];
    if (strlen(path) >= sizeof copy) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
    }
    strcpy(copy, path);
    return um_path_join(target, size, dirname(copy), index->names[number], error);
}
