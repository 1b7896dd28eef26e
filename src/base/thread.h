/* Threads that leave signals to the others. */
#ifndef UM_BASE_THREAD_H
#define UM_BASE_THREAD_H

#include <pthread.h>
#include <time.h>

/* As pthread_create, with default attributes, but the thread takes no signal that the process is
 * sent: those reach a thread of the program's own, which may be waiting for them.  Returns an errno
 * value, or 0. */
int um_thread_start(pthread_t *thread, void *(*run)(void *), void *user);

/* As pthread_cond_init, but timed waits are until a um_moment_after: they do not depend on the
 * clock of the day, which may be set.  Returns an errno value, or 0. */
int um_condition_init(pthread_cond_t *condition);

/* The moment in so many milliseconds, for pthread_cond_timedwait. */
struct timespec um_moment_after(int milliseconds);

#endif
