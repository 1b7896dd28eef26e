#include "eval/record_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/append_file.h"
#include "base/mapped_file.h"

struct um_record_log {
    um_append_file file;
};

/* ---- Reading ------------------------------------------------------------------- */

/* Visit the records, and set *whole to the number of bytes that they take. */
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
    if (!made) {
        return um_error_memory(error, path, sizeof *made);
    }
    um_status status = um_append_file_open(path, &made->file, error);
    if (status == UM_OK) {
        status = um_append_file_cut(&made->file, whole, error);
    }
    if (status != UM_OK) {
        (void)um_append_file_close(&made->file, NULL);
        free(made);
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
        status = um_append_file_write(&log->file, line.data, line.length, error);
    }
    if (status == UM_ERR_IO) {
        status = um_error_set_errno(error, log->file.reason,
                                    "%s: cannot write; what is there stays: run the same command "
                                    "again to continue from it",
                                    log->file.path);
    }
    um_buffer_free(&line);
    return status;
}

um_status um_record_log_sync(um_record_log *log, um_error *error) {
    return um_append_file_sync(&log->file, error);
}

um_status um_record_log_close(um_record_log *log, um_error *error) {
    if (!log) {
        return UM_OK;
    }
    const um_status synced = um_record_log_sync(log, error);
    const um_status closed = um_append_file_close(&log->file, synced == UM_OK ? error : NULL);
    free(log);
    return synced == UM_OK ? closed : synced;
}
