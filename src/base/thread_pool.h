/* A fixed set of worker threads that share numbered tasks among themselves.
 *
 * The result of a task may depend on its number only, never on the thread that runs it, so results
 * are the same for any number of threads. */
#ifndef UM_BASE_THREAD_POOL_H
#define UM_BASE_THREAD_POOL_H

#include "base/status.h"

/* The number of threads that `asked` means: itself, or one per usable processor
 * (processors.h), as far as `maximum` allows, for 0.
 * UM_ERR_LIMIT: more than `maximum`. */
um_status um_thread_count(size_t asked, size_t maximum, size_t *threads, um_error *error);

typedef struct um_thread_pool um_thread_pool;

/* One task; `worker` in [0, threads) selects the scratch memory that it may use. */
typedef void um_task_function(void *user, size_t task, size_t worker);

/* `threads` of 0 means one per usable processor.  The caller's thread is one of them. */
um_status um_thread_pool_create(size_t threads, um_thread_pool **pool, um_error *error);
void um_thread_pool_free(um_thread_pool *pool);

size_t um_thread_pool_size(const um_thread_pool *pool);

/* Run tasks 0 .. count-1 and return when all are done.  Only one thread may call this at a time for
 * one pool, and a task may not call it for its own pool.  With a NULL pool the calling thread runs
 * all tasks. */
void um_thread_pool_run(um_thread_pool *pool, size_t count, um_task_function *function, void *user);

#endif
