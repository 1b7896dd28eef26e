/* Threads for tasks that mostly wait for other processes rather than compute.
 *
 * Unlike the threads of a um_thread_pool, they sleep while idle, and so does the caller while they
 * work.  No task runs on the caller's thread: whatever a task starts and ties to its thread lives
 * as long as the crew. */
#ifndef UM_BASE_CREW_H
#define UM_BASE_CREW_H

#include <stddef.h>

#include "base/status.h"
#include "base/thread_pool.h"

typedef struct um_crew um_crew;

/* `threads` of 0 means one per usable processor. */
um_status um_crew_create(size_t threads, um_crew **crew, um_error *error);

/* NULL is allowed. */
void um_crew_free(um_crew *crew);

size_t um_crew_size(const um_crew *crew);

/* Run tasks 0 .. count-1 and return when all are done; the function's `worker` is the number of its
 * thread, below um_crew_size.  Only one thread may call this at a time, and a task must not. */
void um_crew_run(um_crew *crew, size_t count, um_task_function *function, void *user);

#endif
