/* A file that is only appended to, record by record, and survives a kill or a full disk at any
 * moment: each record is one write(2) if the system allows, and what a failed write left is cut
 * off, so at most the last record is torn. */
#ifndef UM_BASE_APPEND_FILE_H
#define UM_BASE_APPEND_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

typedef struct um_append_file {
    char *path; /* owned */
    int descriptor;
    bool regular; /* can be truncated; a pipe or a terminal cannot */
    off_t length; /* bytes of whole records; only for a regular file */
    int reason;   /* errno of the latest failure */
} um_append_file;

/* Open the file at `path`, or create it; its contents stay.  After UM_ERR_IO `file` is empty. */
um_status um_append_file_open(const char *path, um_append_file *file, um_error *error);

/* Truncate to the first `length` bytes, those of whole records.  Does nothing if the file is not
 * regular. */
um_status um_append_file_cut(um_append_file *file, size_t length, um_error *error);

/* Append one record.  After UM_ERR_IO a regular file is as it was, and file->reason is the
 * cause. */
um_status um_append_file_write(um_append_file *file, const void *record, size_t length,
                               um_error *error);

/* Wait until all appended records are on the disk. */
um_status um_append_file_sync(um_append_file *file, um_error *error);

/* Close, without waiting for the disk.  An empty `file` is allowed. */
um_status um_append_file_close(um_append_file *file, um_error *error);

#endif
