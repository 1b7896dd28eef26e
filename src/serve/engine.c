#include "serve/engine.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "serve/request_fit.h"
#include "serve/sample.h"

/* A job that is being decoded. */
typedef struct active_job {
    um_job *job; /* a reference */
    um_request_fit fit;
    um_sample *samples;          /* [job->ask.samples] */
    um_sample_outcome *outcomes; /* [job->ask.samples], filled in at the end */
    size_t added;                /* samples that were given to the batch */
    size_t finished;
    um_buffer output; /* of this step */
    um_status status; /* the first failure */
    um_error error;
    struct active_job *next;
} active_job;

/* A job that waits to be taken up. */
typedef struct waiting_job {
    um_job *job; /* a reference */
    struct waiting_job *next;
} waiting_job;

struct um_engine {
    um_engine_setup setup;
    um_batch *batch;
    active_job *active; /* used by the engine's thread alone, like the batch */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    waiting_job *waiting; /* oldest first */
    bool is_ending;
    um_engine_counts counts;
};

/* ---- Taking up a job ---------------------------------------------------------- */

static um_status add_samples(um_engine *engine, active_job *active, um_error *error) {
    um_job *job = active->job;
    const um_fit_limits limits = {.length = engine->setup.length,
                                  .infilling_length = engine->setup.infilling_length,
                                  .context = engine->setup.context};
    UM_TRY(um_request_fit_make(engine->setup.model, &job->ask, &limits, &active->fit, error));
    active->samples = calloc(job->ask.samples, sizeof *active->samples);
    active->outcomes = calloc(job->ask.samples, sizeof *active->outcomes);
    if (!active->samples || !active->outcomes) {
        return um_error_memory(error, "samples", job->ask.samples * sizeof *active->samples);
    }
    for (size_t i = 0; i < job->ask.samples; i++) {
        um_sample *sample = &active->samples[i];
        sample->job = job;
        sample->index = i;
        active->fit.request.sample = (uint32_t)i;
        const um_callbacks callbacks = um_sample_callbacks(sample);
        UM_TRY(um_batch_add(engine->batch, &active->fit.request, &callbacks, &sample->id, error));
        active->added++;
    }
    return UM_OK;
}

/* Keep the first failure; what is left of the job is not decoded. */
static void fail(active_job *active, um_status status, const um_error *error) {
    if (active->status == UM_OK) {
        active->status = status;
        active->error = *error;
    }
    for (size_t i = 0; i < active->added; i++) {
        active->samples[i].is_stopped = true;
    }
}

static void take_up(um_engine *engine, um_job *job) {
    active_job *active = calloc(1, sizeof *active);
    um_error error = {0};
    if (!active) {
        um_job_finish(job, um_error_memory(&error, "request", sizeof *active), &error);
        um_job_release(job);
        return;
    }
    active->job = job;
    const um_status status = add_samples(engine, active, &error);
    if (status != UM_OK) {
        fail(active, status, &error);
    }
    active->next = engine->active;
    engine->active = active;
}

/* ---- The end of a job ------------------------------------------------------------ */

