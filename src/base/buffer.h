/* A growable byte buffer, kept NUL-terminated so that it reads as a C string. */
#ifndef UM_BASE_BUFFER_H
#define UM_BASE_BUFFER_H

#include "base/status.h"

/* Zero-initialise; `data` is NULL until the first append.  Release with um_buffer_free. */
typedef struct um_buffer {
    char *data;
    size_t length;
    size_t capacity;
} um_buffer;

um_status um_buffer_append(um_buffer *buffer, const void *bytes, size_t length, um_error *error);
um_status um_buffer_append_text(um_buffer *buffer, const char *text, um_error *error);

/* Numbers have a decimal point in every locale. */
um_status um_buffer_append_format(um_buffer *buffer, um_error *error, const char *format, ...)
    UM_PRINTF_LIKE(3, 4);

/* The contents as a string, "" if nothing was appended. */
const char *um_buffer_text(const um_buffer *buffer);

/* Forget the contents, keep the memory. */
void um_buffer_clear(um_buffer *buffer);
void um_buffer_free(um_buffer *buffer);

#endif
