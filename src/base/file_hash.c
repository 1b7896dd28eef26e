#include "base/file_hash.h"

#include <string.h>

#include "base/hash.h"
#include "base/mapped_file.h"

#define PIECES 4096
#define FEWEST_PIECES 16
#define PIECE_BYTES ((size_t)64 << 10)

uint64_t um_hash_add_bytes(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *next = data;
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), next += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, next, sizeof word);
        hash = um_hash_add(hash, word);
    }
    for (; bytes > 0; bytes--) {
        hash = um_hash_add(hash, *next++);
    }
    return hash;
}

static uint64_t hash_of_contents(const um_mapped_file *file, size_t pieces) {
    uint64_t hash = um_hash_add_bytes(UM_HASH_START, &file->size, sizeof file->size);
    if (file->size <= pieces * PIECE_BYTES) {
        return um_hash_add_bytes(hash, file->data, file->size);
    }
    const size_t stride = (file->size - PIECE_BYTES) / (pieces - 1);
    for (size_t i = 0; i < pieces; i++) {
        hash = um_hash_add_bytes(hash, file->data + i * stride, PIECE_BYTES);
    }
    return hash;
}

um_status um_file_hash_among(const char *path, size_t files, uint64_t *hash, um_error *error) {
    um_mapped_file file = {0};
    const size_t share = PIECES / files;
    UM_TRY(um_mapped_file_open(path, &file, error));
    *hash = hash_of_contents(&file, share > FEWEST_PIECES ? share : FEWEST_PIECES);
    um_mapped_file_close(&file);
    return UM_OK;
}

um_status um_file_hash(const char *path, uint64_t *hash, um_error *error) {
    return um_file_hash_among(path, 1, hash, error);
}
