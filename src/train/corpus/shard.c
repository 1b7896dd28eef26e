#include "train/corpus/shard.h"

#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "train/corpus/shard_format.h"
#include "train/corpus/shard_index.h"

#define PATH_SIZE 4096

/* One file. */
typedef struct shard_part {
    um_mapped_file file; /* empty for bytes of the caller */
    size_t document_count;
    size_t token_count;
    size_t token_size;
    const uint8_t *index;
    const uint8_t *tokens;
} shard_part;

struct um_shard {
    shard_part *parts; /* [part_count] */
    size_t *ends;      /* [part_count] documents, or pieces, up to the end of each part */
    size_t part_count;
    size_t token_count;
    size_t piece_length; /* 0: documents are those of the files */
};

static uint64_t read_u64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* ---- One file --------------------------------------------------------------- */

static um_status check_kind(const uint8_t *bytes, size_t size, const char *path, um_error *error) {
    if (size < UM_SHARD_HEADER_SIZE || memcmp(bytes, UM_SHARD_MAGIC, UM_SHARD_MAGIC_LENGTH) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: not a token shard (no \"" UM_SHARD_MAGIC "\" header)", path);
    }
    if (read_u32(bytes + 8) != UM_SHARD_VERSION) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: shard version %u, expected %d; pack the documents again", path,
                        (unsigned)read_u32(bytes + 8), UM_SHARD_VERSION);
    }
    return UM_OK;
}

static um_status parse_header(shard_part *part, const uint8_t *bytes, size_t size, const char *path,
                              um_error *error) {
    UM_TRY(check_kind(bytes, size, path, error));
    part->token_size = read_u32(bytes + 12);
    part->document_count = (size_t)read_u64(bytes + 16);
    part->token_count = (size_t)read_u64(bytes + 24);
    size_t index_size = 0;
    size_t token_bytes = 0;
    size_t total = 0;
    const bool fits = (part->token_size == 2 || part->token_size == 4) &&
                      um_size_multiply(part->document_count, UM_SHARD_RECORD_SIZE, &index_size) &&
                      um_size_multiply(part->token_count, part->token_size, &token_bytes) &&
                      um_size_add(UM_SHARD_HEADER_SIZE, index_size, &total) &&
                      um_size_add(total, token_bytes, &total);
    if (!fits || total != size) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: %zu documents and %zu tokens do not make a file of %zu bytes", path,
                        part->document_count, part->token_count, size);
    }
    part->index = bytes + UM_SHARD_HEADER_SIZE;
    part->tokens = part->index + index_size;
    return UM_OK;
}

static size_t first_token(const shard_part *part, size_t index) {
    return (size_t)read_u64(part->index + index * UM_SHARD_RECORD_SIZE);
}

static um_document document_of(const shard_part *part, size_t index) {
    const uint8_t *record = part->index + index * UM_SHARD_RECORD_SIZE;
    return (um_document){.length = read_u32(record + 8),
                         .prompt_length = read_u32(record + 12),
                         .suffix_length = read_u32(record + 16)};
}

static um_status check_record(const shard_part *part, size_t i, const char *path, um_error *error) {
    const um_document document = document_of(part, i);
    const size_t first = first_token(part, i);
    if (document.length == 0 || document.prompt_length > document.length ||
        document.suffix_length > document.length - document.prompt_length) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: document %zu has %zu tokens, %zu of them prompt and %zu suffix", path,
                        i, document.length, document.prompt_length, document.suffix_length);
    }
    if (first > part->token_count || document.length > part->token_count - first) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: document %zu, tokens %zu to %zu + %zu, lies outside the %zu tokens",
                        path, i, first, first, document.length, part->token_count);
    }
    if (read_u32(part->index + i * UM_SHARD_RECORD_SIZE + 20) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: document %zu: the last word of its record is not 0", path, i);
    }
    return UM_OK;
}

static um_status parse_part(shard_part *part, const uint8_t *bytes, size_t size, const char *path,
                            um_error *error) {
    UM_TRY(parse_header(part, bytes, size, path, error));
    for (size_t i = 0; i < part->document_count; i++) {
        UM_TRY(check_record(part, i, path, error));
    }
    return UM_OK;
}

/* ---- All of them -------------------------------------------------------------- */

static um_status allocate_parts(um_shard *shard, size_t count, um_error *error) {
    shard->part_count = count;
    UM_TRY(um_allocate(&shard->parts, count, sizeof *shard->parts, "shards", error));
    return um_allocate(&shard->ends, count, sizeof *shard->ends, "shards", error);
}

static size_t units_of(const um_shard *shard, const shard_part *part) {
    return shard->piece_length == 0 ? part->document_count
                                    : um_size_divide_up(part->token_count, shard->piece_length);
}

static void count_units(um_shard *shard) {
    size_t units = 0;
    shard->token_count = 0;
    for (size_t i = 0; i < shard->part_count; i++) {
        units += units_of(shard, &shard->parts[i]);
        shard->ends[i] = units;
        shard->token_count += shard->parts[i].token_count;
    }
}

