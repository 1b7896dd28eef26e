#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "base/number_text.h"

const char *um_status_text(um_status status) {
    switch (status) {
#define UM_STATUS_CASE(name, text)                                                                 \
    case name:                                                                                     \
        return text;
        UM_STATUS_LIST(UM_STATUS_CASE)
#undef UM_STATUS_CASE
    }
    return "unknown status";
}

/* Messages quote names from files: keep them one line of UTF-8 without control characters. */
static void clean_message(char *message) {
    char *at = message;
    while (*at != '\0') {
        utf8proc_int32_t code_point = -1;
        const utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)at, -1, &code_point);
        const bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
        if (used <= 0 || control) {
            *at++ = '?';
        } else {
            at += used;
        }
    }
}

um_status um_error_set(um_error *error, um_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        (void)um_number_vformat(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        clean_message(error->message);
        error->status = status;
    }
    return status;
}

um_status um_error_set_errno(um_error *error, int errno_value, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        (void)um_number_vformat(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = UM_ERR_IO;
        char reason[128];
        if (strerror_r(errno_value, reason, sizeof reason) != 0) {
            (void)snprintf(reason, sizeof reason, "error %d", errno_value);
        }
        const size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
        clean_message(error->message);
    }
    return UM_ERR_IO;
}

um_status um_error_prefix(um_error *error, um_status status, const char *format, ...) {
    if (error && status != UM_OK) {
        char message[sizeof error->message];
        memcpy(message, error->message, sizeof message);
        va_list arguments;
        va_start(arguments, format);
        (void)um_number_vformat(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        const size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, ": %s", message);
        clean_message(error->message);
        error->status = status;
    }
    return status;
}

um_status um_error_memory(um_error *error, const char *what, size_t bytes) {
    return UM_RAISE(error, UM_ERR_MEMORY, "%s: cannot allocate %zu bytes", what, bytes);
}
