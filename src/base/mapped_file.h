/* Reading whole files: weights are mapped, small files copied. */
#ifndef UM_BASE_MAPPED_FILE_H
#define UM_BASE_MAPPED_FILE_H

#include "base/buffer.h"
#include "base/status.h"

typedef struct um_mapped_file {
    const uint8_t *data; /* `size` bytes; NULL for an empty file */
    size_t size;
} um_mapped_file;

/* Map the regular file at `path`.  The mapping stays valid after the file is unlinked,
 * but not after it is truncated: checkpoints are replaced by rename, never in place. */
um_status um_mapped_file_open(const char *path, um_mapped_file *file, um_error *error);
void um_mapped_file_close(um_mapped_file *file);

/* Release the memory of mapped bytes that are not needed for now: the whole pages within the
 * `bytes` at `data` no longer count as memory of the process, and are read again when touched. */
void um_mapped_bytes_release(const void *data, size_t bytes);

/* Append the contents of `path` ("-" for standard input) to `buffer`;
 * UM_ERR_LIMIT when it holds more than `maximum` bytes. */
um_status um_file_read(const char *path, size_t maximum, um_buffer *buffer, um_error *error);

/* Whether something exists at directory/name. */
bool um_file_exists(const char *directory, const char *name);

/* Write directory + "/" + name into `path`; UM_ERR_LIMIT if it does not fit. */
um_status um_path_join(char *path, size_t path_size, const char *directory, const char *name,
                       um_error *error);

#endif
