#include "base/buffer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number_text.h"

um_status um_buffer_append(um_buffer *buffer, const void *bytes, size_t length, um_error *error) {
    size_t needed = 0;
    if (!um_size_add(buffer->length, length, &needed) || !um_size_add(needed, 1, &needed)) {
        return um_error_memory(error, "buffer", SIZE_MAX);
    }
    UM_TRY(um_grow(&buffer->data, &buffer->capacity, needed, 1, "buffer", error));
    if (length > 0) {
        memcpy(buffer->data + buffer->length, bytes, length);
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return UM_OK;
}

um_status um_buffer_append_text(um_buffer *buffer, const char *text, um_error *error) {
    return um_buffer_append(buffer, text, strlen(text), error);
}

um_status um_buffer_append_format(um_buffer *buffer, um_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list measured;
    va_copy(measured, arguments);
    const int length = um_number_vformat(NULL, 0, format, measured);
    va_end(measured);
    um_status status = UM_OK;
    if (length < 0) {
        status = UM_RAISE(error, UM_ERR_ARGUMENT, "cannot format text");
    } else {
        const size_t room = buffer->length + (size_t)length + 1;
        status = um_grow(&buffer->data, &buffer->capacity, room, 1, "buffer", error);
        if (status == UM_OK) {
            (void)um_number_vformat(buffer->data + buffer->length, (size_t)length + 1, format,
                                    arguments);
            buffer->length += (size_t)length;
        }
    }
    va_end(arguments);
    return status;
}

const char *um_buffer_text(const um_buffer *buffer) {
    return buffer->data ? buffer->data : "";
}

void um_buffer_clear(um_buffer *buffer) {
    buffer->length = 0;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

void um_buffer_free(um_buffer *buffer) {
    free(buffer->data);
    *buffer = (um_buffer){0};
}
