/* Which system calls a sandboxed process may make: those that Python needs, and no others. */
#ifndef UM_JUDGE_SECCOMP_FILTER_H
#define UM_JUDGE_SECCOMP_FILTER_H

#include "base/buffer.h"
#include "base/status.h"

/* Who the filter is for. */
typedef enum um_seccomp_role {
    UM_SECCOMP_PROGRAM, /* one process, threads at most: no fork, exec, signals or sockets */
    UM_SECCOMP_FRESH,   /* as a program, but may execute the interpreter that it becomes */
    UM_SECCOMP_ZYGOTE,  /* executes the interpreter, forks, ends its children, sets their filter */
    UM_SECCOMP_TESTS    /* as a fresh interpreter, and may receive descriptors */
} um_seccomp_role;
#define UM_SECCOMP_ROLES 4

/* Append the filter for this machine's system calls: an array of struct sock_filter, 8 bytes each.
 * A forbidden call fails with EPERM if it is one that programs try, and with ENOSYS otherwise, so
 * that the C library falls back to an older one.  With `read_only` no file can be opened for
 * writing or changed by its name, for where neither mounts nor Landlock see to that. */
um_status um_seccomp_filter_build(um_seccomp_role role, bool read_only, um_buffer *filter,
                                  um_error *error);

#endif
