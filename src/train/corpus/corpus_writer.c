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
#define SHARD_DIGITS 5

/* What tells the shards of a corpus from those of the one that it replaces. */
static const char *const marks[] = {"", "b", "c", "d", "e", "f", "g", "h"};

struct um_corpus_writer {
    um_shard_writer *shard; /* the documents not yet written */
    size_t shard_tokens;
    char path[PATH_SIZE];
    char stem[PATH_SIZE];    /* `path` without ".shard" or ".json" */
    const char *mark;        /* in the names of the shards; no shard has it yet */
    um_shard_index before;   /* the index now at `path`; empty if there is none */
    um_atomic_file **shards; /* [shard_count], sealed; NULL: already visible */
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

/* The path of a shard, counted from 1. */
static um_status name_shard(const um_corpus_writer *writer, const char *mark, size_t number,
                            char path[PATH_SIZE], um_error *error) {
    const int length =
        snprintf(path, PATH_SIZE, "%s-%s%0*zu.shard", writer->stem, mark, SHARD_DIGITS, number);
    return length > 0 && length < PATH_SIZE
               ? UM_OK
               : UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", writer->path);
}

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether `name` is that of a shard which a writer of this corpus makes with the mark. */
static bool has_mark(const um_corpus_writer *writer, const char *name, const char *mark) {
    const char *slash = strrchr(writer->stem, '/');
    const char *parts[] = {slash ? slash + 1 : writer->stem, "-", mark};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!has_prefix(name, parts[i])) {
            return false;
        }
        name += strlen(parts[i]);
    }
    const size_t digits = strspn(name, "0123456789");
    return digits == SHARD_DIGITS && strcmp(name + digits, ".shard") == 0;
}

static bool is_own(const um_corpus_writer *writer, const char *name) {
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (has_mark(writer, name, marks[i])) {
            return true;
        }
    }
    return false;
}

/* Whether the index names a shard with the mark, even if no such shard exists. */
static bool names_mark(const um_corpus_writer *writer, const um_shard_index *index,
                       const char *mark) {
    for (size_t i = 0; i < index->count; i++) {
        if (has_mark(writer, index->names[i], mark)) {
            return true;
        }
    }
    return false;
}

/* Choose the first mark that no existing shard has, so that shards of another corpus stay as they
 * are, and those of the corpus at `path` do until the new one is whole. */
static um_status choose_mark(um_corpus_writer *writer, um_error *error) {
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        UM_TRY(name_shard(writer, marks[i], 1, path, error));
        if (access(path, F_OK) != 0 && !names_mark(writer, &writer->before, marks[i])) {
            writer->mark = marks[i];
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "%s is there, and so are those with other letters, from killed runs or of "
                    "other corpora: remove them, or choose another name",
                    path);
}

/* The index now at `path`; empty if there is none, or a damaged one, whose shards stay. */
static void read_index(const um_corpus_writer *writer, um_shard_index *index) {
    um_mapped_file file;
    if (um_mapped_file_open(writer->path, &file, NULL) != UM_OK) {
        return;
    }
    if (um_shard_index_is(file.data, file.size) &&
        um_shard_index_parse((const char *)file.data, file.size, writer->path, index, NULL) !=
            UM_OK) {
        um_shard_index_free(index);
    }
    um_mapped_file_close(&file);
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
    read_index(created, &created->before);
    um_status status = choose_mark(created, error);
    if (status == UM_OK) {
        status = um_shard_writer_create(vocabulary_size, &created->shard, error);
    }
    if (status != UM_OK) {
        um_shard_index_free(&created->before);
        free(created);
        return status;
    }
    *writer = created;
    return UM_OK;
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

/* After a failure: remove the shards that have appeared, unless the index has as well. */
static void hide_shards(const um_corpus_writer *writer) {
    char path[PATH_SIZE];
    um_shard_index now = {0};
    read_index(writer, &now);
    const bool is_written = names_mark(writer, &now, writer->mark);
    um_shard_index_free(&now);
    for (size_t i = 0; i < writer->shard_count && !is_written; i++) {
        if (!writer->shards[i] && name_shard(writer, writer->mark, i + 1, path, NULL) == UM_OK) {
            (void)unlink(path);
        }
    }
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

/* Remove the shards of the corpus that the new one has replaced, but only those that carry its
 * name: an index written by hand may name shards of other corpora too. */
static void remove_shards_before(const um_corpus_writer *writer) {
    const char *slash = strrchr(writer->stem, '/');
    const size_t folder = slash ? (size_t)(slash - writer->stem) + 1 : 0;
    char path[PATH_SIZE];
    for (size_t i = 0; i < writer->before.count; i++) {
        const char *name = writer->before.names[i];
        const int length = snprintf(path, sizeof path, "%.*s%s", (int)folder, writer->stem, name);
        if (is_own(writer, name) && length > 0 && length < PATH_SIZE) {
            (void)unlink(path);
        }
    }
}

um_status um_corpus_writer_commit(um_corpus_writer *writer, um_error *error) {
    if (writer->shard_count == 0) {
        UM_TRY(um_shard_writer_commit(writer->shard, writer->path, error));
    } else {
        UM_TRY(write_shard(writer, error));
        um_status status = show_shards(writer, error);
        if (status == UM_OK) {
            status = write_index(writer, error);
        }
        if (status != UM_OK) {
            hide_shards(writer);
            return status;
        }
    }
    remove_shards_before(writer);
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
    um_shard_index_free(&writer->before);
    um_shard_writer_free(writer->shard);
    free(writer);
}
