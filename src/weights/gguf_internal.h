/* Shared by the files that read GGUF. */
#ifndef UM_WEIGHTS_GGUF_INTERNAL_H
#define UM_WEIGHTS_GGUF_INTERNAL_H

#include "weights/gguf.h"

/* A little-endian number of `bytes` bytes, at most 8. */
uint64_t um_gguf_unsigned(const uint8_t *data, size_t bytes);

/* Bytes of a value; 0 for strings and arrays. */
size_t um_gguf_type_bytes(um_gguf_type type);

/* Like strcmp, over bytes. */
int um_gguf_compare_strings(um_gguf_string left, um_gguf_string right);

#endif
