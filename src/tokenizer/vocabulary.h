/* Token ids and the bytes they stand for, both ways. */
#ifndef UM_TOKENIZER_VOCABULARY_H
#define UM_TOKENIZER_VOCABULARY_H

#include "base/status.h"

/* Maximum number of ids; a file that names a higher id is rejected. */
#define UM_VOCABULARY_MAXIMUM_SIZE ((size_t)1 << 21)

/* Zero-initialise; release with um_vocabulary_free. */
typedef struct um_vocabulary {
    char *bytes; /* all tokens, one after another */
    size_t bytes_length;
    size_t bytes_capacity;
    struct um_vocabulary_entry *entries; /* [size] */
    size_t size;                         /* one more than the largest id */
    size_t capacity;
    struct um_vocabulary_slot *slots; /* [slot_count] by the hash of the bytes */
    size_t slot_count;                /* zero or a power of two */
    size_t hashed;
} um_vocabulary;

/* Make room in the index for `count` tokens in all. */
um_status um_vocabulary_reserve(um_vocabulary *vocabulary, size_t count, um_error *error);

/* Give `id` its bytes.  A `searchable` token is found by um_vocabulary_find; the others (added
 * tokens, and entries that no bytes can spell) are only looked up by id.  UM_ERR_FORMAT if the id
 * already stands for other bytes, or searchable bytes for another id. */
um_status um_vocabulary_add(um_vocabulary *vocabulary, int64_t id, const char *bytes, size_t length,
                            bool searchable, um_error *error);

/* The searchable token with exactly these bytes, or -1. */
int32_t um_vocabulary_find(const um_vocabulary *vocabulary, const char *bytes, size_t length);

/* The bytes of `id` (owned by the vocabulary, not NUL-terminated) and their number; false if no
 * token has that id. */
bool um_vocabulary_bytes(const um_vocabulary *vocabulary, int32_t id, const char **bytes,
                         size_t *length);

void um_vocabulary_free(um_vocabulary *vocabulary);

#endif
