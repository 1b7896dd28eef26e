/* A child process and what it used. */
#ifndef UM_CLI_BENCH_BENCH_PROCESS_H
#define UM_CLI_BENCH_BENCH_PROCESS_H

#include "base/buffer.h"
#include "base/status.h"

typedef struct um_process_usage {
    double wall;   /* seconds from its start to its end */
    double cpu;    /* seconds of processor time, including that of processes it waited for */
    double memory; /* peak resident bytes of the largest of these processes */
} um_process_usage;

/* Run `arguments` (NULL-terminated, the first one a path or a name to look up) to the end, without
 * input.  `output` (or NULL) receives its standard output; its standard error is used for messages
 * only.  `name` stands for it in messages.
 *
 * The system counts the memory of a process from that of its parent on, so the parent should be
 * small.
 *
 * UM_ERR_IO: it could not be started or did not succeed; UM_ERR_CANCELLED: it or this program was
 * interrupted. */
um_status um_process_measure(char *const *arguments, const char *name, um_buffer *output,
                             um_process_usage *usage, um_error *error);

#endif
