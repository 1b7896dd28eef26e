#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

static um_status not_available(const char *set, um_error *error) {
    return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                    "kernel set \"%s\": this processor or build does not have it", set);
}

um_status um_kernels_select(const char *set, um_kernels *kernels, um_error *error) {
    if (!set || !*set) {
        set = getenv("UNMASK_KERNELS");
    }
    um_kernels_reference(kernels);
    if (!set || !*set) {
        (void)(um_kernels_avx2(kernels) && um_kernels_avx512(kernels));
        return UM_OK;
    }
    if (strcmp(set, "reference") == 0) {
        return UM_OK;
    }
    if (strcmp(set, "avx2") == 0) {
        return um_kernels_avx2(kernels) ? UM_OK : not_available(set, error);
    }
    if (strcmp(set, "avx512") == 0) {
        const bool available = um_kernels_avx2(kernels) && um_kernels_avx512(kernels);
        return available ? UM_OK : not_available(set, error);
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "kernel set \"%s\" is unknown: use \"reference\", \"avx2\" or \"avx512\"", set);
}
