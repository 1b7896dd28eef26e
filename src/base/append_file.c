#include "base/append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/write_all.h"

static um_status fail(um_append_file *file, int reason, const char *what, um_error *error) {
    file->reason = reason;
    return um_error_set_errno(error, reason, "%s: cannot %s", file->path, what);
}

um_status um_append_file_open(const char *path, um_append_file *file, um_error *error) {
    *file = (um_append_file){.descriptor = -1, .path = strdup(path)};
    struct stat facts;
    if (!file->path) {
        return um_error_memory(error, path, strlen(path) + 1);
    }
    file->descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0) {
        const um_status status = fail(file, errno, "write", error);
        (void)um_append_file_close(file, NULL);
        return status;
    }
    file->regular = S_ISREG(facts.st_mode);
    file->length = file->regular ? facts.st_size : 0;
    return UM_OK;
}

um_status um_append_file_cut(um_append_file *file, size_t length, um_error *error) {
    if (!file->regular) {
        return UM_OK;
    }
    if (ftruncate(file->descriptor, (off_t)length) != 0) {
        return fail(file, errno, "cut", error);
    }
    file->length = (off_t)length;
    return UM_OK;
}

um_status um_append_file_write(um_append_file *file, const void *record, size_t length,
                               um_error *error) {
    const int reason = um_write_all(file->descriptor, record, length);
    if (reason != 0) {
        if (file->regular) {
            (void)!ftruncate(file->descriptor, file->length);
        }
        return fail(file, reason, "write", error);
    }
    file->length += (off_t)length;
    return UM_OK;
}

um_status um_append_file_sync(um_append_file *file, um_error *error) {
    /* Pipes and some file systems have nothing to wait for, and fail with these errors. */
    return fdatasync(file->descriptor) == 0 || errno == EINVAL || errno == EROFS
               ? UM_OK
               : fail(file, errno, "write", error);
}

um_status um_append_file_close(um_append_file *file, um_error *error) {
    um_status status = UM_OK;
    if (file->path && file->descriptor >= 0 && close(file->descriptor) != 0) {
        status = fail(file, errno, "close", error);
    }
    free(file->path);
    *file = (um_append_file){.descriptor = -1, .reason = file->reason};
    return status;
}
