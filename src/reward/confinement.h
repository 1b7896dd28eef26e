/* The steps by which a new process confines itself.  They run between clone and exec in a copy of a
 * process that may have many threads: system calls only, no memory from the heap, no locks.  Each
 * returns 0 or an errno value. */
#ifndef UM_REWARD_CONFINEMENT_H
#define UM_REWARD_CONFINEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the private /tmp. */
#define UM_SCRATCH_BYTES 8388608

/* In a new mount namespace: make a root that has /usr, the links into it, three devices and,
 * writable, an empty /tmp, and nothing of the old one. */
int um_confine_root(void);

/* Landlock's version, or 0 where the kernel has none. */
int um_landlock_version(void);

/* Leave read and execute of /usr and the library folders, write of /tmp where `scratch`, and of
 * /dev/null; no network.  Needs no_new_privs. */
int um_confine_landlock(bool scratch);

typedef struct um_process_limits {
    size_t memory_bytes;  /* address space */
    size_t file_bytes;    /* largest file */
    unsigned cpu_seconds; /* 0: none, for one that sets those of its children */
} um_process_limits;

int um_confine_limits(const um_process_limits *limits);

/* Load `bytes` of struct sock_filter.  Needs no_new_privs. */
int um_confine_seccomp(const void *filter, size_t bytes);

#endif
