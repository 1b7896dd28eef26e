#include "train/shard.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/memory.h"

#define MAGIC "UMSHARD1"
#define MAGIC_LENGTH 8
#define VERSION 1
#define HEADER_SIZE 32
#define RECORD_SIZE 16

struct um_shard {
    um_mapped_file file; /* empty over bytes of the caller */
    size_t document_count;
    size_t token_count;
    size_t token_size;
    const uint8_t *index;
    const uint8_t *tokens;
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

static um_status parse_header(um_shard *shard, const uint8_t *bytes, size_t size, const char *path,
                              um_error *error) {
    if (size < HEADER_SIZE || memcmp(bytes, MAGIC, MAGIC_LENGTH) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a token shard (no \"" MAGIC "\" header)",
                        path);
    }
    if (read_u32(bytes + 8) != VERSION) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "%s: shard version %u, expected %d", path,
                        (unsigned)read_u32(bytes + 8), VERSION);
    }
    shard->token_size = read_u32(bytes + 12);
    shard->document_count = (size_t)read_u64(bytes + 16);
    shard->token_count = (size_t)read_u64(bytes + 24);
    size_t index_size = 0;
    size_t token_bytes = 0;
    size_t total = 0;
    const bool fits = (shard->token_size == 2 || shard->token_size == 4) &&
                      um_size_multiply(shard->document_count, RECORD_SIZE, &index_size) &&
                      um_size_multiply(shard->token_count, shard->token_size, &token_bytes) &&
                      um_size_add(HEADER_SIZE, index_size, &total) &&
                      um_size_add(total, token_bytes, &total);
    if (!fits || total != size) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: %zu documents and %zu tokens do not make a file of %zu bytes", path,
                        shard->document_count, shard->token_count, size);
    }
    shard->index = bytes + HEADER_SIZE;
    shard->tokens = shard->index + index_size;
    return UM_OK;
}

static size_t first_token(const um_shard *shard, size_t index) {
    return (size_t)read_u64(shard->index + index * RECORD_SIZE);
}

static um_status check_index(const um_shard *shard, const char *path, um_error *error) {
    for (size_t i = 0; i < shard->document_count; i++) {
        const um_document document = um_shard_document(shard, i);
        const size_t first = first_token(shard, i);
        if (document.length == 0 || document.prompt_length > document.length) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: document %zu has %zu tokens, %zu of them prompt", path, i,
                            document.length, document.prompt_length);
        }
        if (first > shard->token_count || document.length > shard->token_count - first) {
            return UM_RAISE(
                error, UM_ERR_FORMAT,
                "%s: document %zu, tokens %zu to %zu + %zu, lies outside the %zu tokens", path, i,
                first, first, document.length, shard->token_count);
        }
    }
    return UM_OK;
}

/* Over the file at `path`, or over bytes that `path` names. */
static um_status open_shard(const char *path, const uint8_t *bytes, size_t size, um_shard **shard,
                            um_error *error) {
    *shard = NULL;
    um_shard *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, path, sizeof *opened);
    }
    um_status status = UM_OK;
    if (!bytes) {
        status = um_mapped_file_open(path, &opened->file, error);
        bytes = opened->file.data;
        size = opened->file.size;
    }
    if (status == UM_OK) {
        status = parse_header(opened, bytes, size, path, error);
    }
    if (status == UM_OK) {
        status = check_index(opened, path, error);
    }
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
        um_mapped_file_close(&shard->file);
        free(shard);
    }
}

size_t um_shard_document_count(const um_shard *shard) {
    return shard->document_count;
}

size_t um_shard_token_count(const um_shard *shard) {
    return shard->token_count;
}

um_document um_shard_document(const um_shard *shard, size_t index) {
    const uint8_t *record = shard->index + index * RECORD_SIZE;
    return (um_document){.length = read_u32(record + 8), .prompt_length = read_u32(record + 12)};
}

