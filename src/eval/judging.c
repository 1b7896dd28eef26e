#include "eval/judging.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"

/* Most samples of a call of the judge: enough for its workers, and few enough that little has to be
 * judged again after a kill. */
#define CHUNK 64

/* Nanoseconds between two looks of who waits. */
#define GLANCE 100000000

struct um_eval_judging {
    um_judge *judge;
    um_eval_records *records;
    um_record_log *results;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    size_t *indices; /* [added], in the order in which they came */
    size_t added;
    size_t capacity;
    size_t done;
    bool is_closed;
    um_status status;
    um_error error;
};

/* ---- The thread ------------------------------------------------------------------ */

/* Up to CHUNK samples that wait; 0 where no more come. */
static size_t take(um_eval_judging *judging, size_t indices[CHUNK]) {
    (void)pthread_mutex_lock(&judging->lock);
    while (judging->added == judging->done && !judging->is_closed) {
        (void)pthread_cond_wait(&judging->changed, &judging->lock);
    }
    const size_t count =
        judging->is_closed ? 0 : um_size_smaller(judging->added - judging->done, CHUNK);
    for (size_t i = 0; i < count; i++) {
        indices[i] = judging->indices[judging->done + i];
    }
    (void)pthread_mutex_unlock(&judging->lock);
    return count;
}

static bool go_on(void *user, size_t done, size_t total) {
    (void)done;
    (void)total;
    um_eval_judging *judging = user;
    (void)pthread_mutex_lock(&judging->lock);
    const bool is_closed = judging->is_closed;
    (void)pthread_mutex_unlock(&judging->lock);
    return !is_closed;
}

static um_status write_result(um_eval_judging *judging, size_t index, const um_judgement *result,
                              um_error *error) {
    json_t *line = um_eval_records_result_line(judging->records, index, result);
    const um_status status = line ? um_record_log_append(judging->results, line, error)
                                  : um_error_memory(error, "a result", 1);
    json_decref(line);
    if (status == UM_OK) {
        um_eval_sample *sample = &judging->records->samples[index];
        sample->verdict = result->verdict;
        sample->judge_seconds = result->seconds;
        sample->is_judged = true;
    }
    return status;
}

static um_status judge(um_eval_judging *judging, const size_t *indices, size_t count,
                       um_error *error) {
    um_attempt attempts[CHUNK] = {{0}};
    um_judgement results[CHUNK];
    const um_watch watch = {.progress = go_on, .user = judging};
    for (size_t i = 0; i < count; i++) {
        const um_eval_sample *sample = &judging->records->samples[indices[i]];
        attempts[i] = (um_attempt){.problem = um_eval_records_problem(judging->records, indices[i]),
                                   .completion = sample->completion,
                                   .length = sample->length};
    }
    UM_TRY(um_judge_batch(judging->judge, attempts, count, results, &watch, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(write_result(judging, indices[i], &results[i], error));
    }
    return UM_OK;
}

static void *work(void *user) {
    um_eval_judging *judging = user;
    size_t indices[CHUNK];
    size_t count = 0;
    um_status status = UM_OK;
    while (status == UM_OK && (count = take(judging, indices)) > 0) {
        um_error error = {0};
        status = judge(judging, indices, count, &error);
        (void)pthread_mutex_lock(&judging->lock);
        judging->done += status == UM_OK ? count : 0;
        judging->status = status;
        judging->error = error;
        (void)pthread_cond_broadcast(&judging->changed);
        (void)pthread_mutex_unlock(&judging->lock);
    }
    return NULL;
}

/* ---- Its owner ------------------------------------------------------------------- */

static void free_judging(um_eval_judging *judging) {
    (void)pthread_cond_destroy(&judging->changed);
    (void)pthread_mutex_destroy(&judging->lock);
    free(judging->indices);
    free(judging);
}

um_status um_eval_judging_start(um_judge *judge_of_samples, um_eval_records *records,
                                um_record_log *results, um_eval_judging **judging,
                                um_error *error) {
    *judging = NULL;
    um_eval_judging *started = calloc(1, sizeof *started);
    if (!started) {
        return um_error_memory(error, "judging", sizeof *started);
    }
    started->judge = judge_of_samples;
    started->records = records;
    started->results = results;
    (void)pthread_mutex_init(&started->lock, NULL);
    (void)pthread_cond_init(&started->changed, NULL);
    const int failure = pthread_create(&started->thread, NULL, work, started);
    if (failure != 0) {
        free_judging(started);
        return um_error_set_errno(error, failure, "cannot start a thread for judging");
    }
    *judging = started;
    return UM_OK;
}

/* The thread's failure; under the lock. */
static um_status failure_of(const um_eval_judging *judging, um_error *error) {
    if (judging->status != UM_OK && error) {
        *error = judging->error;
    }
    return judging->status;
}

um_status um_eval_judging_add(um_eval_judging *judging, size_t index, um_error *error) {
    (void)pthread_mutex_lock(&judging->lock);
    um_status status = failure_of(judging, error);
    if (status == UM_OK) {
        status = um_grow(&judging->indices, &judging->capacity, judging->added + 1,
                         sizeof *judging->indices, "samples to judge", error);
    }
    if (status == UM_OK) {
        judging->indices[judging->added++] = index;
        (void)pthread_cond_broadcast(&judging->changed);
    }
    (void)pthread_mutex_unlock(&judging->lock);
    return status;
}

/* Wait for a change, or a moment. */
static void wait_a_moment(um_eval_judging *judging) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GLANCE;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&judging->changed, &judging->lock, &until);
}

um_status um_eval_judging_wait(um_eval_judging *judging, const um_watch *watch, um_error *error) {
    (void)pthread_mutex_lock(&judging->lock);
    um_status status = failure_of(judging, error);
    while (status == UM_OK && judging->done < judging->added) {
        wait_a_moment(judging);
        status = failure_of(judging, error);
        if (status == UM_OK) {
            status = um_watch_tell(watch, judging->done, judging->added, error);
        }
    }
    (void)pthread_mutex_unlock(&judging->lock);
    return status;
}

void um_eval_judging_free(um_eval_judging *judging) {
    if (judging) {
        (void)pthread_mutex_lock(&judging->lock);
        judging->is_closed = true;
        (void)pthread_cond_broadcast(&judging->changed);
        (void)pthread_mutex_unlock(&judging->lock);
        (void)pthread_join(judging->thread, NULL);
        free_judging(judging);
    }
}
