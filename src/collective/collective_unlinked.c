/* The program was built without MPI. */
#include "collective/collective.h"

um_status um_collective_mpi_create(size_t processes, const um_collective_watch *watch,
                                   um_collective **collective, um_error *error) {
    (void)watch;
    *collective = NULL;
    return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                    "%zu processes are to train together, but this unmask was built without MPI; "
                    "install libopenmpi-dev and build again with -DUNMASK_MPI=ON, or start one "
                    "process",
                    processes);
}

bool um_collective_mpi_is_built(void) {
    return false;
}
