#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/buffer.h"
#include "train/corpus/shard.h"
#include "train/corpus/shard_format.h"

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

static um_status check_document(const um_shard_writer *writer, const int32_t *tokens,
                                const um_document *document, um_error *error) {
    const size_t length = document->length;
    if (length == 0 || length > UINT32_MAX || document->prompt_length > length ||
        document->suffix_length > length - document->prompt_length) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "document of %zu tokens with a prompt of %zu and a suffix of %zu", length,
                        document->prompt_length, document->suffix_length);
    }
    for (size_t i = 0; i < length; i++) {
        if (tokens[i] < 0 || (size_t)tokens[i] >= writer->vocabulary_size) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "token id %d is outside the vocabulary of %zu",
                            (int)tokens[i], writer->vocabulary_size);
        }
    }
    return UM_OK;
}

um_status um_shard_writer_add(um_shard_writer *writer, const int32_t *tokens, um_document document,
                              um_error *error) {
    UM_TRY(check_document(writer, tokens, &document, error));
    uint8_t record[UM_SHARD_RECORD_SIZE] = {0};
    write_little_endian(record, writer->token_count, 8);
    write_little_endian(record + 8, document.length, 4);
    write_little_endian(record + 12, document.prompt_length, 4);
    write_little_endian(record + 16, document.suffix_length, 4);
    UM_TRY(um_buffer_append(&writer->index, record, sizeof record, error));
    UM_TRY(append_tokens(writer, tokens, document.length, error));
    writer->document_count++;
    writer->token_count += document.length;
    return UM_OK;
}

static um_status write_parts(const um_shard_writer *writer, um_atomic_file *file, um_error *error) {
    uint8_t header[UM_SHARD_HEADER_SIZE];
    memcpy(header, UM_SHARD_MAGIC, UM_SHARD_MAGIC_LENGTH);
    write_little_endian(header + 8, UM_SHARD_VERSION, 4);
    write_little_endian(header + 12, writer->token_size, 4);
    write_little_endian(header + 16, writer->document_count, 8);
    write_little_endian(header + 24, writer->token_count, 8);
    UM_TRY(um_atomic_file_write(file, header, sizeof header, error));
    UM_TRY(um_atomic_file_write(file, um_buffer_text(&writer->index), writer->index.length, error));
    return um_atomic_file_write(file, um_buffer_text(&writer->tokens), writer->tokens.length,
                                error);
}

um_status um_shard_writer_seal(um_shard_writer *writer, const char *path, um_atomic_file **file,
                               um_error *error) {
    UM_TRY(um_atomic_file_open(path, file, error));
    um_status status = write_parts(writer, *file, error);
    if (status == UM_OK) {
        status = um_atomic_file_seal(*file, error);
    }
    if (status != UM_OK) {
        um_atomic_file_discard(*file);
        *file = NULL;
    }
    return status;
}

um_status um_shard_writer_commit(um_shard_writer *writer, const char *path, um_error *error) {
    um_atomic_file *file = NULL;
    UM_TRY(um_shard_writer_seal(writer, path, &file, error));
    return um_atomic_file_commit(file, error);
}

void um_shard_writer_clear(um_shard_writer *writer) {
    um_buffer_clear(&writer->index);
    um_buffer_clear(&writer->tokens);
    writer->document_count = 0;
    writer->token_count = 0;
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
