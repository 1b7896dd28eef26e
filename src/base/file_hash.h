/* The contents of a file as one number: detects accidental differences, not forgeries. */
#ifndef UM_BASE_FILE_HASH_H
#define UM_BASE_FILE_HASH_H

#include "base/status.h"

/* `hash` extended by more bytes: FNV-1a over 64-bit words, then over the remaining bytes.  The
 * first `hash` is UM_HASH_START. */
uint64_t um_hash_add_bytes(uint64_t hash, const void *data, size_t bytes);

/* The hash of the regular file at `path`.  A file of up to 256 MiB is read whole, a larger one at
 * 4096 places only, so that hashing weights stays quick. */
um_status um_file_hash(const char *path, uint64_t *hash, um_error *error);

/* The same for one of `files` files (at least 1) that are hashed one after the other: the 4096
 * places, of 64 KiB, are shared out among them, but each file has at least 16.  A file that is no
 * longer than its places is read whole. */
um_status um_file_hash_among(const char *path, size_t files, uint64_t *hash, um_error *error);

#endif
