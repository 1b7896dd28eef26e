#include "train/completions/completion_grading.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

struct um_grading {
    um_grader grader;
    const um_attempt *attempts;
    um_judgement *judgements;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    size_t ready;
    bool closed; /* nothing more becomes ready */
    bool cancelled;
    um_status status; /* with its error, once the grader has failed */
    um_error error;
    double seconds; /* the thread's own until it has ended */
};

static bool go_on(void *user, size_t done, size_t total) {
    (void)done;
    (void)total;
    um_grading *grading = user;
    (void)pthread_mutex_lock(&grading->lock);
    const bool cancelled = grading->cancelled;
    (void)pthread_mutex_unlock(&grading->lock);
    return !cancelled;
}

/* Wait for more than `done` attempts; returns `done` where no more come. */
static size_t wait_for_more(um_grading *grading, size_t done) {
    (void)pthread_mutex_lock(&grading->lock);
    while (grading->ready == done && !grading->closed && !grading->cancelled) {
        (void)pthread_cond_wait(&grading->changed, &grading->lock);
    }
    const size_t ready = grading->cancelled ? done : grading->ready;
    (void)pthread_mutex_unlock(&grading->lock);
    return ready;
}

static void *work(void *user) {
    um_grading *grading = user;
    const um_watch watch = {.progress = go_on, .user = grading};
    um_status status = UM_OK;
    um_error error = {0};
    size_t ready = 0;
    for (size_t done = 0; status == UM_OK && (ready = wait_for_more(grading, done)) > done;
         done = ready) {
        const double start = um_clock_seconds();
        status = grading->grader.grade(grading->grader.user, grading->attempts + done, ready - done,
                                       grading->judgements + done, &watch, &error);
        grading->seconds += um_clock_seconds() - start;
    }
    (void)pthread_mutex_lock(&grading->lock);
    grading->status = status;
    grading->error = error;
    (void)pthread_mutex_unlock(&grading->lock);
    return NULL;
}

um_status um_grading_start(const um_grader *grader, const um_attempt *attempts,
                           um_judgement *judgements, um_grading **grading, um_error *error) {
    *grading = NULL;
    um_grading *started = calloc(1, sizeof *started);
    if (!started) {
        return um_error_memory(error, "grading", sizeof *started);
    }
    started->grader = *grader;
    started->attempts = attempts;
    started->judgements = judgements;
    (void)pthread_mutex_init(&started->lock, NULL);
    (void)pthread_cond_init(&started->changed, NULL);
    const int failure = pthread_create(&started->thread, NULL, work, started);
    if (failure != 0) {
        (void)pthread_cond_destroy(&started->changed);
        (void)pthread_mutex_destroy(&started->lock);
        free(started);
        return um_error_set_errno(error, failure, "cannot start a thread for rewards");
    }
    *grading = started;
    return UM_OK;
}

um_status um_grading_announce(um_grading *grading, size_t ready, um_error *error) {
    (void)pthread_mutex_lock(&grading->lock);
    grading->ready = ready;
    const um_status status = grading->status;
    if (status != UM_OK && error) {
        *error = grading->error;
    }
    (void)pthread_cond_signal(&grading->changed);
    (void)pthread_mutex_unlock(&grading->lock);
    return status;
}

um_status um_grading_finish(um_grading *grading, bool cancel, double *seconds, um_error *error) {
    if (!grading) {
        return UM_OK;
    }
    (void)pthread_mutex_lock(&grading->lock);
    grading->closed = true;
    grading->cancelled = cancel;
    (void)pthread_cond_signal(&grading->changed);
    (void)pthread_mutex_unlock(&grading->lock);
    (void)pthread_join(grading->thread, NULL);
    (void)pthread_cond_destroy(&grading->changed);
    (void)pthread_mutex_destroy(&grading->lock);
    const um_status status = grading->status;
    if (status != UM_OK && error) {
        *error = grading->error;
    }
    if (seconds) {
        *seconds = grading->seconds;
    }
    free(grading);
    return status;
}