static um_status open_named(um_shard *shard, const um_shard_index *index, const char *path,
                            um_error *error) {
    char name[PATH_SIZE];
    UM_TRY(allocate_parts(shard, index->count, error));
    for (size_t i = 0; i < index->count; i++) {
        shard_part *part = &shard->parts[i];
        UM_TRY(um_shard_index_path(index, i, path, name, sizeof name, error));
        UM_TRY(um_mapped_file_open(name, &part->file, error));
        UM_TRY(parse_part(part, part->file.data, part->file.size, name, error));
    }
    count_units(shard);
    if (um_shard_document_count(shard) != index->documents || shard->token_count != index->tokens) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: names shards with %zu documents and %zu tokens, but they have %zu and "
                        "%zu; pack the documents again",
                        path, index->documents, index->tokens, um_shard_document_count(shard),
                        shard->token_count);
    }
    return UM_OK;
}

static um_status open_index(um_shard *shard, const um_mapped_file *file, const char *path,
                            um_error *error) {
    um_shard_index index;
    um_status status =
        um_shard_index_parse((const char *)file->data, file->size, path, &index, error);
    if (status == UM_OK) {
        status = open_named(shard, &index, path, error);
    }
    um_shard_index_free(&index);
    return status;
}

static um_status open_single(um_shard *shard, const uint8_t *bytes, size_t size, const char *path,
                             um_error *error) {
    UM_TRY(parse_part(&shard->parts[0], bytes, size, path, error));
    count_units(shard);
    return UM_OK;
}

static um_status open_path(um_shard *shard, const char *path, um_error *error) {
    um_mapped_file file;
    UM_TRY(um_mapped_file_open(path, &file, error));
    if (um_shard_index_is(file.data, file.size)) {
        const um_status status = open_index(shard, &file, path, error);
        um_mapped_file_close(&file);
        return status;
    }
    const um_status status = allocate_parts(shard, 1, error);
    if (status != UM_OK) {
        um_mapped_file_close(&file);
        return status;
    }
    shard->parts[0].file = file;
    return open_single(shard, file.data, file.size, path, error);
}

static um_status open_bytes(um_shard *shard, const uint8_t *bytes, size_t size, const char *where,
                            um_error *error) {
    UM_TRY(allocate_parts(shard, 1, error));
    return open_single(shard, bytes, size, where, error);
}

/* Open the file at `path` or, if not NULL, `bytes`, which `path` then names in messages. */
static um_status open_shard(const char *path, const uint8_t *bytes, size_t size, um_shard **shard,
                            um_error *error) {
    *shard = NULL;
    um_shard *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, path, sizeof *opened);
    }
    const um_status status =
        bytes ? open_bytes(opened, bytes, size, path, error) : open_path(opened, path, error);
    if (status != UM_OK) {
        um_shard_close(opened);
        return status;
    }
    *shard = opened;
    return UM_OK;
}

um_status um_shard_open(const char *path, um_shard **shard, um_error *error) {
    return open_shard(path, NULL, 0, shard, error);
}

um_status um_shard_open_bytes(const uint8_t *bytes, size_t size, const char *where,
                              um_shard **shard, um_error *error) {
    return open_shard(where, bytes, size, shard, error);
}

void um_shard_close(um_shard *shard) {
    if (shard) {
        for (size_t i = 0; shard->parts && i < shard->part_count; i++) {
            um_mapped_file_close(&shard->parts[i].file);
        }
        free(shard->parts);
        free(shard->ends);
        free(shard);
    }
}

/* ---- Documents ------------------------------------------------------------------ */

void um_shard_cut_into_pieces(um_shard *shard, size_t length) {
    shard->piece_length = length;
    count_units(shard);
}

size_t um_shard_document_count(const um_shard *shard) {
    return shard->ends[shard->part_count - 1];
}

size_t um_shard_token_count(const um_shard *shard) {
    return shard->token_count;
}

/* The part that contains document `*index`; *index becomes the document's index in that part. */
static const shard_part *find_part(const um_shard *shard, size_t *index) {
    size_t low = 0;
    size_t high = shard->part_count - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (*index < shard->ends[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *index -= low > 0 ? shard->ends[low - 1] : 0;
    return &shard->parts[low];
}

um_document um_shard_document(const um_shard *shard, size_t index) {
    const shard_part *part = find_part(shard, &index);
    if (shard->piece_length == 0) {
        return document_of(part, index);
    }
    const size_t rest = part->token_count - index * shard->piece_length;
    return (um_document){.length = um_size_smaller(rest, shard->piece_length)};
}

void um_shard_tokens(const um_shard *shard, size_t index, size_t first, size_t count,
                     int32_t *tokens) {
    const shard_part *part = find_part(shard, &index);
    const size_t start =
        shard->piece_length == 0 ? first_token(part, index) : index * shard->piece_length;
    const uint8_t *source = part->tokens + (start + first) * part->token_size;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = part->token_size == 2 ? source[2 * i] | source[2 * i + 1] << 8
                                          : (int32_t)read_u32(source + 4 * i);
    }
}
