#include "tokenizer/normalizer.h"

#include <stdlib.h>

#include <utf8proc.h>

/* No character below U+0300 takes part in a composition or changes under form C. */
static bool surely_normal(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if ((uint8_t)text[i] >= 0xCC) {
            return false;
        }
    }
    return true;
}

um_status um_normalize(const char *text, size_t length, um_buffer *buffer, const char **out,
                       size_t *out_length, um_error *error) {
    *out = text;
    *out_length = length;
    if (surely_normal(text, length)) {
        return UM_OK;
    }
    utf8proc_uint8_t *normal = NULL;
    const utf8proc_ssize_t count =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &normal,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (count < 0) {
        return UM_RAISE(error, count == UTF8PROC_ERROR_NOMEM ? UM_ERR_MEMORY : UM_ERR_LIMIT,
                        "cannot normalise %zu bytes of text: %s", length, utf8proc_errmsg(count));
    }
    um_buffer_clear(buffer);
    const um_status status = um_buffer_append(buffer, normal, (size_t)count, error);
    free(normal);
    *out = um_buffer_text(buffer);
    *out_length = buffer->length;
    return status;
}
