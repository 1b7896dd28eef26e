#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

bool um_size_add(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) {
        return false;
    }
    *out = a + b;
    return true;
}

bool um_size_multiply(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

size_t um_size_smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t um_size_divide_up(size_t a, size_t b) {
    return a / b + (a % b != 0 ? 1 : 0);
}

size_t um_size_round_up(size_t size, size_t unit) {
    return um_size_divide_up(size, unit) * unit;
}

void *um_aligned_calloc(size_t count, size_t size) {
    size_t bytes = 0;
    if (!um_size_multiply(count, size, &bytes) || bytes > SIZE_MAX - UM_ALIGNMENT) {
        return NULL;
    }
    bytes = um_size_round_up(bytes, UM_ALIGNMENT);
    if (bytes == 0) {
        bytes = UM_ALIGNMENT;
    }
    void *memory = NULL;
    if (posix_memalign(&memory, UM_ALIGNMENT, bytes) != 0) {
        return NULL;
    }
    memset(memory, 0, bytes);
    return memory;
}

um_status um_allocate(void *out_pointer, size_t count, size_t size, const char *what,
                      um_error *error) {
    void *memory = um_aligned_calloc(count, size);
    memcpy(out_pointer, &memory, sizeof memory);
    if (!memory) {
        size_t bytes = SIZE_MAX;
        (void)um_size_multiply(count, size, &bytes);
        return um_error_memory(error, what, bytes);
    }
    return UM_OK;
}

um_status um_grow(void *array_pointer, size_t *capacity, size_t needed, size_t size,
                  const char *what, um_error *error) {
    if (needed <= *capacity) {
        return UM_OK;
    }
    size_t count = *capacity < 16 ? 16 : *capacity;
    while (count < needed) {
        count = count > SIZE_MAX / 2 ? needed : count * 2;
    }
    size_t bytes = 0;
    if (!um_size_multiply(count, size, &bytes)) {
        return um_error_memory(error, what, SIZE_MAX);
    }
    void *memory = NULL;
    memcpy(&memory, array_pointer, sizeof memory);
    memory = realloc(memory, bytes);
    if (!memory) {
        return um_error_memory(error, what, bytes);
    }
    memcpy(array_pointer, &memory, sizeof memory);
    *capacity = count;
    return UM_OK;
}
