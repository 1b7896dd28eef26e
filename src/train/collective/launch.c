#include "train/collective/launch.h"

#include <stdlib.h>

static size_t number_of(const char *name) {
    const char *value = getenv(name);
    const long number = value ? strtol(value, NULL, 10) : 0;
    return number > 0 ? (size_t)number : 0;
}

size_t um_launch_processes(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", /* Open MPI's mpirun */
                                        "PMI_SIZE", /* MPICH's mpirun, and srun --mpi=pmi2 */
                                        "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (number_of(names[i]) > 1) {
            return number_of(names[i]);
        }
    }
    return 1;
}

size_t um_launch_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (number_of(names[i]) > 0) {
            return number_of(names[i]);
        }
    }
    return 0;
}
