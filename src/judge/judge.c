/* Judges many attempts on several workers. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crew.h"
#include "base/memory.h"
#include "base/processors.h"
#include "judge/judge.h"
#include "judge/worker.h"

struct um_judge {
    um_judge_options options;
    um_sandbox *sandbox;
    um_worker_sources sources;
    um_crew *crew;      /* only these start interpreters, which end with their starting thread */
    um_worker *workers; /* one per thread of the crew */
    size_t worker_count;
};

um_judge_options um_judge_default_options(void) {
    return (um_judge_options){.level = UM_SANDBOX_FULL,
                              .timeout_seconds = 5,
                              .memory_mib = 512,
                              .python = "/usr/bin/python3"};
}

const char *um_verdict_name(um_verdict verdict) {
    static const char *const names[] = {"passed", "failed", "error", "syntax", "timeout", "ended"};
    return (size_t)verdict < sizeof names / sizeof *names ? names[verdict] : "unknown";
}

static um_status check_options(const um_judge_options *options, um_error *error) {
    if (!(options->timeout_seconds > 0) || options->timeout_seconds > 86400) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "timeout: %g is not a number of seconds above 0 and up to 86400",
                        options->timeout_seconds);
    }
    if (options->memory_mib < 64 || options->memory_mib > ((size_t)1 << 24)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "memory: %zu MiB; at least 64 are needed",
                        options->memory_mib);
    }
    return UM_OK;
}

/* Run a program that must pass, so that a sandbox in which nothing works is noticed now. */
static um_status try_out(um_judge *judge, um_error *error) {
    const um_problem problem = {.id = "trial",
                                .prompt = "def add(a, b):\n",
                                .suffix = "",
                                .key = "",
                                .reference = "",
                                .entry_point = "add",
                                .test = "def check(candidate):\n    assert candidate(1, 2) == 3\n",
                                .setup = ""};
    static const char completion[] = "    return a + b\n";
    const um_attempt attempt = {
        .problem = &problem, .completion = completion, .length = sizeof completion - 1};
    um_judge_options patient = judge->options;
    um_worker trial = judge->workers[0];
    um_judgement result;
    patient.timeout_seconds = 60;
    trial.options = &patient;
    const um_status status = um_worker_judge(&trial, &attempt, NULL, NULL, &result, error);
    trial.options = &judge->options;
    judge->workers[0] = trial;
    UM_TRY(status);
    if (result.verdict != UM_VERDICT_PASSED) {
        return UM_RAISE(error, UM_ERR_IO,
                        "the sandbox starts, but a program that must pass does not: %s",
                        result.text);
    }
    return UM_OK;
}

typedef struct warm_up {
    um_judge *judge;
    um_status status;
    um_error error;
} warm_up;

static um_status warm_up_and_try(um_judge *judge, um_error *error) {
    for (size_t i = 0; i < judge->worker_count && !judge->options.fresh; i++) {
        UM_TRY(um_worker_warm_up(&judge->workers[i], error));
    }
    return try_out(judge, error);
}

static void warm_up_task(void *user, size_t task, size_t worker) {
    warm_up *work = user;
    (void)task;
    (void)worker;
    work->status = warm_up_and_try(work->judge, &work->error);
}

static um_status start_workers(um_judge *judge, um_error *error) {
    UM_TRY(um_crew_create(judge->options.workers, &judge->crew, error));
    const size_t count = um_crew_size(judge->crew);
    UM_TRY(um_allocate(&judge->workers, count, sizeof *judge->workers, "workers", error));
    judge->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        judge->workers[i] = (um_worker){
            .sandbox = judge->sandbox, .sources = &judge->sources, .options = &judge->options};
    }
    warm_up work = {.judge = judge};
    um_crew_run(judge->crew, 1, warm_up_task, &work);
    if (work.status != UM_OK && error) {
        *error = work.error;
    }
    return work.status;
}

um_status um_judge_create(const um_judge_options *options, um_judge **judge, um_error *error) {
    UM_TRY(check_options(options, error));
    um_judge *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "a judge", sizeof *made);
    }
    made->options = *options;
    made->options.python = NULL;
    um_status status = um_sandbox_create(options->level, options->python, options->memory_mib << 20,
                                         &made->sandbox, error);
    if (status == UM_OK) {
        status = um_worker_sources_create(&made->sources, error);
    }
    if (status == UM_OK) {
        status = start_workers(made, error);
    }
    if (status != UM_OK) {
        um_judge_free(made);
        return status;
    }
    *judge = made;
    return UM_OK;
}

void um_judge_free(um_judge *judge) {
    if (!judge) {
        return;
    }
    for (size_t i = 0; i < judge->worker_count; i++) {
        um_worker_close(&judge->workers[i]);
    }
    free(judge->workers);
    um_crew_free(judge->crew);
    um_worker_sources_free(&judge->sources);
    um_sandbox_free(judge->sandbox);
    free(judge);
}

const char *um_judge_sandbox_text(const um_judge *judge) {
    return um_sandbox_text(judge->sandbox);
}

/* ---- A batch ------------------------------------------------------------------ */

typedef struct batch {
    um_judge *judge;
    const um_attempt *attempts;
    size_t count;
    um_judgement *results;
    const um_watch *watch;
    pthread_mutex_t mutex; /* protects what follows */
    size_t done;
    um_status status; /* of the first failure; its message is in error */
    um_error error;
} batch;

/* Tell the watch; returns whether to go on. */
static bool tell(batch *work, size_t more) {
    (void)pthread_mutex_lock(&work->mutex);
    work->done += more;
    if (work->status == UM_OK) {
        work->status = um_watch_tell(work->watch, work->done, work->count, &work->error);
    }
    const bool wanted = work->status == UM_OK;
    (void)pthread_mutex_unlock(&work->mutex);
    return wanted;
}

static bool is_wanted(void *user) {
    return tell(user, 0);
}

static void judge_task(void *user, size_t task, size_t worker) {
    batch *work = user;
    um_error error = {0};
    if (!tell(work, 0)) {
        return;
    }
    const um_status status = um_worker_judge(&work->judge->workers[worker], &work->attempts[task],
                                             is_wanted, work, &work->results[task], &error);
    if (status == UM_OK) {
        (void)tell(work, 1);
        return;
    }
    work->results[task] = (um_judgement){0};
    (void)pthread_mutex_lock(&work->mutex);
    if (work->status == UM_OK) {
        work->status = status;
        work->error = error;
    }
    (void)pthread_mutex_unlock(&work->mutex);
}

um_status um_judge_batch(um_judge *judge, const um_attempt *attempts, size_t count,
                         um_judgement *results, const um_watch *watch, um_error *error) {
    batch work = {
        .judge = judge, .attempts = attempts, .count = count, .results = results, .watch = watch};
    if (pthread_mutex_init(&work.mutex, NULL) != 0) {
        return UM_RAISE(error, UM_ERR_MEMORY, "no mutex for a batch");
    }
    memset(results, 0, count * sizeof *results);
    um_crew_run(judge->crew, count, judge_task, &work);
    (void)pthread_mutex_destroy(&work.mutex);
    if (work.status != UM_OK && error) {
        *error = work.error;
    }
    return work.status;
}
