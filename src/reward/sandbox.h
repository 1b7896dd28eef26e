/* How strongly a program that a model wrote is confined; docs/SANDBOX.md has the threat model. */
#ifndef UM_REWARD_SANDBOX_H
#define UM_REWARD_SANDBOX_H

#include "base/status.h"

/* From strong to weak.  Each has the resource limits, closed descriptors and a fixed environment.
 */
typedef enum um_sandbox_level {
    UM_SANDBOX_FULL,       /* namespaces, a private root, Landlock and seccomp */
    UM_SANDBOX_NAMESPACES, /* as full, without Landlock */
    UM_SANDBOX_BUBBLEWRAP, /* bwrap makes namespaces and root; seccomp */
    UM_SANDBOX_SECCOMP,    /* seccomp, and Landlock where the kernel has it */
    UM_SANDBOX_NONE        /* resource limits alone: for programs that one trusts */
} um_sandbox_level;

/* "full", "namespaces", "bubblewrap", "seccomp" or "none". */
const char *um_sandbox_level_name(um_sandbox_level level);

/* The level of that name into *level; false, with *level untouched, where there is none. */
bool um_sandbox_level_from_name(const char *name, um_sandbox_level *level);

#endif
