/* Arrays that touch an unreadable page, so that a kernel which reads or writes one element too
 * many is killed. */
#ifndef UM_TESTS_GUARDED_H
#define UM_TESTS_GUARDED_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testing.h"

typedef enum guard_side {
    GUARD_BEHIND, /* the array ends where the unreadable page starts */
    GUARD_BEFORE  /* the array starts where the unreadable page ends */
} guard_side;

#define GUARDED_ARRAYS 64

/* The arrays of one test, all guarded on the same side. */
typedef struct guarded_set {
    guard_side side;
    size_t count;
    void *maps[GUARDED_ARRAYS];
    size_t sizes[GUARDED_ARRAYS];
} guarded_set;

/* Zeroed memory, released with the set. */
static inline void *guarded_bytes(guarded_set *set, size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inside = (bytes + page - 1) / page * page;
    assert_true(set->count < GUARDED_ARRAYS);
    char *map = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    if (inside > 0) {
        assert_int_equal(mprotect(map + page, inside, PROT_READ | PROT_WRITE), 0);
    }
    set->maps[set->count] = map;
    set->sizes[set->count++] = inside + 2 * page;
    return set->side == GUARD_BEHIND ? map + page + inside - bytes : map + page;
}

static inline float *guarded_floats(guarded_set *set, size_t count) {
    return guarded_bytes(set, count * sizeof(float));
}

static inline float *guarded_copy(guarded_set *set, size_t count, const float *source) {
    float *copy = guarded_floats(set, count);
    memcpy(copy, source, count * sizeof *copy);
    return copy;
}

static inline void guarded_free(guarded_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        assert_int_equal(munmap(set->maps[i], set->sizes[i]), 0);
    }
    set->count = 0;
}

#endif
