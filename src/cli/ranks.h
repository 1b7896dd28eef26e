/* The processes ("ranks") of a command that mpirun or srun has started together. */
#ifndef UM_CLI_RANKS_H
#define UM_CLI_RANKS_H

#include "collective/collective.h"

typedef struct um_ranks {
    um_collective *collective;
    const char *output; /* borrowed: the run's directory */
    size_t saved_step;  /* of the state in it */
    bool keeps_all;     /* nothing that is done is done again */
} um_ranks;

/* Connect the processes that a launcher has started; without one, this process is alone.  There
 * must be `wanted` of them, unless that is 0.  *ranks must not move afterwards.  From now on
 * SIGUSR1 asks to stop as Ctrl-C does. */
um_status um_ranks_start(size_t wanted, const char *output, um_ranks *ranks, um_error *error);

/* Whether this is the process that reads state, writes and reports. */
bool um_ranks_first(const um_ranks *ranks);

/* Threads for this rank: its share of the machine's processors, but no more than it is bound to. */
size_t um_ranks_threads(const um_ranks *ranks);

/* The sum of a number over the ranks. */
um_status um_ranks_sum(um_ranks *ranks, double mine, double *sum, um_error *error);

/* Leave, after the work of all ranks or a failure (`status` and `error`), which one rank then
 * prints.  Ends the other ranks if they cannot go on.  Returns the exit code. */
int um_ranks_end(um_ranks *ranks, um_status status, const um_error *error);

#endif
