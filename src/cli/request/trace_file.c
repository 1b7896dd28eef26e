#include "cli/request/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static um_status failure_of(const um_trace_file *file, um_error *error) {
    return um_error_set_errno(error, errno, "%s: cannot write the trace", file->path);
}

um_status um_trace_file_open(const char *path, um_trace_file *file, um_error *error) {
    *file = (um_trace_file){.path = path};
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (file->stream) {
        return UM_OK;
    }
    const um_status status = failure_of(file, error);
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return status;
}

um_status um_trace_file_write(um_trace_file *file, const char *bytes, size_t length,
                              um_error *error) {
    if (!file->begun) {
        file->begun = true;
        if (ftruncate(fileno(file->stream), 0) != 0 && errno != EINVAL) { /* EINVAL: a pipe */
            return failure_of(file, error);
        }
    }
    return fwrite(bytes, 1, length, file->stream) == length ? UM_OK : failure_of(file, error);
}

um_status um_trace_file_add(um_trace_file *file, const char *bytes, size_t length,
                            um_error *error) {
    UM_TRY(um_trace_file_write(file, bytes, length, error));
    return fflush(file->stream) == 0 ? UM_OK : failure_of(file, error);
}

um_status um_trace_file_close(um_trace_file *file, um_status status, um_error *error) {
    if (!file->stream) {
        return status;
    }
    const bool failed = fclose(file->stream) != 0;
    file->stream = NULL;
    return failed && status == UM_OK ? failure_of(file, error) : status;
}
