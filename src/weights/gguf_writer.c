#include "weights/gguf_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/memory.h"

#define ALIGNMENT 32
#define VERSION 3

struct um_gguf_writer {
    um_buffer entries;
    size_t entry_count;
    um_buffer descriptions;
    size_t *tensor_bytes; /* [tensor_count] */
    size_t tensor_count;
    size_t tensor_capacity;
    size_t data_bytes; /* with padding: where the next tensor begins */
    um_atomic_file *file;
    size_t current; /* the tensor being written */
    size_t written; /* bytes of it */
};

um_status um_gguf_writer_create(um_gguf_writer **writer, um_error *error) {
    return um_allocate(writer, 1, sizeof **writer, "GGUF writer", error);
}

/* ---- Metadata -------------------------------------------------------------- */

static um_status append_number(um_buffer *out, uint64_t value, size_t bytes, um_error *error) {
    char number[8];
    for (size_t i = 0; i < bytes; i++) {
        number[i] = (char)(value >> (8 * i) & 0xFF);
    }
    return um_buffer_append(out, number, bytes, error);
}

static um_status append_string(um_buffer *out, const char *text, size_t length, um_error *error) {
    UM_TRY(append_number(out, length, 8, error));
    return um_buffer_append(out, text, length, error);
}

static um_status start_entry(um_gguf_writer *writer, um_gguf_string key, um_gguf_type type,
                             um_error *error) {
    writer->entry_count++;
    UM_TRY(append_string(&writer->entries, key.text, key.length, error));
    return append_number(&writer->entries, (uint64_t)type, 4, error);
}

static um_status start_named(um_gguf_writer *writer, const char *key, um_gguf_type type,
                             um_error *error) {
    return start_entry(writer, (um_gguf_string){key, strlen(key)}, type, error);
}

static um_status start_array(um_gguf_writer *writer, const char *key, um_gguf_type element,
                             size_t count, um_error *error) {
    UM_TRY(start_named(writer, key, UM_GGUF_ARRAY, error));
    UM_TRY(append_number(&writer->entries, (uint64_t)element, 4, error));
    return append_number(&writer->entries, count, 8, error);
}

um_status um_gguf_put_uint32(um_gguf_writer *writer, const char *key, uint32_t value,
                             um_error *error) {
    UM_TRY(start_named(writer, key, UM_GGUF_UINT32, error));
    return append_number(&writer->entries, value, 4, error);
}

um_status um_gguf_put_float32(um_gguf_writer *writer, const char *key, float value,
                              um_error *error) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    UM_TRY(start_named(writer, key, UM_GGUF_FLOAT32, error));
    return append_number(&writer->entries, bits, 4, error);
}

um_status um_gguf_put_bool(um_gguf_writer *writer, const char *key, bool value, um_error *error) {
    UM_TRY(start_named(writer, key, UM_GGUF_BOOL, error));
    return append_number(&writer->entries, value, 1, error);
}

um_status um_gguf_put_string(um_gguf_writer *writer, const char *key, const char *text,
                             size_t length, um_error *error) {
    UM_TRY(start_named(writer, key, UM_GGUF_STRING, error));
    return append_string(&writer->entries, text, length, error);
}

