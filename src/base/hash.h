/* FNV-1a, one unit at a time: detects accidental differences, not forgeries. */
#ifndef UM_BASE_HASH_H
#define UM_BASE_HASH_H

#include <stdint.h>

#define UM_HASH_START ((uint64_t)14695981039346656037u)

/* `hash` extended by one more byte or word; the first `hash` is UM_HASH_START. */
static inline uint64_t um_hash_add(uint64_t hash, uint64_t unit) {
    return (hash ^ unit) * 1099511628211u;
}

#endif
