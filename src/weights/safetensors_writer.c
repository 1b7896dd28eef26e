#include "weights/safetensors_writer.h"

#include <math.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/memory.h"

#include <string.h>

/* Elements converted at a time. */
#define CHUNK 4096

/* Bytes written at a time when nothing is converted. */
#define COPY_BYTES ((size_t)8 << 20)

static um_status tensor_bytes(const um_named_tensor *named, um_dtype dtype, size_t *bytes,
                              um_error *error) {
    size_t count = 0;
    if (!um_tensor_count(&named->tensor, &count) ||
        !um_size_multiply(count, um_dtype_size(dtype), bytes)) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: too large to be stored", named->name);
    }
    return UM_OK;
}

static um_status append_entry(um_buffer *header, const um_named_tensor *named, um_dtype dtype,
                              size_t *offset, um_error *error) {
    size_t bytes = 0;
    UM_TRY(tensor_bytes(named, dtype, &bytes, error));
    size_t end = 0;
    if (!um_size_add(*offset, bytes, &end)) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: too large to be stored", named->name);
    }
    UM_TRY(um_buffer_append_text(header, ",", error));
    UM_TRY(um_json_append_string(header, named->name, strlen(named->name), error));
    UM_TRY(um_buffer_append_format(header, error, ":{\"dtype\":\"%s\",\"shape\":[",
                                   um_dtype_name(dtype)));
    for (size_t i = 0; i < named->tensor.rank; i++) {
        UM_TRY(um_buffer_append_format(header, error, "%s%zu", i > 0 ? "," : "",
                                       named->tensor.shape[i]));
    }
    UM_TRY(um_buffer_append_format(header, error, "],\"data_offsets\":[%zu,%zu]}", *offset, end));
    *offset = end;
    return UM_OK;
}

/* A file being written, and the watch that is told its progress. */
typedef struct writing {
    um_atomic_file *file;
    um_dtype dtype;
    const um_watch *watch;
    size_t done;
    size_t total;
} writing;

static um_status write_bytes(writing *work, const void *bytes, size_t length, um_error *error) {
    UM_TRY(um_atomic_file_write(work->file, bytes, length, error));
    work->done += length;
    return um_watch_tell(work->watch, work->done, work->total, error);
}

static um_status make_header(um_buffer *header, const um_named_tensor *tensors, size_t count,
                             um_dtype dtype, um_error *error) {
    static const char placeholder[8] = {0};
    UM_TRY(um_buffer_append(header, placeholder, sizeof placeholder, error));
    UM_TRY(um_buffer_append_text(header, "{\"__metadata__\":{\"format\":\"pt\"}", error));
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        UM_TRY(append_entry(header, &tensors[i], dtype, &offset, error));
    }
    UM_TRY(um_buffer_append_text(header, "}", error));
    while (header->length % UM_ALIGNMENT != 0) {
        UM_TRY(um_buffer_append_text(header, " ", error));
    }
    const uint64_t length = header->length - sizeof placeholder;
    for (size_t i = 0; i < sizeof placeholder; i++) {
        header->data[i] = (char)(length >> (8 * i) & 0xFF);
    }
    return UM_OK;
}

static um_status check_chunk(const char *name, const float *before, const float *after,
                             size_t first, size_t count, um_dtype dtype, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (isfinite(before[i]) && !isfinite(after[i])) {
            return UM_RAISE(error, UM_ERR_MISMATCH, "%s: element %zu is %g, too large for %s", name,
                            first + i, (double)before[i], um_dtype_name(dtype));
        }
    }
    return UM_OK;
}

static um_status write_converted(writing *work, const um_named_tensor *named, um_error *error) {
    const um_dtype dtype = work->dtype;
    float values[CHUNK];
    float rounded[CHUNK];
    _Alignas(UM_ALIGNMENT) unsigned char stored[CHUNK * sizeof(float)];
    size_t count = 0; /* whole blocks if the tensor is quantised; blocks divide CHUNK */
    (void)um_tensor_count(&named->tensor, &count);
    for (size_t first = 0; first < count; first += CHUNK) {
        const size_t part = count - first < CHUNK ? count - first : CHUNK;
        const char *source =
            (const char *)named->tensor.data + um_dtype_row_bytes(named->tensor.dtype, first);
        um_convert_to_f32(named->tensor.dtype, source, values, part);
        um_convert_from_f32(dtype, values, stored, part);
        um_convert_to_f32(dtype, stored, rounded, part);
        UM_TRY(check_chunk(named->name, values, rounded, first, part, dtype, error));
        UM_TRY(write_bytes(work, stored, part * um_dtype_size(dtype), error));
    }
    return UM_OK;
}

static um_status write_copy(writing *work, const um_named_tensor *named, um_error *error) {
    size_t left = 0;
    UM_TRY(tensor_bytes(named, work->dtype, &left, error));
    for (const char *at = named->tensor.data; left > 0;) {
        const size_t part = left < COPY_BYTES ? left : COPY_BYTES;
        UM_TRY(write_bytes(work, at, part, error));
        at += part;
        left -= part;
    }
    return UM_OK;
}

static um_status write_tensor(writing *work, const um_named_tensor *named, um_error *error) {
    if (!named->tensor.data) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: a tensor without data", named->name);
    }
    return named->tensor.dtype == work->dtype ? write_copy(work, named, error)
                                              : write_converted(work, named, error);
}

static um_status write_all(writing *work, const um_buffer *header, const um_named_tensor *tensors,
                           size_t count, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        size_t bytes = 0;
        UM_TRY(tensor_bytes(&tensors[i], work->dtype, &bytes, error));
        work->total += bytes; /* make_header has checked that the sum fits */
    }
    UM_TRY(um_atomic_file_write(work->file, header->data, header->length, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(write_tensor(work, &tensors[i], error));
    }
    return UM_OK;
}

um_status um_safetensors_write_watched(const char *path, const um_named_tensor *tensors,
                                       size_t count, um_dtype dtype, const um_watch *watch,
                                       um_error *error) {
    um_buffer header = {0};
    writing work = {.dtype = dtype, .watch = watch};
    um_status status = make_header(&header, tensors, count, dtype, error);
    if (status == UM_OK) {
        status = um_atomic_file_open(path, &work.file, error);
    }
    if (status == UM_OK) {
        status = write_all(&work, &header, tensors, count, error);
    }
    um_buffer_free(&header);
    if (status != UM_OK) {
        um_atomic_file_discard(work.file);
        return status;
    }
    return um_atomic_file_commit(work.file, error);
}

um_status um_safetensors_write(const char *path, const um_named_tensor *tensors, size_t count,
                               um_dtype dtype, um_error *error) {
    return um_safetensors_write_watched(path, tensors, count, dtype, NULL, error);
}