static void count_finished(um_engine *engine, const active_job *active, bool was_cancelled) {
    (void)pthread_mutex_lock(&engine->lock);
    um_engine_counts *counts = &engine->counts;
    counts->unfinished--;
    counts->finished += active->status == UM_OK;
    counts->cancelled += was_cancelled;
    counts->failed += active->status != UM_OK && !was_cancelled;
    for (size_t i = 0; i < active->added; i++) {
        const um_sample_facts *facts = &active->samples[i].outcome.facts;
        counts->prompt_tokens += facts->prompt_tokens;
        counts->answer_tokens += facts->answer_tokens;
        counts->forwards += facts->forwards;
        counts->rows += facts->rows;
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

/* The part of the reply that needs all samples. */
static um_status write_end(active_job *active, um_error *error) {
    um_job *job = active->job;
    size_t tokens = 0;
    for (size_t i = 0; i < job->ask.samples; i++) {
        active->outcomes[i] = active->samples[i].outcome;
        tokens += active->outcomes[i].facts.answer_tokens;
    }
    atomic_store(&job->answer_tokens, tokens);
    return job->ask.stream ? job->dialect->end(job, active->outcomes, &active->output, error)
                           : job->dialect->whole(job, active->outcomes, &active->output, error);
}

static void end_job(um_engine *engine, active_job *active) {
    um_job *job = active->job;
    um_error error = {0};
    if (active->status == UM_OK) {
        um_status status = write_end(active, &error);
        if (status == UM_OK) {
            status = um_job_write(job, &active->output, &error);
        }
        if (status != UM_OK) {
            fail(active, status, &error);
        }
    }
    count_finished(engine, active, active->status == UM_ERR_CANCELLED);
    um_job_finish(job, active->status, &active->error);
    for (size_t i = 0; i < active->added; i++) {
        um_sample_free(&active->samples[i]);
    }
    um_buffer_free(&active->output);
    um_request_fit_free(&active->fit);
    free(active->samples);
    free(active->outcomes);
    um_job_release(job);
    free(active);
}

static void end_finished_jobs(um_engine *engine) {
    active_job **link = &engine->active;
    while (*link) {
        active_job *active = *link;
        const bool is_over = active->finished == active->added &&
                             (active->added == active->job->ask.samples || active->status != UM_OK);
        if (is_over) {
            *link = active->next;
            end_job(engine, active);
        } else {
            link = &active->next;
        }
    }
}

/* ---- Steps ---------------------------------------------------------------------------- */

static um_sample *find_sample(um_engine *engine, uint64_t id, active_job **found) {
    for (active_job *active = engine->active; active; active = active->next) {
        for (size_t i = 0; i < active->added; i++) {
            if (active->samples[i].id == id) {
                *found = active;
                return &active->samples[i];
            }
        }
    }
    return NULL;
}

static void take_outcome(um_engine *engine, um_outcome *outcome) {
    active_job *active = NULL;
    um_sample *sample = find_sample(engine, outcome->id, &active);
    active->finished++;
    um_status status = outcome->status;
    um_error error = outcome->error;
    if (sample->status != UM_OK) { /* a callback of ours is why it was cancelled */
        status = sample->status;
        error = sample->error;
    } else if (active->status == UM_OK &&
               (status == UM_OK || (status == UM_ERR_CANCELLED && sample->is_stopped))) {
        status =
            um_sample_finish(sample, &outcome->result, active->fit.is_cut, &active->output, &error);
    }
    if (status != UM_OK) {
        fail(active, status, &error);
    }
    um_result_clear(&outcome->result);
}

static void step_streams(um_engine *engine) {
    for (active_job *active = engine->active; active; active = active->next) {
        um_error error = {0};
        um_status status = active->status;
        for (size_t i = 0; status == UM_OK && i < active->added; i++) {
            status = um_sample_step(&active->samples[i], &active->output, &error);
        }
        if (status == UM_OK) {
            status = um_job_write(active->job, &active->output, &error);
        }
        um_buffer_clear(&active->output);
        if (status != UM_OK) {
            fail(active, status, &error);
        }
    }
}

/* One step of everything. */
static void advance(um_engine *engine) {
    const double began = um_clock_seconds();
    (void)um_batch_step(engine->batch);
    um_outcome outcome;
    while (um_batch_take(engine->batch, &outcome)) {
        take_outcome(engine, &outcome);
    }
    step_streams(engine);
    end_finished_jobs(engine);
    (void)pthread_mutex_lock(&engine->lock);
    engine->counts.busy_seconds += um_clock_seconds() - began;
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Wait for something to do.  False: the engine ends. */
static bool take_waiting(um_engine *engine) {
    (void)pthread_mutex_lock(&engine->lock);
    while (!engine->waiting && !engine->active && !engine->is_ending) {
        (void)pthread_cond_wait(&engine->changed, &engine->lock);
    }
    waiting_job *waiting = engine->waiting;
    engine->waiting = NULL;
    const bool goes_on = !engine->is_ending;
    (void)pthread_mutex_unlock(&engine->lock);
    while (waiting) {
        waiting_job *next = waiting->next;
        take_up(engine, waiting->job);
        free(waiting);
        waiting = next;
    }
    return goes_on;
}

static void *run(void *user) {
    um_engine *engine = user;
    while (take_waiting(engine)) {
        advance(engine);
    }
    um_error error = {0};
    (void)UM_RAISE(&error, UM_ERR_CANCELLED, "the server is shutting down");
    for (active_job *active = engine->active; active; active = active->next) {
        fail(active, UM_ERR_CANCELLED, &error);
    }
    while (engine->active) {
        advance(engine);
    }
    return NULL;
}

/* ---- For other threads ------------------------------------------------------------------- */

um_status um_engine_create(const um_engine_setup *setup, um_engine **engine, um_error *error) {
    *engine = NULL;
    um_engine *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "engine", sizeof *made);
    }
    made->setup = *setup;
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return um_error_memory(error, "engine", sizeof *made);
    }
    if (pthread_cond_init(&made->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return um_error_memory(error, "engine", sizeof *made);
    }
    um_status status =
        um_batch_create(setup->model, setup->threads, setup->batch, &made->batch, error);
    if (status == UM_OK) {
        const int failure = um_thread_start(&made->thread, run, made);
        made->has_thread = failure == 0;
        status = failure == 0 ? UM_OK : um_error_set_errno(error, failure, "starting a thread");
    }
    if (status != UM_OK) {
        um_engine_free(made);
        return status;
    }
    *engine = made;
    return UM_OK;
}

void um_engine_end(um_engine *engine) {
    if (engine && engine->has_thread) {
        (void)pthread_mutex_lock(&engine->lock);
        engine->is_ending = true;
        (void)pthread_cond_signal(&engine->changed);
        (void)pthread_mutex_unlock(&engine->lock);
        (void)pthread_join(engine->thread, NULL);
        engine->has_thread = false;
    }
}

void um_engine_free(um_engine *engine) {
    if (!engine) {
        return;
    }
    um_engine_end(engine);
    um_batch_free(engine->batch);
    (void)pthread_cond_destroy(&engine->changed);
    (void)pthread_mutex_destroy(&engine->lock);
    free(engine);
}

static void append_waiting(um_engine *engine, waiting_job *waiting) {
    waiting_job **link = &engine->waiting;
    while (*link) {
        link = &(*link)->next;
    }
    *link = waiting;
}

um_status um_engine_submit(um_engine *engine, um_job *job, um_error *error) {
    waiting_job *waiting = calloc(1, sizeof *waiting);
    if (!waiting) {
        return um_error_memory(error, "request", sizeof *waiting);
    }
    waiting->job = job;
    um_status status = UM_OK;
    (void)pthread_mutex_lock(&engine->lock);
    if (engine->is_ending) {
        status = UM_RAISE(error, UM_ERR_CANCELLED, "the server is shutting down");
    } else if (engine->counts.unfinished >= engine->setup.queue) {
        status = UM_RAISE(error, UM_ERR_LIMIT, "%zu requests are waiting already: try again later",
                          engine->counts.unfinished);
        engine->counts.refused++;
    } else {
        um_job_hold(job);
        engine->counts.unfinished++;
        append_waiting(engine, waiting);
        (void)pthread_cond_signal(&engine->changed);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    if (status != UM_OK) {
        free(waiting);
    }
    return status;
}

void um_engine_count(um_engine *engine, um_engine_counts *counts) {
    (void)pthread_mutex_lock(&engine->lock);
    *counts = engine->counts;
    (void)pthread_mutex_unlock(&engine->lock);
}
