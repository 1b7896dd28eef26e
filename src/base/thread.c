#include "base/thread.h"

#include <signal.h>

int um_thread_start(pthread_t *thread, void *(*run)(void *), void *user) {
    /* What a thread does itself stays deliverable to it: blocked, it would end the process. */
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t others;
    sigset_t before;
    (void)sigfillset(&others);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        (void)sigdelset(&others, own[i]);
    }
    const int failure = pthread_sigmask(SIG_BLOCK, &others, &before);
    if (failure != 0) {
        return failure;
    }
    const int reason = pthread_create(thread, NULL, run, user);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reason;
}
