/* Files that appear whole or not at all: a temporary file beside the target,
 * then fsync, rename, and fsync of the directory. */
#ifndef UM_BASE_ATOMIC_FILE_H
#define UM_BASE_ATOMIC_FILE_H

#include "base/status.h"

typedef struct um_atomic_file um_atomic_file;

/* Start writing the future contents of `path`.  Until um_atomic_file_commit nothing is visible
 * there, and an existing file stays as it was; its permissions are those of the new one.  If `path`
 * is a link to a file, that file is replaced and the link stays; if it exists but is not a regular
 * file, that is an error. */
um_status um_atomic_file_open(const char *path, um_atomic_file **file, um_error *error);

um_status um_atomic_file_write(um_atomic_file *file, const void *bytes, size_t length,
                               um_error *error);

/* Make the file durable and close it, still under its temporary name.  This is for files that shall
 * appear together: seal each one, then call um_atomic_file_commit on all of them.  A sealed file is
 * no longer locked, so um_atomic_file_remove_leftovers would remove it.  After a failure it can
 * only be discarded. */
um_status um_atomic_file_seal(um_atomic_file *file, um_error *error);

/* Make the file durable and visible.  Frees `file`, whatever the outcome. */
um_status um_atomic_file_commit(um_atomic_file *file, um_error *error);

/* Give up: remove the temporary file and free `file`.  NULL is allowed. */
void um_atomic_file_discard(um_atomic_file *file);

/* Remove the temporary files that killed writers of `path` left behind; a live writer keeps its
 * own.  Use it only where nobody else would use such names. */
um_status um_atomic_file_remove_leftovers(const char *path, um_error *error);

/* Open, write and commit in one call. */
um_status um_file_write(const char *path, const void *bytes, size_t length, um_error *error);

#endif
