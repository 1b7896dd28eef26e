#include "serve/engine.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "serve/active_job.h"

struct um_engine {
    um_engine_setup setup;
    um_batch *batch;
    um_active_job *active; /* oldest first; used by the engine's thread alone, like the batch */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    um_active_job *waiting; /* oldest first, not taken up yet */
    bool is_ending;
    um_engine_counts counts;
};

/* ---- From the first step of a job to the last --------------------------------- */

/* Add one job or more at the end. */
static void append(um_active_job **list, um_active_job *jobs) {
    while (*list) {
        list = &(*list)->next;
    }
    *list = jobs;
}

/* The job that is to have the next free place in the batch: of those with samples to decode the one
 * that has the fewest in it, and of equals the oldest; NULL if there is none. */
static um_active_job *next_in_turn(const um_engine *engine) {
    um_active_job *chosen = NULL;
    for (um_active_job *active = engine->active; active; active = active->next) {
        if (um_active_job_has_more(active) &&
            (!chosen || um_active_job_in_batch(active) < um_active_job_in_batch(chosen))) {
            chosen = active;
        }
    }
    return chosen;
}

/* Drop what nobody waits for, and give free places in the batch to samples of the others. */
static void fill_batch(um_engine *engine) {
    size_t used = 0;
    for (um_active_job *active = engine->active; active; active = active->next) {
        if (atomic_load(&active->job->is_cancelled)) {
            um_error error = {0};
            um_active_job_fail(active, UM_RAISE(&error, UM_ERR_CANCELLED, "the client went away"),
                               &error);
        }
        used += um_active_job_in_batch(active);
    }
    um_active_job *active;
    while (used < engine->setup.batch && (active = next_in_turn(engine)) != NULL) {
        um_error error = {0};
        const um_status status = um_active_job_add_sample(
            active, engine->setup.model, &engine->setup.limits, engine->batch, &error);
        if (status == UM_OK) {
            used++;
        } else {
            um_active_job_fail(active, status, &error);
        }
    }
}

static void take_outcome(um_engine *engine, um_outcome *outcome) {
    for (um_active_job *active = engine->active; active; active = active->next) {
        um_sample *sample = um_active_job_find(active, outcome->id);
        if (sample) {
            um_active_job_take(active, sample, outcome);
            break;
        }
    }
    um_result_clear(&outcome->result);
}

static void count_finished(um_engine *engine, const um_active_job *active) {
    const bool was_cancelled = active->status == UM_ERR_CANCELLED;
    (void)pthread_mutex_lock(&engine->lock);
    um_engine_counts *counts = &engine->counts;
    counts->unfinished--;
    counts->finished += active->status == UM_OK;
    counts->cancelled += was_cancelled;
    counts->failed += active->status != UM_OK && !was_cancelled;
    for (size_t i = 0; active->status == UM_OK && i < active->job->ask.samples; i++) {
        const um_sample_facts *facts = &active->outcomes[i].facts;
        counts->prompt_tokens += facts->prompt_tokens;
        counts->answer_tokens += facts->answer_tokens;
        counts->forwards += facts->forwards;
        counts->rows += facts->rows;
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

static void end_finished_jobs(um_engine *engine) {
    um_active_job **link = &engine->active;
    while (*link) {
        um_active_job *active = *link;
        if (um_active_job_is_over(active)) {
            *link = active->next;
            um_active_job_end(active);
            count_finished(engine, active); /* before anybody hears that it is finished */
            um_active_job_free(active);
        } else {
            link = &active->next;
        }
    }
}

/* One step of everything. */
static void advance(um_engine *engine) {
    const double began = um_clock_seconds();
    fill_batch(engine);
    (void)um_batch_step(engine->batch);
    um_outcome outcome;
    while (um_batch_take(engine->batch, &outcome)) {
        take_outcome(engine, &outcome);
    }
    for (um_active_job *active = engine->active; active; active = active->next) {
        um_active_job_step(active);
    }
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
    append(&engine->active, engine->waiting);
    engine->waiting = NULL;
    const bool goes_on = !engine->is_ending;
    (void)pthread_mutex_unlock(&engine->lock);
    return goes_on;
}

static void *run(void *user) {
    um_engine *engine = user;
    while (take_waiting(engine)) {
        advance(engine);
    }
    um_error error = {0};
    (void)UM_RAISE(&error, UM_ERR_CANCELLED, "the server is shutting down");
    for (um_active_job *active = engine->active; active; active = active->next) {
        um_active_job_fail(active, UM_ERR_CANCELLED, &error);
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

um_status um_engine_submit(um_engine *engine, um_job *job, um_error *error) {
    um_active_job *waiting = calloc(1, sizeof *waiting);
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
        append(&engine->waiting, waiting);
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
