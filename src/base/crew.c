#include "base/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/thread.h"

#define MAXIMUM_THREADS 4096

typedef struct member {
    um_crew *crew;
    size_t number;
    pthread_t thread;
} member;

struct um_crew {
    member *members;
    size_t size;
    pthread_mutex_t mutex;      /* guards the fields below */
    pthread_cond_t has_tasks;   /* or `ends` is set */
    pthread_cond_t is_finished; /* all tasks are done */
    um_task_function *function;
    void *user;
    size_t count;
    size_t next;
    size_t done;
    bool ends;
};

/* Called with the mutex held; releases it while the task runs. */
static void run_next(um_crew *crew, size_t worker) {
    const size_t task = crew->next++;
    um_task_function *const function = crew->function;
    void *const user = crew->user;
    (void)pthread_mutex_unlock(&crew->mutex);
    function(user, task, worker);
    (void)pthread_mutex_lock(&crew->mutex);
    if (++crew->done == crew->count) {
        (void)pthread_cond_signal(&crew->is_finished);
    }
}

static void *member_main(void *argument) {
    const member *self = argument;
    um_crew *crew = self->crew;
    (void)pthread_mutex_lock(&crew->mutex);
    while (!crew->ends) {
        if (crew->next < crew->count) {
            run_next(crew, self->number);
        } else {
            (void)pthread_cond_wait(&crew->has_tasks, &crew->mutex);
        }
    }
    (void)pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

static um_status start_members(um_crew *crew, size_t threads, um_error *error) {
    UM_TRY(um_allocate(&crew->members, threads, sizeof *crew->members, "threads", error));
    for (size_t i = 0; i < threads; i++) {
        member *made = &crew->members[i];
        *made = (member){.crew = crew, .number = i};
        const int reason = um_thread_start(&made->thread, member_main, made);
        if (reason != 0) {
            return um_error_set_errno(error, reason, "cannot start thread %zu", i);
        }
        crew->size++;
    }
    return UM_OK;
}

um_status um_crew_create(size_t threads, um_crew **crew, um_error *error) {
    *crew = NULL;
    UM_TRY(um_thread_count(threads, MAXIMUM_THREADS, &threads, error));
    um_crew *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "threads", sizeof *made);
    }
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_cond_init(&made->has_tasks, NULL);
    (void)pthread_cond_init(&made->is_finished, NULL);
    const um_status status = start_members(made, threads, error);
    if (status != UM_OK) {
        um_crew_free(made);
        return status;
    }
    *crew = made;
    return UM_OK;
}

void um_crew_free(um_crew *crew) {
    if (!crew) {
        return;
    }
    (void)pthread_mutex_lock(&crew->mutex);
    crew->ends = true;
    (void)pthread_cond_broadcast(&crew->has_tasks);
    (void)pthread_mutex_unlock(&crew->mutex);
    for (size_t i = 0; i < crew->size; i++) {
        (void)pthread_join(crew->members[i].thread, NULL);
    }
    (void)pthread_cond_destroy(&crew->is_finished);
    (void)pthread_cond_destroy(&crew->has_tasks);
    (void)pthread_mutex_destroy(&crew->mutex);
    free(crew->members);
    free(crew);
}

size_t um_crew_size(const um_crew *crew) {
    return crew->size;
}

void um_crew_run(um_crew *crew, size_t count, um_task_function *function, void *user) {
    (void)pthread_mutex_lock(&crew->mutex);
    crew->function = function;
    crew->user = user;
    crew->next = crew->done = 0;
    crew->count = count;
    (void)pthread_cond_broadcast(&crew->has_tasks);
    while (crew->done < crew->count) {
        (void)pthread_cond_wait(&crew->is_finished, &crew->mutex);
    }
    (void)pthread_mutex_unlock(&crew->mutex);
}
