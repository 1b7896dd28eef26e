#include "eval/record_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mapped_file.h"

struct um_record_log {
    int descriptor;
    off_t length; /* of whole records */
    char *path;
};

/* ---- Reading ------------------------------------------------------------------- */

/* The records, and in *whole how many bytes they take. */
static um_status read_records(const um_mapped_file *file, const char *path,
                              um_record_visitor *visitor, void *user, size_t *whole,
                              um_error *error) {
    const char *bytes = (const char *)file->data;
    size_t number = 1;
    for (*whole = 0; *whole < file->size; number++) {
        const char *line = bytes + *whole;
        const char *end = memchr(line, '\n', file->size - *whole);
        if (!end) {
            return UM_OK; /* torn */
        }
        um_json_line read;
        UM_TRY(um_json_load_line(line, (size_t)(end - line), path, number, &read, error));
        const um_status status =
            read.object ? visitor(user, read.object, read.where, error) : UM_OK;
        json_decref(read.object);
        UM_TRY(status);
        *whole += (size_t)(end - line) + 1;
    }
    return UM_OK;
}

static um_status read_file(const char *path, um_record_visitor *visitor, void *user, size_t *whole,
                           um_error *error) {
    um_mapped_file file = {0};
    *whole = 0;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return UM_OK;
    }
    UM_TRY(um_mapped_file_open(path, &file, error));
    const um_status status = read_records(&file, path, visitor, user, whole, error);
    um_mapped_file_close(&file);
    return status;
}

/* ---- Writing ------------------------------------------------------------------- */

static um_status open_log(const char *path, size_t whole, um_record_log **log, um_error *error) {
    um_record_log *made = calloc(1, sizeof *made);
    char *copy = strdup(path);
    if (!made || !copy) {
        free(made);
        free(copy);
        return um_error_memory(error, path, sizeof *made);
    }
    *made = (um_record_log){.path = copy, .length = (off_t)whole};
    made->descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (made->descriptor < 0 || ftruncate(made->descriptor, made->length) != 0) {
        const um_status status = um_error_set_errno(error, errno, "%s: cannot write", path);
        (void)um_record_log_close(made, NULL);
        return status;
    }
    *log = made;
    return UM_OK;
}

um_status um_record_log_open(const char *path, um_record_visitor *visitor, void *user,
                             um_record_log **log, um_error *error) {
    size_t whole = 0;
    if (log) {
        *log = NULL;
    }
    UM_TRY(read_file(path, visitor, user, &whole, error));
    return log ? open_log(path, whole, log, error) : UM_OK;
}

static um_status write_line(um_record_log *log, const char *line, size_t length, um_error *error) {
    size_t done = 0;
    while (done < length) {
        const ssize_t count = write(log->descriptor, line + done, length - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            const int reason = count < 0 ? errno : EIO;
            (void)!ftruncate(log->descriptor, log->length);
            return um_error_set_errno(error, reason,
                                      "%s: cannot write; what is there stays, and the same command "
                                      "goes on from it",
                                      log->path);
        }
        done += (size_t)count;
    }
    log->length += (off_t)length;
    return UM_OK;
}

um_status um_record_text(const json_t *record, um_buffer *text, um_error *error) {
    char *dumped = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!dumped) {
        return um_error_memory(error, "a record", 0);
    }
    const um_status status = um_buffer_append_format(text, error, "%s\n", dumped);
    free(dumped);
    return status;
}

um_status um_record_log_append(um_record_log *log, const json_t *record, um_error *error) {
    um_buffer line = {0};
    um_status status = um_record_text(record, &line, error);
    if (status == UM_OK) {
        status = write_line(log, line.data, line.length, error);
    }
    um_buffer_free(&line);
    return status;
}

um_status um_record_log_sync(um_record_log *log, um_error *error) {
    return fsync(log->descriptor) == 0 || errno == EINVAL || errno == EROFS
               ? UM_OK
               : um_error_set_errno(error, errno, "%s: cannot write", log->path);
}

um_status um_record_log_close(um_record_log *log, um_error *error) {
    um_status status = UM_OK;
    if (!log) {
        return UM_OK;
    }
    if (log->descriptor >= 0) {
        status = um_record_log_sync(log, error);
        (void)close(log->descriptor);
    }
    free(log->path);
    free(log);
    return status;
}
