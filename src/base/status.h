/* Errors inside the library: functions return a um_status and put the message into the caller's
 * um_error.  A function that can fail takes `um_error *error`, usually as its last parameter, and
 * accepts NULL there. */
#ifndef UM_BASE_STATUS_H
#define UM_BASE_STATUS_H

#include "unmask.h"

#if defined(__GNUC__)
#define UM_PRINTF_LIKE(format_index, first_index)                                                  \
    __attribute__((format(printf, format_index, first_index)))
#else
#define UM_PRINTF_LIKE(format_index, first_index)
#endif

/* Record a failure and return its status: return UM_RAISE(error, UM_ERR_IO, "%s: ...", path); */
#define UM_RAISE(error, ...) um_error_set((error), __VA_ARGS__)

/* Forward a failure: UM_TRY(um_mapped_file_open(path, &file, error)); */
#define UM_TRY(expression)                                                                         \
    do {                                                                                           \
        const um_status um_try_status_ = (expression);                                             \
        if (um_try_status_ != UM_OK) {                                                             \
            return um_try_status_;                                                                 \
        }                                                                                          \
    } while (0)

/* Fill *error (when not NULL) and return `status`.  Numbers have a decimal point in
 * every locale. */
um_status um_error_set(um_error *error, um_status status, const char *format, ...)
    UM_PRINTF_LIKE(3, 4);

/* Like um_error_set with UM_ERR_IO; the message is followed by ": " and the text of
 * `errno_value`. */
um_status um_error_set_errno(um_error *error, int errno_value, const char *format, ...)
    UM_PRINTF_LIKE(3, 4);

/* Put "<prefix>: " before the message, and set and return `status`; for a caller that knows the
 * place (a file, a tensor) when the callee does not. */
um_status um_error_prefix(um_error *error, um_status status, const char *format, ...)
    UM_PRINTF_LIKE(3, 4);

/* The error of a failed allocation of `bytes` bytes for `what`. */
um_status um_error_memory(um_error *error, const char *what, size_t bytes);

#endif
