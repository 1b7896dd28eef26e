/* Files that appear whole or not at all: a temporary file beside the target,
 * then fsync, rename, and fsync of the directory. */
#ifndef UM_BASE_ATOMIC_FILE_H
#define UM_BASE_ATOMIC_FILE_H

#include "base/status.h"

typedef struct um_atomic_file um_atomic_file;

/* Start writing what shall become `path`.  Until um_atomic_file_commit nothing is
 * visible there, and an existing file stays as it was.  Where `path` is a link to a file, that file
 * is replaced and the link stays; what exists and is not a regular file is an error. */
um_status um_atomic_file_open(const char *path, um_atomic_file **file, um_error *error);

um_status um_atomic_file_write(um_atomic_file *file, const void *bytes, size_t length,
                               um_error *error);

/* Give it these permission bits (such as 0600), instead of those of a new file: before what must
 * not be read by others is written. */
void um_atomic_file_set_mode(um_atomic_file *file, unsigned mode);

/* Make it durable and close it, still under its temporary name: for files that shall appear
 * together, each with um_atomic_file_commit, once all of them are written.  Nobody holds it from
 * now on: a search for leftovers removes it.  After a failure it can only be discarded. */
um_status um_atomic_file_seal(um_atomic_file *file, um_error *error);

/* Make it durable and visible.  Frees `file`, whatever the outcome. */
um_status um_atomic_file_commit(um_atomic_file *file, um_error *error);

/* Give up: remove the temporary file and free `file`.  NULL is allowed. */
void um_atomic_file_discard(um_atomic_file *file);

/* Remove the temporary files of writers of `path` that were killed; a writer that lives keeps its
 * own.  Only for places where nobody else would use such names. */
um_status um_atomic_file_remove_leftovers(const char *path, um_error *error);

/* Open, write and commit in one call. */
um_status um_file_write(const char *path, const void *bytes, size_t length, um_error *error);

#endif
