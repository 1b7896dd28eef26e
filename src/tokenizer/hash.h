/* A 64-bit hash of short byte strings and of integers, for tables in memory only. */
#ifndef UM_TOKENIZER_HASH_H
#define UM_TOKENIZER_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Spread every input bit over the high half, then fold it down: tables use the low bits. */
static inline uint64_t um_hash_integer(uint64_t value) {
    value *= UINT64_C(0x9E3779B97F4A7C15);
    value ^= value >> 32;
    return value;
}

static inline uint64_t um_hash_bytes(const char *bytes, size_t length) {
    uint64_t hash = um_hash_integer(length + 1);
    while (length >= 8) {
        uint64_t word = 0;
        memcpy(&word, bytes, 8);
        hash = um_hash_integer(hash ^ word);
        bytes += 8;
        length -= 8;
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < length; i++) {
        tail = tail << 8 | (uint8_t)bytes[i];
    }
    return um_hash_integer(um_hash_integer(hash ^ tail));
}

#endif
