/* Which contents a file has, as one number: tells apart what differs by accident, not what somebody
 * forges. */
#ifndef UM_BASE_FILE_HASH_H
#define UM_BASE_FILE_HASH_H

#include "base/status.h"

/* `hash`, from UM_HASH_START on, with more bytes: FNV-1a over 64-bit words and the bytes that are
 * left. */
uint64_t um_hash_add_bytes(uint64_t hash, const void *data, size_t bytes);

/* The number of the regular file at `path`.  One of up to 256 MiB is read whole, a larger one in
 * 4096 places, so that weights take no longer than a moment. */
um_status um_file_hash(const char *path, uint64_t *hash, um_error *error);

#endif
