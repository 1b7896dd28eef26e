/* The sets of kernels that this machine has, for tests that compare them. */
#ifndef UM_TESTS_KERNEL_SETS_H
#define UM_TESTS_KERNEL_SETS_H

#include "testing.h"

#include "kernels/kernels.h"

/* In ascending order of speed; each is on top of the one before. */
static const char *const kernel_set_names[] = {"reference", "portable", "avx2", "avx512"};

#define KERNEL_SETS (sizeof kernel_set_names / sizeof *kernel_set_names)

/* Whether this processor must have a set that is built for it. */
static inline bool has_fast_kernels(void) {
#if defined(__aarch64__)
    return true;
#elif defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

/* Fill all tables, of which the first ones, as many as are returned, differ: the last set that this
 * machine has takes the places of those that it lacks. */
static inline size_t fill_kernel_sets(um_kernels sets[KERNEL_SETS]) {
    bool (*const add[])(um_kernels * kernels) = {um_kernels_portable, um_kernels_avx2,
                                                 um_kernels_avx512};
    size_t available = 1;
    um_kernels_reference(&sets[0]);
    for (size_t i = 1; i < KERNEL_SETS; i++) {
        sets[i] = sets[i - 1];
        if (available == i && add[i - 1](&sets[i])) {
            available++;
        } else {
            print_message("skipped: this machine has no %s kernels\n", kernel_set_names[i]);
        }
    }
    return available;
}

#endif
