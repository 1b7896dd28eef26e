/* Allocation and arithmetic on sizes that come from files. */
#ifndef UM_BASE_MEMORY_H
#define UM_BASE_MEMORY_H

#include "base/status.h"

/* Alignment of every array that kernels read, in bytes (one cache line). */
#define UM_ALIGNMENT 64

/* *out = a + b or a * b; false, with *out untouched, if the result does not fit. */
bool um_size_add(size_t a, size_t b, size_t *out);
bool um_size_multiply(size_t a, size_t b, size_t *out);

size_t um_size_smaller(size_t a, size_t b);

/* a / b rounded up, for b > 0: the number of tiles of b that cover a. */
size_t um_size_divide_up(size_t a, size_t b);

/* The smallest multiple of `unit` that is not below `size`; `size` must be far from SIZE_MAX. */
size_t um_size_round_up(size_t size, size_t unit);

/* Zeroed memory for `count` elements of `size` bytes, aligned to UM_ALIGNMENT; NULL when out of
 * memory or if the product overflows.  Release with free(). */
void *um_aligned_calloc(size_t count, size_t size);

/* Like um_aligned_calloc, but sets the pointer at `out_pointer` (NULL on failure) and reports
 * failure as an error that names `what`.  A count of 0 gives a valid pointer that must not be
 * read. */
um_status um_allocate(void *out_pointer, size_t count, size_t size, const char *what,
                      um_error *error);

/* Grow the array whose pointer is at `array_pointer` (*capacity elements of `size` bytes) to hold
 * at least `needed` elements.  The contents stay; new elements are not cleared.  Plain realloc
 * alignment. */
um_status um_grow(void *array_pointer, size_t *capacity, size_t needed, size_t size,
                  const char *what, um_error *error);

#endif
