#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

um_status um_kernels_select(const char *set, um_kernels *kernels, um_error *error) {
    if (!set || !*set) {
        set = getenv("UNMASK_KERNELS");
    }
    um_kernels_reference(kernels);
    if (!set || !*set) {
        (void)um_kernels_avx2(kernels);
        return UM_OK;
    }
    if (strcmp(set, "reference") == 0) {
        return UM_OK;
    }
    if (strcmp(set, "avx2") != 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "kernel set \"%s\" is unknown: use \"reference\" or \"avx2\"", set);
    }
    if (!um_kernels_avx2(kernels)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "kernel set \"avx2\": this processor or build does not have it");
    }
    return UM_OK;
}
