#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

static um_status not_available(const char *set, um_error *error) {
    return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                    "kernel set \"%s\": this processor or build does not have it", set);
}

/* Each set replaces entries of those before it, and is there only if they are. */
static const struct kernel_set {
    const char *name;
    bool (*add)(um_kernels *kernels);
} sets[] = {
    {"portable", um_kernels_portable},
    {"avx2", um_kernels_avx2},
    {"avx512", um_kernels_avx512},
};

um_status um_kernels_select(const char *set, um_kernels *kernels, um_error *error) {
    const char *wanted = set && *set ? set : getenv("UNMASK_KERNELS");
    const bool is_forced = wanted && *wanted;
    um_kernels_reference(kernels);
    if (is_forced && strcmp(wanted, kernels->name) == 0) {
        return UM_OK;
    }
    bool is_there = true;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        is_there = is_there && sets[i].add(kernels);
        if (is_forced && strcmp(wanted, sets[i].name) == 0) {
            return is_there ? UM_OK : not_available(wanted, error);
        }
    }
    if (!is_forced) {
        return UM_OK;
    }
    return UM_RAISE(
        error, UM_ERR_ARGUMENT,
        "kernel set \"%s\" is unknown: use \"reference\", \"portable\", \"avx2\" or \"avx512\"",
        wanted);
}
