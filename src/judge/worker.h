/* A place where attempts are judged: one process for the program and one for the tests. */
#ifndef UM_JUDGE_WORKER_H
#define UM_JUDGE_WORKER_H

#include "base/buffer.h"
#include "judge/channel.h"
#include "judge/judge.h"
#include "judge/sandbox.h"

/* The two processes of a trial. */
typedef enum um_worker_side { UM_WORKER_PROGRAM, UM_WORKER_TESTS } um_worker_side;
#define UM_WORKER_SIDES 2

/* A warm interpreter; pid 0: none. */
typedef struct um_warm_interpreter {
    pid_t pid;
    int control;
} um_warm_interpreter;

/* The Python source of each side's warm and fresh interpreters; made once for all workers. */
typedef struct um_worker_sources {
    um_buffer warm[UM_WORKER_SIDES];
    um_buffer fresh[UM_WORKER_SIDES];
} um_worker_sources;

um_status um_worker_sources_create(um_worker_sources *sources, um_error *error);
void um_worker_sources_free(um_worker_sources *sources);

typedef struct um_worker {
    const um_sandbox *sandbox;
    const um_worker_sources *sources;
    const um_judge_options *options;
    um_warm_interpreter warm[UM_WORKER_SIDES];
    um_buffer program; /* scratch */
    um_buffer job;
} um_worker;

/* Start the warm interpreters that are not running. */
um_status um_worker_warm_up(um_worker *worker, um_error *error);

/* End the worker's processes.  A zeroed worker is allowed. */
void um_worker_close(um_worker *worker);

/* Judge one attempt.  `wanted` is as in um_channel_wait; UM_ERR_CANCELLED if it returns false.
 * UM_ERR_UNSUPPORTED and UM_ERR_IO: the sandbox could not be started. */
um_status um_worker_judge(um_worker *worker, const um_attempt *attempt, bool (*wanted)(void *user),
                          void *user, um_judgement *result, um_error *error);

#endif
