/* How many processes were started together with this one, according to the environment variables
 * that launchers set. */
#ifndef UM_COLLECTIVE_LAUNCH_H
#define UM_COLLECTIVE_LAUNCH_H

#include "base/status.h"

/* How many processes mpirun (Open MPI, or one that speaks PMI) or Slurm's srun started, this one
 * included; 1 if none did.  A batch script that Slurm runs is one process, whatever it starts. */
size_t um_launch_processes(void);

/* The number of this process among them, from 0; for messages before they are connected. */
size_t um_launch_rank(void);

#endif
