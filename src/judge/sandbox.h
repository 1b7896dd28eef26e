/* How strongly a program that a model wrote is confined, and how to run confined processes.
 * docs/SANDBOX.md describes the threat model. */
#ifndef UM_JUDGE_SANDBOX_H
#define UM_JUDGE_SANDBOX_H

#include <sys/types.h>

#include "base/status.h"
#include "judge/seccomp_filter.h"

/* From strong to weak.  Every level has resource limits, closed descriptors and a fixed
 * environment. */
typedef enum um_sandbox_level {
    UM_SANDBOX_FULL,       /* namespaces, a private root, Landlock and seccomp */
    UM_SANDBOX_NAMESPACES, /* as full, without Landlock */
    UM_SANDBOX_BUBBLEWRAP, /* bwrap makes the namespaces and the root; seccomp */
    UM_SANDBOX_SECCOMP,    /* seccomp, and Landlock if the kernel has it */
    UM_SANDBOX_NONE        /* resource limits only: for trusted programs */
} um_sandbox_level;

/* Set *level to the level of that name ("full", "namespaces", "bubblewrap", "seccomp" or "none");
 * false, with *level untouched, if there is none. */
bool um_sandbox_level_from_name(const char *name, um_sandbox_level *level);

/* The name of a level. */
const char *um_sandbox_level_name(um_sandbox_level level);

/* ---- For the judge ---------------------------------------------------------- */

/* What all processes of a judge share. */
typedef struct um_sandbox um_sandbox;

/* `python` is the path of the interpreter, below /usr; `memory_bytes` bounds the address space of
 * each process.  UM_ERR_UNSUPPORTED if bubblewrap or Python is missing; um_sandbox_start finds
 * whatever else the system lacks. */
um_status um_sandbox_create(um_sandbox_level level, const char *python, size_t memory_bytes,
                            um_sandbox **sandbox, um_error *error);
void um_sandbox_free(um_sandbox *sandbox);

/* One line: what confines the programs and, below the level full, what does not. */
const char *um_sandbox_text(const um_sandbox *sandbox);

/* Whether programs have a private, writable /tmp. */
bool um_sandbox_has_scratch(const um_sandbox *sandbox);

/* The most threads of a program.  Without a user namespace of its own the kernel counts all
 * processes and threads of the user with them, so this is more then. */
unsigned um_sandbox_threads(const um_sandbox *sandbox);

/* The filter that takes fork, exec and signals away from a child of a zygote: an array of struct
 * sock_filter, or nothing at level none. */
const char *um_sandbox_child_filter(const um_sandbox *sandbox, size_t *bytes);

typedef struct um_sandbox_process {
    const char *source;     /* Python text */
    const int *descriptors; /* become 3, 4, ... */
    size_t descriptor_count;
    um_seccomp_role role; /* FRESH for a fresh interpreter, ZYGOTE or TESTS for a warm one */
    unsigned cpu_seconds; /* 0 for a warm interpreter */
} um_sandbox_process;

/* Start an interpreter with process->source, and return once it runs.  Standard input, output and
 * error are /dev/null.  The interpreter ends when the calling thread does, or by um_sandbox_end
 * with *pid.  UM_ERR_UNSUPPORTED: the system lacks a part of the level, which the message names;
 * UM_ERR_IO. */
um_status um_sandbox_start(const um_sandbox *sandbox, const um_sandbox_process *process, pid_t *pid,
                           um_error *error);

/* Kill the process with all that it started, and wait for it.  Returns its wait status, also if it
 * had already ended. */
int um_sandbox_end(const um_sandbox *sandbox, pid_t pid);

#endif
