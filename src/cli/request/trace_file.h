/* The file that `generate --trace` and `analyze --trace` write. */
#ifndef UM_CLI_REQUEST_TRACE_FILE_H
#define UM_CLI_REQUEST_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

typedef struct um_trace_file {
    const char *path; /* borrowed */
    FILE *stream;     /* NULL: there is none */
    bool begun;
} um_trace_file;

/* The contents of the file stay until the first write: a request that is refused loses no trace. */
um_status um_trace_file_open(const char *path, um_trace_file *file, um_error *error);

um_status um_trace_file_write(um_trace_file *file, const char *bytes, size_t length,
                              um_error *error);

/* Write a trace that is complete and flush it, so that it is kept whatever happens. */
um_status um_trace_file_add(um_trace_file *file, const char *bytes, size_t length, um_error *error);

/* `status` is that of the run; its failure counts before one to close the file. */
um_status um_trace_file_close(um_trace_file *file, um_status status, um_error *error);

#endif
