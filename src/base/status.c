#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

um_status um_error_set(um_error *error, um_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = status;
    }
    return status;
}

um_status um_error_set_errno(um_error *error, int errno_value, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = UM_ERR_IO;
        char reason[128];
        if (strerror_r(errno_value, reason, sizeof reason) != 0) {
            (void)snprintf(reason, sizeof reason, "error %d", errno_value);
        }
        const size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
    }
    return UM_ERR_IO;
}

um_status um_error_prefix(um_error *error, um_status status, const char *format, ...) {
    if (error && status != UM_OK) {
        char message[sizeof error->message];
        memcpy(message, error->message, sizeof message);
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        const size_t used = strlen(error->message);
        (void)snprintf(error->message + used, sizeof error->message - used, ": %s", message);
    }
    return status;
}

um_status um_error_memory(um_error *error, const char *what, size_t bytes) {
    return UM_RAISE(error, UM_ERR_MEMORY, "%s: cannot allocate %zu bytes", what, bytes);
}
