#include "weights/safetensors_writer.h"

#include <math.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/memory.h"

#include <string.h>

/* Elements that are converted at a time. */
#define CHUNK 4096

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

static um_status write_converted(um_atomic_file *file, const um_named_tensor *named, um_dtype dtype,
                                 um_error *error) {
    float values[CHUNK];
    float rounded[CHUNK];
    _Alignas(UM_ALIGNMENT) unsigned char stored[CHUNK * sizeof(float)];
    const size_t step = um_dtype_size(named->tensor.dtype);
    size_t count = 0;
    (void)um_tensor_count(&named->tensor, &count);
    for (size_t first = 0; first < count; first += CHUNK) {
        const size_t part = count - first < CHUNK ? count - first : CHUNK;
        const char *source = (const char *)named->tensor.data + first * step;
        um_convert_to_f32(named->tensor.dtype, source, values, part);
        um_convert_from_f32(dtype, values, stored, part);
        um_convert_to_f32(dtype, stored, rounded, part);
        UM_TRY(check_chunk(named->name, values, rounded, first, part, dtype, error));
        UM_TRY(um_atomic_file_write(file, stored, part * um_dtype_size(dtype), error));
    }
    return UM_OK;
}

static um_status write_tensor(um_atomic_file *file, const um_named_tensor *named, um_dtype dtype,
                              um_error *error) {
    if (!named->tensor.data) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: a tensor without data", named->name);
    }
    if (named->tensor.dtype != dtype) {
        return write_converted(file, named, dtype, error);
    }
    size_t bytes = 0;
    UM_TRY(tensor_bytes(named, dtype, &bytes, error));
    return um_atomic_file_write(file, named->tensor.data, bytes, error);
}

static um_status write_all(um_atomic_file *file, const um_buffer *header,
                           const um_named_tensor *tensors, size_t count, um_dtype dtype,
                           um_error *error) {
    UM_TRY(um_atomic_file_write(file, header->data, header->length, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(write_tensor(file, &tensors[i], dtype, error));
    }
    return UM_OK;
}

um_status um_safetensors_write(const char *path, const um_named_tensor *tensors, size_t count,
                               um_dtype dtype, um_error *error) {
    um_buffer header = {0};
    um_atomic_file *file = NULL;
    um_status status = make_header(&header, tensors, count, dtype, error);
    if (status == UM_OK) {
        status = um_atomic_file_open(path, &file, error);
    }
    if (status == UM_OK) {
        status = write_all(file, &header, tensors, count, dtype, error);
    }
    um_buffer_free(&header);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}
