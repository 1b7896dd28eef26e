/* Which processes were started together with this one, by what launchers leave in the
 * environment. */
#ifndef UM_TRAIN_COLLECTIVE_LAUNCH_H
#define UM_TRAIN_COLLECTIVE_LAUNCH_H

#include "base/status.h"

/* How many processes mpirun (Open MPI, or one that speaks PMI) or Slurm's srun started, this one
 * included; 1 where none did.  A batch script that Slurm runs is one process, whatever it may
 * start. */
size_t um_launch_processes(void);

/* The number of this one among them, from 0, before they are connected; for messages. */
size_t um_launch_rank(void);

#endif
