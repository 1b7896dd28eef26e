#include "serve/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"

static um_status prepare_waiting(um_job *job, um_error *error) {
    if (um_condition_init(&job->changed) != 0) {
        return um_error_memory(error, "request", sizeof *job);
    }
    if (pthread_mutex_init(&job->lock, NULL) != 0) {
        (void)pthread_cond_destroy(&job->changed);
        return um_error_memory(error, "request", sizeof *job);
    }
    return UM_OK;
}

um_status um_job_create(const um_dialect *dialect, um_ask *ask, const char *model, um_job **job,
                        um_error *error) {
    *job = calloc(1, sizeof **job);
    um_status status =
        *job ? prepare_waiting(*job, error) : um_error_memory(error, "request", sizeof **job);
    if (status != UM_OK) {
        free(*job);
        *job = NULL;
        um_ask_free(ask);
        return status;
    }
    um_job *made = *job;
    made->dialect = dialect;
    made->ask = *ask;
    *ask = (um_ask){0};
    made->model = model;
    made->created = (long long)time(NULL);
    (void)snprintf(made->id, sizeof made->id, "%016llx", (unsigned long long)made->ask.number);
    atomic_init(&made->references, 1);
    return UM_OK;
}

void um_job_hold(um_job *job) {
    atomic_fetch_add(&job->references, 1);
}

void um_job_release(um_job *job) {
    if (job && atomic_fetch_sub(&job->references, 1) == 1) {
        (void)pthread_cond_destroy(&job->changed);
        (void)pthread_mutex_destroy(&job->lock);
        um_buffer_free(&job->output);
        um_ask_free(&job->ask);
        free(job);
    }
}

um_status um_job_write(um_job *job, const um_buffer *bytes, um_error *error) {
    if (bytes->length == 0) {
        return UM_OK;
    }
    (void)pthread_mutex_lock(&job->lock);
    const um_status status =
        job->ask.stream && job->output.length > UM_JOB_UNREAD_MAXIMUM
            ? UM_RAISE(error, UM_ERR_LIMIT, "the client does not read its stream")
            : um_buffer_append(&job->output, bytes->data, bytes->length, error);
    (void)pthread_cond_signal(&job->changed);
    (void)pthread_mutex_unlock(&job->lock);
    return status;
}

/* The first end counts: its status and error may be read without the lock. */
static void settle(um_job *job, um_status status, const um_error *error) {
    if (!job->is_finished) {
        job->status = status;
        job->error = status != UM_OK ? *error : (um_error){0};
        job->is_finished = true;
    }
}

void um_job_finish(um_job *job, um_status status, const um_error *error) {
    (void)pthread_mutex_lock(&job->lock);
    settle(job, status, error);
    (void)pthread_cond_signal(&job->changed);
    (void)pthread_mutex_unlock(&job->lock);
}

bool um_job_read(um_job *job, int milliseconds, um_buffer *bytes) {
    const struct timespec until = um_moment_after(milliseconds);
    (void)pthread_mutex_lock(&job->lock);
    int waited = 0;
    while (waited == 0 && job->output.length == 0 && !job->is_finished) {
        waited = pthread_cond_timedwait(&job->changed, &job->lock, &until);
    }
    um_error error = {0};
    const um_status status = job->output.length == 0 ? UM_OK
                                                     : um_buffer_append(bytes, job->output.data,
                                                                        job->output.length, &error);
    um_buffer_clear(&job->output);
    if (status != UM_OK) { /* the rest would be of no use */
        atomic_store(&job->is_cancelled, true);
        settle(job, status, &error);
    }
    const bool is_over = job->is_finished;
    (void)pthread_mutex_unlock(&job->lock);
    return is_over;
}

um_status um_job_write_end(um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                           um_error *error) {
    UM_TRY(job->ask.stream ? job->dialect->end(job, outcomes, out, error)
                           : job->dialect->whole(job, outcomes, out, error));
    return um_job_write(job, out, error);
}

um_status um_job_answer_nothing(um_job *job, um_error *error) {
    const um_ask *ask = &job->ask;
    um_sample_outcome outcomes[UM_ASK_SAMPLES_MAXIMUM];
    um_buffer reply = {0};
    um_status status = UM_OK;
    for (size_t i = 0; i < ask->samples; i++) {
        outcomes[i] =
            (um_sample_outcome){.text = "", .finish = "length", .facts = {.algorithm = "none"}};
    }
    for (size_t i = 0; status == UM_OK && ask->stream && i < ask->samples; i++) {
        status = job->dialect->last(job, i, &outcomes[i], &reply, error);
    }
    if (status == UM_OK) {
        status = um_job_write_end(job, outcomes, &reply, error);
    }
    um_buffer_free(&reply);
    um_job_finish(job, status, error);
    return status;
}
