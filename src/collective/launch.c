#include "collective/launch.h"

#include <stdlib.h>

static size_t number_of(const char *name) {
    const char *value = getenv(name);
    const long number = value ? strtol(value, NULL, 10) : 0;
    return number > 0 ? (size_t)number : 0;
}

/* The variables of one launcher. */
typedef struct launcher {
    const char *processes;
    const char *rank;
} launcher;

static const launcher launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, /* Open MPI's mpirun */
    {"PMI_SIZE", "PMI_RANK"},                         /* MPICH's mpirun, and srun --mpi=pmi2 */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};

/* The first that started several processes; NULL if none did.  What another one left in the
 * environment, such as the Slurm job that mpirun runs in, says nothing about them. */
static const launcher *find_launcher(void) {
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        if (number_of(launchers[i].processes) > 1) {
            return &launchers[i];
        }
    }
    return NULL;
}

size_t um_launch_processes(void) {
    const launcher *found = find_launcher();
    return found ? number_of(found->processes) : 1;
}

size_t um_launch_rank(void) {
    const launcher *found = find_launcher();
    return found ? number_of(found->rank) : 0;
}
