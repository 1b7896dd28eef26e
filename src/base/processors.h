/* The processors of the machine, and those that this process may use. */
#ifndef UM_BASE_PROCESSORS_H
#define UM_BASE_PROCESSORS_H

#include "base/status.h"

/* At least 1. */
size_t um_online_processors(void);

/* As many as the process is bound to (taskset, cpusets), but no more than its control group and
 * those around it give it time for (cpu.max of cgroup v2, which `docker --cpus` sets), rounded up.
 * At least 1. */
size_t um_usable_processors(void);

/* A part, also used by tests: the processors for which a text like that of cpu.max, a quota and a
 * period, gives time, rounded up; 0 for "max" or anything else. */
size_t um_quota_processors(const char *text);

#endif
