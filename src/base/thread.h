/* Threads that leave signals to the others. */
#ifndef UM_BASE_THREAD_H
#define UM_BASE_THREAD_H

#include <pthread.h>

/* As pthread_create, with default attributes, but the thread takes no signal that the process is
 * sent: those reach a thread of the program's own, which may be waiting for them.  Returns an errno
 * value, or 0. */
int um_thread_start(pthread_t *thread, void *(*run)(void *), void *user);

#endif
