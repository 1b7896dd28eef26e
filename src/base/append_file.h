/* A file that is only appended to, record by record, and outlives a kill or a full disk at any
 * moment: a record is one write where the system allows, and what a failed write left is taken
 * back, so that at most the last record is torn. */
#ifndef UM_BASE_APPEND_FILE_H
#define UM_BASE_APPEND_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

typedef struct um_append_file {
    char *path; /* owned */
    int descriptor;
    bool regular; /* can be cut; a pipe or a terminal cannot */
    off_t length; /* of whole records, of a regular file */
    int reason;   /* errno of the newest failure */
} um_append_file;

/* Open the file at `path`, or make it; what it holds stays.  UM_ERR_IO, with `file` empty. */
um_status um_append_file_open(const char *path, um_append_file *file, um_error *error);

/* Keep the first `length` bytes, those of whole records.  Nothing happens to what cannot be cut. */
um_status um_append_file_cut(um_append_file *file, size_t length, um_error *error);

/* Append one record.  UM_ERR_IO, with the file as it was and the cause in file->reason. */
um_status um_append_file_write(um_append_file *file, const void *record, size_t length,
                               um_error *error);

/* Wait until what was appended is on the disk. */
um_status um_append_file_sync(um_append_file *file, um_error *error);

/* Close, without waiting.  An empty file is allowed. */
um_status um_append_file_close(um_append_file *file, um_error *error);

#endif