um_status um_gguf_put_strings(um_gguf_writer *writer, const char *key, const um_gguf_string *texts,
                              size_t count, um_error *error) {
    UM_TRY(start_array(writer, key, UM_GGUF_STRING, count, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(append_string(&writer->entries, texts[i].text, texts[i].length, error));
    }
    return UM_OK;
}

um_status um_gguf_put_int32s(um_gguf_writer *writer, const char *key, const int32_t *values,
                             size_t count, um_error *error) {
    UM_TRY(start_array(writer, key, UM_GGUF_INT32, count, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(append_number(&writer->entries, (uint32_t)values[i], 4, error));
    }
    return UM_OK;
}

um_status um_gguf_put_entry(um_gguf_writer *writer, const um_gguf_entry *entry, um_error *error) {
    UM_TRY(start_entry(writer, entry->key, entry->type, error));
    if (entry->type == UM_GGUF_ARRAY) {
        UM_TRY(append_number(&writer->entries, (uint64_t)entry->element_type, 4, error));
        UM_TRY(append_number(&writer->entries, entry->count, 8, error));
    }
    return um_buffer_append(&writer->entries, entry->data, entry->bytes, error);
}

/* ---- Tensors ---------------------------------------------------------------- */

static um_status measure(const char *name, um_dtype dtype, size_t rank, const size_t *shape,
                         size_t *bytes, um_error *error) {
    bool fits =
        rank > 0 && rank <= UM_TENSOR_MAXIMUM_RANK && shape[rank - 1] % um_dtype_block(dtype) == 0;
    size_t total = fits ? um_dtype_row_bytes(dtype, shape[rank - 1]) : 0;
    for (size_t i = 0; i + 1 < rank && fits; i++) {
        fits = um_size_multiply(total, shape[i], &total);
    }
    *bytes = total;
    return fits ? UM_OK
                : UM_RAISE(error, UM_ERR_ARGUMENT, "%s: its shape cannot be stored as %s", name,
                           um_dtype_name(dtype));
}

um_status um_gguf_add_tensor(um_gguf_writer *writer, const char *name, um_dtype dtype, size_t rank,
                             const size_t *shape, um_error *error) {
    size_t bytes = 0;
    size_t data_bytes = 0;
    UM_TRY(measure(name, dtype, rank, shape, &bytes, error));
    if (bytes > SIZE_MAX - ALIGNMENT ||
        !um_size_add(writer->data_bytes, um_size_round_up(bytes, ALIGNMENT), &data_bytes)) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: too large to be stored", name);
    }
    UM_TRY(um_grow(&writer->tensor_bytes, &writer->tensor_capacity, writer->tensor_count + 1,
                   sizeof *writer->tensor_bytes, "tensor list", error));
    UM_TRY(append_string(&writer->descriptions, name, strlen(name), error));
    UM_TRY(append_number(&writer->descriptions, rank, 4, error));
    for (size_t i = rank; i > 0; i--) {
        UM_TRY(append_number(&writer->descriptions, shape[i - 1], 8, error));
    }
    UM_TRY(append_number(&writer->descriptions, um_gguf_dtype_number(dtype), 4, error));
    UM_TRY(append_number(&writer->descriptions, writer->data_bytes, 8, error));
    writer->tensor_bytes[writer->tensor_count++] = bytes;
    writer->data_bytes = data_bytes;
    return UM_OK;
}

/* ---- The file ---------------------------------------------------------------- */

static um_status write_padding(um_gguf_writer *writer, size_t bytes, um_error *error) {
    static const char zeros[ALIGNMENT] = {0};
    return um_atomic_file_write(writer->file, zeros, um_size_round_up(bytes, ALIGNMENT) - bytes,
                                error);
}

static um_status write_header(um_gguf_writer *writer, um_error *error) {
    um_buffer header = {0};
    um_status status = um_buffer_append(&header, "GGUF", 4, error);
    const uint64_t counts[] = {writer->tensor_count, writer->entry_count};
    if (status == UM_OK) {
        status = append_number(&header, VERSION, 4, error);
    }
    for (size_t i = 0; i < 2 && status == UM_OK; i++) {
        status = append_number(&header, counts[i], 8, error);
    }
    if (status == UM_OK) {
        status = um_atomic_file_write(writer->file, header.data, header.length, error);
    }
    const size_t bytes = header.length + writer->entries.length + writer->descriptions.length;
    um_buffer_free(&header);
    UM_TRY(status);
    UM_TRY(um_atomic_file_write(writer->file, um_buffer_text(&writer->entries),
                                writer->entries.length, error));
    UM_TRY(um_atomic_file_write(writer->file, um_buffer_text(&writer->descriptions),
                                writer->descriptions.length, error));
    return write_padding(writer, bytes, error);
}

um_status um_gguf_writer_begin(um_gguf_writer *writer, const char *path, um_error *error) {
    UM_TRY(um_atomic_file_open(path, &writer->file, error));
    return write_header(writer, error);
}

um_status um_gguf_writer_write(um_gguf_writer *writer, const void *bytes, size_t length,
                               um_error *error) {
    if (writer->current == writer->tensor_count ||
        length > writer->tensor_bytes[writer->current] - writer->written) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "GGUF: %zu bytes too many", length);
    }
    UM_TRY(um_atomic_file_write(writer->file, bytes, length, error));
    writer->written += length;
    if (writer->written == writer->tensor_bytes[writer->current]) {
        UM_TRY(write_padding(writer, writer->written, error));
        writer->current++;
        writer->written = 0;
    }
    return UM_OK;
}

um_status um_gguf_writer_commit(um_gguf_writer *writer, um_error *error) {
    if (writer->current != writer->tensor_count) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "GGUF: the data of tensor %zu are incomplete",
                        writer->current);
    }
    um_atomic_file *file = writer->file;
    writer->file = NULL;
    return um_atomic_file_commit(file, error);
}

void um_gguf_writer_free(um_gguf_writer *writer) {
    if (!writer) {
        return;
    }
    um_atomic_file_discard(writer->file);
    um_buffer_free(&writer->entries);
    um_buffer_free(&writer->descriptions);
    free(writer->tensor_bytes);
    free(writer);
}
