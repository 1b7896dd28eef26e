#include "train/corpus/corpus_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "train/corpus/shard_format.h"
#include "train/corpus/shard_index.h"

#define PATH_SIZE 4096
#define MOST_SHARDS 99999

struct um_corpus_writer {
    um_shard_writer *shard; /* what is not yet written */
    size_t shard_tokens;
    char path[PATH_SIZE];
    char stem[PATH_SIZE];    /* `path` without ".shard" or ".json" */
    const char *mark;        /* in the names of shards: not that of the corpus at `path` */
    um_atomic_file **shards; /* [shard_count], sealed; NULL: visible */
    size_t shard_count;      /* beside the index */
    size_t shard_capacity;
    size_t document_count;
    size_t token_count;
};

static void cut_extension(char *stem) {
    static const char *const extensions[] = {".shard", ".json"};
    const size_t length = strlen(stem);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const size_t own = strlen(extensions[i]);
        if (length > own && stem[length - own - 1] != '/' &&
            strcmp(stem + length - own, extensions[i]) == 0) {
            stem[length - own] = '\0';
            return;
        }
    }
}

/* Names of shards come in two sets, so that those of a new corpus never take the place of shards
 * that the index at `path` still names. */
static const char *const marks[2] = {"", "b"};

static const char *unused_mark(const um_corpus_writer *writer) {
    um_mapped_file file;
    um_shard_index index = {0};
    char first[PATH_SIZE + 32];
    const char *stem = strrchr(writer->stem, '/');
    const char *mark = marks[0];
    (void)snprintf(first, sizeof first, "%s-%s00001.shard", stem ? stem + 1 : writer->stem,
                   marks[0]);
    if (um_mapped_file_open(writer->path, &file, NULL) != UM_OK) {
        return mark;
    }
    if (um_shard_index_is(file.data, file.size) &&
        um_shard_index_parse((const char *)file.data, file.size, writer->path, &index, NULL) ==
            UM_OK &&
        strcmp(index.names[0], first) == 0) {
        mark = marks[1];
    }
    um_shard_index_free(&index);
    um_mapped_file_close(&file);
    return mark;
}

um_status um_corpus_writer_create(size_t vocabulary_size, const char *path, size_t shard_tokens,
                                  um_corpus_writer **writer, um_error *error) {
    *writer = NULL;
    if (strlen(path) >= PATH_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
    }
    um_corpus_writer *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, path, sizeof *created);
    }
    created->shard_tokens = shard_tokens;
    strcpy(created->path, path);
    strcpy(created->stem, path);
    cut_extension(created->stem);
    created->mark = unused_mark(created);
    const um_status status = um_shard_writer_create(vocabulary_size, &created->shard, error);
    if (status != UM_OK) {
        free(created);
        return status;
    }
    *writer = created;
    return UM_OK;
}

/* The path of a shard, counted from 1. */
static um_status name_shard(const um_corpus_writer *writer, const char *mark, size_t number,
                            char path[PATH_SIZE], um_error *error) {
    const int length = snprintf(path, PATH_SIZE, "%s-%s%05zu.shard", writer->stem, mark, number);
    return length > 0 && length < PATH_SIZE
               ? UM_OK
               : UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", writer->path);
}

static um_status write_shard(um_corpus_writer *writer, um_error *error) {
    char path[PATH_SIZE];
    if (writer->shard_count == MOST_SHARDS) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "%s: more than %d shards; write more tokens to each (--shard-tokens)",
                        writer->path, MOST_SHARDS);
    }
    UM_TRY(um_grow(&writer->shards, &writer->shard_capacity, writer->shard_count + 1,
                   sizeof *writer->shards, "shards", error));
    UM_TRY(name_shard(writer, writer->mark, writer->shard_count + 1, path, error));
    UM_TRY(um_atomic_file_remove_leftovers(path, error));
    UM_TRY(um_shard_writer_seal(writer->shard, path, &writer->shards[writer->shard_count], error));
    um_shard_writer_clear(writer->shard);
    writer->shard_count++;
    return UM_OK;
}

um_status um_corpus_writer_add(um_corpus_writer *writer, const int32_t *tokens,
                               um_document document, um_error *error) {
    const size_t held = um_shard_writer_token_count(writer->shard);
    if (writer->shard_tokens > 0 && held > 0 && document.length + held > writer->shard_tokens) {
        UM_TRY(write_shard(writer, error));
    }
    UM_TRY(um_shard_writer_add(writer->shard, tokens, document, error));
    writer->document_count++;
    writer->token_count += document.length;
    return UM_OK;
}

static um_status format_index(const um_corpus_writer *writer, um_buffer *text, um_error *error) {
    UM_TRY(um_buffer_append_format(text, error,
                                   "{\"format\": \"unmask shard index\", \"version\": %d, "
                                   "\"documents\": %zu, \"tokens\": %zu, \"shards\": [",
                                   UM_SHARD_VERSION, writer->document_count, writer->token_count));
    for (size_t i = 1; i <= writer->shard_count; i++) {
        char path[PATH_SIZE];
        UM_TRY(name_shard(writer, writer->mark, i, path, error));
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        UM_TRY(um_buffer_append_text(text, i > 1 ? ",\n " : "\n ", error));
        UM_TRY(um_json_append_string(text, name, strlen(name), error));
    }
    return um_buffer_append_text(text, "]}\n", error);
}

static um_status write_index(const um_corpus_writer *writer, um_error *error) {
    um_buffer text = {0};
    um_status status = format_index(writer, &text, error);
    if (status == UM_OK) {
        status = um_file_write(writer->path, text.data, text.length, error);
    }
    um_buffer_free(&text);
    return status;
}

static um_status show_shards(um_corpus_writer *writer, um_error *error) {
    for (size_t i = 0; i < writer->shard_count; i++) {
        um_atomic_file *shard = writer->shards[i];
        writer->shards[i] = NULL;
        UM_TRY(um_atomic_file_commit(shard, error));
    }
    return UM_OK;
}

/* Those of the corpus whose place the new one has taken. */
static void remove_old_shards(const um_corpus_writer *writer) {
    char path[PATH_SIZE];
    const char *old = writer->mark == marks[0] ? marks[1] : marks[0];
    for (size_t i = 1; i <= MOST_SHARDS; i++) {
        if (name_shard(writer, old, i, path, NULL) != UM_OK || unlink(path) != 0) {
            return;
        }
    }
}

um_status um_corpus_writer_commit(um_corpus_writer *writer, um_error *error) {
    if (writer->shard_count == 0) {
        UM_TRY(um_shard_writer_commit(writer->shard, writer->path, error));
    } else {
        UM_TRY(write_shard(writer, error));
        UM_TRY(show_shards(writer, error));
        UM_TRY(write_index(writer, error));
        remove_old_shards(writer);
    }
    return UM_OK;
}

size_t um_corpus_writer_document_count(const um_corpus_writer *writer) {
    return writer->document_count;
}

size_t um_corpus_writer_token_count(const um_corpus_writer *writer) {
    return writer->token_count;
}

size_t um_corpus_writer_shard_count(const um_corpus_writer *writer) {
    return writer->shard_count;
}

void um_corpus_writer_free(um_corpus_writer *writer) {
    if (!writer) {
        return;
    }
    for (size_t i = 0; i < writer->shard_count; i++) {
        um_atomic_file_discard(writer->shards[i]);
    }
    free(writer->shards);
    um_shard_writer_free(writer->shard);
    free(writer);
}
