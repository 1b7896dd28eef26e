/* Builds GGUF files byte by byte, for tests with files that no writer would write. */
#ifndef UM_TESTS_GGUF_BUILDING_H
#define UM_TESTS_GGUF_BUILDING_H

#include <string.h>

#include "testing.h"

#include "base/buffer.h"

/* A little-endian number; bytes beyond the eighth are zero. */
static inline void gguf_number(um_buffer *bytes, uint64_t value, size_t size) {
    um_error error = {0};
    for (size_t i = 0; i < size; i++) {
        const uint64_t shifted = i < 8 ? value >> (8 * i) : 0;
        const char byte = (char)(shifted & 0xFF);
        assert_ok(um_buffer_append(bytes, &byte, 1, &error), &error);
    }
}

static inline void gguf_string(um_buffer *bytes, const char *text) {
    um_error error = {0};
    gguf_number(bytes, strlen(text), 8);
    assert_ok(um_buffer_append_text(bytes, text, &error), &error);
}

static inline um_buffer gguf_start(uint32_t version, uint64_t tensors, uint64_t entries) {
    um_buffer bytes = {0};
    um_error error = {0};
    assert_ok(um_buffer_append_text(&bytes, "GGUF", &error), &error);
    gguf_number(&bytes, version, 4);
    gguf_number(&bytes, tensors, 8);
    gguf_number(&bytes, entries, 8);
    return bytes;
}

static inline void gguf_key(um_buffer *bytes, const char *key, uint32_t type) {
    gguf_string(bytes, key);
    gguf_number(bytes, type, 4);
}

static inline void gguf_pad(um_buffer *bytes, size_t alignment) {
    gguf_number(bytes, 0, (alignment - bytes->length % alignment) % alignment);
}

#endif
