#include "base/follower.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

/* Milliseconds between two looks of a waiting owner. */
#define GLANCE 100

struct um_follower {
    um_follower_setup setup;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Guarded by `lock`: */
    size_t ready;
    size_t done;
    double seconds;
    bool is_closed;
    um_status status; /* with `error`: the failure of the work, if it has failed */
    um_error error;
};

/* ---- The thread ------------------------------------------------------------------ */

/* Wait, then return how many items after the done ones to work on; 0 if the follower is closed. */
static size_t wait_for_items(um_follower *follower) {
    (void)pthread_mutex_lock(&follower->lock);
    while (follower->ready == follower->done && !follower->is_closed) {
        (void)pthread_cond_wait(&follower->changed, &follower->lock);
    }
    const size_t count = follower->is_closed ? 0 : follower->ready - follower->done;
    (void)pthread_mutex_unlock(&follower->lock);
    const size_t most = follower->setup.most;
    return most > 0 ? um_size_smaller(count, most) : count;
}

static bool go_on(void *user, size_t done, size_t total) {
    (void)done;
    (void)total;
    um_follower *follower = user;
    (void)pthread_mutex_lock(&follower->lock);
    const bool is_closed = follower->is_closed;
    (void)pthread_mutex_unlock(&follower->lock);
    return !is_closed;
}

static void *run(void *user) {
    um_follower *follower = user;
    const um_follower_setup *setup = &follower->setup;
    const um_watch watch = {.progress = go_on, .user = follower};
    um_status status = UM_OK;
    size_t done = 0;
    size_t count = 0;
    while (status == UM_OK && (count = wait_for_items(follower)) > 0) {
        um_error error = {0};
        const double start = um_clock_seconds();
        status = setup->work(setup->user, done, count, &watch, &error);
        done += status == UM_OK ? count : 0;
        (void)pthread_mutex_lock(&follower->lock);
        follower->seconds += um_clock_seconds() - start;
        follower->done = done;
        follower->status = status;
        follower->error = error;
        (void)pthread_cond_broadcast(&follower->changed);
        (void)pthread_mutex_unlock(&follower->lock);
    }
    return NULL;
}

/* ---- Its owner ------------------------------------------------------------------- */

static void release(um_follower *follower) {
    (void)pthread_cond_destroy(&follower->changed);
    (void)pthread_mutex_destroy(&follower->lock);
    free(follower);
}

um_status um_follower_start(const um_follower_setup *setup, um_follower **follower,
                            um_error *error) {
    *follower = NULL;
    um_follower *started = calloc(1, sizeof *started);
    if (!started) {
        return um_error_memory(error, "follower", sizeof *started);
    }
    started->setup = *setup;
    (void)pthread_mutex_init(&started->lock, NULL);
    (void)um_condition_init(&started->changed);
    const int failure = um_thread_start(&started->thread, run, started);
    if (failure != 0) {
        release(started);
        return um_error_set_errno(error, failure, "cannot start a thread for %s", setup->name);
    }
    *follower = started;
    return UM_OK;
}

/* The failure of the work.  Called with the lock held. */
static um_status failure_of(const um_follower *follower, um_error *error) {
    if (follower->status != UM_OK && error) {
        *error = follower->error;
    }
    return follower->status;
}

um_status um_follower_announce(um_follower *follower, size_t ready, um_error *error) {
    (void)pthread_mutex_lock(&follower->lock);
    follower->ready = ready;
    const um_status status = failure_of(follower, error);
    (void)pthread_cond_broadcast(&follower->changed);
    (void)pthread_mutex_unlock(&follower->lock);
    return status;
}

/* Wait for a change, for a moment at most. */
static void wait_a_moment(um_follower *follower) {
    const struct timespec until = um_moment_after(GLANCE);
    (void)pthread_cond_timedwait(&follower->changed, &follower->lock, &until);
}

um_status um_follower_wait(um_follower *follower, const um_watch *watch, um_error *error) {
    (void)pthread_mutex_lock(&follower->lock);
    um_status status = failure_of(follower, error);
    while (status == UM_OK && follower->done < follower->ready) {
        wait_a_moment(follower);
        status = failure_of(follower, error);
        if (status == UM_OK) {
            status = um_watch_tell(watch, follower->done, follower->ready, error);
        }
    }
    (void)pthread_mutex_unlock(&follower->lock);
    return status;
}

double um_follower_seconds(um_follower *follower) {
    (void)pthread_mutex_lock(&follower->lock);
    const double seconds = follower->seconds;
    (void)pthread_mutex_unlock(&follower->lock);
    return seconds;
}

void um_follower_free(um_follower *follower) {
    if (follower) {
        (void)pthread_mutex_lock(&follower->lock);
        follower->is_closed = true;
        (void)pthread_cond_broadcast(&follower->changed);
        (void)pthread_mutex_unlock(&follower->lock);
        (void)pthread_join(follower->thread, NULL);
        release(follower);
    }
}