void um_shard_tokens(const um_shard *shard, size_t index, size_t count, int32_t *tokens) {
    const uint8_t *source = shard->tokens + first_token(shard, index) * shard->token_size;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = shard->token_size == 2 ? source[2 * i] | source[2 * i + 1] << 8
                                           : (int32_t)read_u32(source + 4 * i);
    }
}

struct um_shard_writer {
    size_t vocabulary_size;
    size_t token_size;
    size_t document_count;
    size_t token_count;
    um_buffer index;
    um_buffer tokens;
};

um_status um_shard_writer_create(size_t vocabulary_size, um_shard_writer **writer,
                                 um_error *error) {
    *writer = calloc(1, sizeof **writer);
    if (!*writer) {
        return um_error_memory(error, "shard writer", sizeof **writer);
    }
    (*writer)->vocabulary_size = vocabulary_size;
    (*writer)->token_size = vocabulary_size <= 65536 ? 2 : 4;
    return UM_OK;
}

static void write_little_endian(uint8_t *bytes, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static um_status append_tokens(um_shard_writer *writer, const int32_t *tokens, size_t length,
                               um_error *error) {
    for (size_t i = 0; i < length; i++) {
        uint8_t bytes[4];
        write_little_endian(bytes, (uint32_t)tokens[i], sizeof bytes);
        UM_TRY(um_buffer_append(&writer->tokens, bytes, writer->token_size, error));
    }
    return UM_OK;
}

static um_status check_document(const um_shard_writer *writer, const int32_t *tokens, size_t length,
                                size_t prompt_length, um_error *error) {
    if (length == 0 || length > UINT32_MAX || prompt_length > length) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "document of %zu tokens with a prompt of %zu",
                        length, prompt_length);
    }
    for (size_t i = 0; i < length; i++) {
        if (tokens[i] < 0 || (size_t)tokens[i] >= writer->vocabulary_size) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "token id %d is outside the vocabulary of %zu",
                            (int)tokens[i], writer->vocabulary_size);
        }
    }
    return UM_OK;
}

um_status um_shard_writer_add(um_shard_writer *writer, const int32_t *tokens, size_t length,
                              size_t prompt_length, um_error *error) {
    UM_TRY(check_document(writer, tokens, length, prompt_length, error));
    uint8_t record[RECORD_SIZE];
    write_little_endian(record, writer->token_count, 8);
    write_little_endian(record + 8, length, 4);
    write_little_endian(record + 12, prompt_length, 4);
    UM_TRY(um_buffer_append(&writer->index, record, sizeof record, error));
    UM_TRY(append_tokens(writer, tokens, length, error));
    writer->document_count++;
    writer->token_count += length;
    return UM_OK;
}

static um_status write_parts(const um_shard_writer *writer, um_atomic_file *file, um_error *error) {
    uint8_t header[HEADER_SIZE];
    memcpy(header, MAGIC, MAGIC_LENGTH);
    write_little_endian(header + 8, VERSION, 4);
    write_little_endian(header + 12, writer->token_size, 4);
    write_little_endian(header + 16, writer->document_count, 8);
    write_little_endian(header + 24, writer->token_count, 8);
    UM_TRY(um_atomic_file_write(file, header, sizeof header, error));
    UM_TRY(um_atomic_file_write(file, um_buffer_text(&writer->index), writer->index.length, error));
    return um_atomic_file_write(file, um_buffer_text(&writer->tokens), writer->tokens.length,
                                error);
}

um_status um_shard_writer_commit(um_shard_writer *writer, const char *path, um_error *error) {
    um_atomic_file *file = NULL;
    UM_TRY(um_atomic_file_open(path, &file, error));
    const um_status status = write_parts(writer, file, error);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}

size_t um_shard_writer_document_count(const um_shard_writer *writer) {
    return writer->document_count;
}

size_t um_shard_writer_token_count(const um_shard_writer *writer) {
    return writer->token_count;
}

void um_shard_writer_free(um_shard_writer *writer) {
    if (writer) {
        um_buffer_free(&writer->index);
        um_buffer_free(&writer->tokens);
        free(writer);
    }
}
