/* The steps by which a new process confines itself.  They run between clone and exec in a copy of a
 * process that may have many threads: system calls only, no heap memory, no locks.  Each returns 0
 * or an errno value. */
#ifndef UM_JUDGE_CONFINEMENT_H
#define UM_JUDGE_CONFINEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the private /tmp. */
#define UM_SCRATCH_BYTES 8388608

/* In a new mount namespace: make a root with /usr, the links into it, /etc/alternatives, three
 * devices and an empty, writable /tmp, and with nothing else of the old root. */
int um_confine_root(void);

/* Landlock's version, or 0 if the kernel has none. */
int um_landlock_version(void);

/* Allow only reading and executing /usr and the library folders, reading the three devices, writing
 * /dev/null, and writing /tmp if `scratch`; from version 4 on also refuse TCP.  Needs
 * no_new_privs. */
int um_confine_landlock(bool scratch);

typedef struct um_process_limits {
    size_t memory_bytes;  /* address space */
    size_t file_bytes;    /* largest file */
    unsigned cpu_seconds; /* 0: no limit, for a process that limits its children itself */
    unsigned threads;     /* of the user in its namespace; with cpu_seconds 0 there is no limit */
} um_process_limits;

int um_confine_limits(const um_process_limits *limits);

/* Load a filter: `bytes` bytes of struct sock_filter.  Needs no_new_privs. */
int um_confine_seccomp(const void *filter, size_t bytes);

#endif
