/* unmask: run, train and measure masked diffusion language models for code.
 *
 * The only public header.  Nothing in the library prints, exits or keeps
 * global state; every failure is a um_status, with a message in the um_error
 * that the caller passes (NULL where the text is not wanted).
 */
#ifndef UNMASK_H
#define UNMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UM_API __attribute__((visibility("default")))
#else
#define UM_API
#endif

/* ---- Status ------------------------------------------------------------ */

/* One line a status: enumerator, then the text um_status_text returns. */
#define UM_STATUS_LIST(X)                                                                          \
    X(UM_OK, "success")                                                                            \
    X(UM_ERR_ARGUMENT, "invalid argument")                                                         \
    X(UM_ERR_IO, "input/output error")                                                             \
    X(UM_ERR_FORMAT, "malformed file")                                                             \
    X(UM_ERR_MISMATCH, "parts that do not fit together")                                           \
    X(UM_ERR_MEMORY, "out of memory")                                                              \
    X(UM_ERR_UNSUPPORTED, "not supported")                                                         \
    X(UM_ERR_LIMIT, "over a limit")                                                                \
    X(UM_ERR_CANCELLED, "cancelled")

typedef enum um_status {
#define UM_STATUS_ENUMERATOR(name, text) name,
    UM_STATUS_LIST(UM_STATUS_ENUMERATOR)
#undef UM_STATUS_ENUMERATOR
} um_status;

/* What went wrong and where, in one line of UTF-8 without a final newline. */
typedef struct um_error {
    um_status status;
    char message[512];
} um_error;

/* The fixed English text of a status; never NULL. */
UM_API const char *um_status_text(um_status status);

/* The version of the library, such as "0.1.0". */
UM_API const char *um_version(void);

#ifdef __cplusplus
}
#endif

#endif
