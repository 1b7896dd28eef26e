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

int um_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int failure = pthread_condattr_init(&attributes);
    if (failure != 0) {
        return failure;
    }
    failure = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (failure == 0) {
        failure = pthread_cond_init(condition, &attributes);
    }
    (void)pthread_condattr_destroy(&attributes);
    return failure;
}

struct timespec um_moment_after(int milliseconds) {
    struct timespec moment;
    (void)clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_nsec += milliseconds % 1000 * 1000000L;
    moment.tv_sec += milliseconds / 1000 + moment.tv_nsec / 1000000000L;
    moment.tv_nsec %= 1000000000L;
    return moment;
}
