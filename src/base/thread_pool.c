#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/processors.h"
#include "base/thread.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define SPIN_HINT() _mm_pause()
#elif defined(__aarch64__)
/* `yield` does next to nothing on most cores; this waits for as long as the pause of x86. */
#define SPIN_HINT() __asm__ volatile("isb" ::: "memory")
#else
#define SPIN_HINT() ((void)0)
#endif

/* Turns of the wait loop before a worker goes to sleep: tens of microseconds, which bridges
 * the gaps between the parallel regions of one forward pass. */
#define SPIN_TURNS 4000

#define MAXIMUM_THREADS 1024

struct um_thread_pool {
    size_t threads;
    pthread_t *workers; /* [started]; threads - 1 once the pool is complete */
    size_t started;
    pthread_mutex_t mutex;
    pthread_cond_t job_posted;
    um_task_function *function;
    void *user;
    size_t count;
    _Alignas(UM_ALIGNMENT) atomic_size_t next_task;
    _Alignas(UM_ALIGNMENT) atomic_size_t generation;
    _Alignas(UM_ALIGNMENT) atomic_size_t busy_workers;
    atomic_bool stop;
};

typedef struct worker_start {
    um_thread_pool *pool;
    size_t worker;
} worker_start;

static void run_tasks(um_thread_pool *pool, size_t worker) {
    for (;;) {
        const size_t task = atomic_fetch_add_explicit(&pool->next_task, 1, memory_order_relaxed);
        if (task >= pool->count) {
            return;
        }
        pool->function(pool->user, task, worker);
    }
}

/* Wait until the generation differs from `seen`: spin first, then sleep. */
static void wait_for_job(um_thread_pool *pool, size_t seen) {
    for (int turn = 0; turn < SPIN_TURNS; turn++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) {
            return;
        }
        SPIN_HINT();
    }
    (void)pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(&pool->generation, memory_order_acquire) == seen) {
        (void)pthread_cond_wait(&pool->job_posted, &pool->mutex);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    const worker_start start = *(worker_start *)argument;
    free(argument);
    um_thread_pool *pool = start.pool;
    size_t seen = 0;
    for (;;) {
        wait_for_job(pool, seen);
        seen++;
        if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) {
            return NULL;
        }
        run_tasks(pool, start.worker);
        (void)atomic_fetch_sub_explicit(&pool->busy_workers, 1, memory_order_release);
    }
}

static void post_job(um_thread_pool *pool) {
    (void)pthread_mutex_lock(&pool->mutex);
    (void)atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    (void)pthread_cond_broadcast(&pool->job_posted);
    (void)pthread_mutex_unlock(&pool->mutex);
}

static um_status start_workers(um_thread_pool *pool, um_error *error) {
    for (size_t worker = 1; worker < pool->threads; worker++) {
        worker_start *start = malloc(sizeof *start);
        if (!start) {
            return um_error_memory(error, "thread pool", sizeof *start);
        }
        *start = (worker_start){.pool = pool, .worker = worker};
        const int reason = um_thread_start(&pool->workers[pool->started], worker_main, start);
        if (reason != 0) {
            free(start);
            return um_error_set_errno(error, reason, "cannot start thread %zu", worker);
        }
        pool->started++;
    }
    return UM_OK;
}

um_status um_thread_count(size_t asked, size_t maximum, size_t *threads, um_error *error) {
    *threads = asked > 0 ? asked : um_size_smaller(um_usable_processors(), maximum);
    return *threads <= maximum
               ? UM_OK
               : UM_RAISE(error, UM_ERR_LIMIT, "%zu threads asked for, at most %zu are possible",
                          *threads, maximum);
}

um_status um_thread_pool_create(size_t threads, um_thread_pool **pool, um_error *error) {
    *pool = NULL;
    UM_TRY(um_thread_count(threads, MAXIMUM_THREADS, &threads, error));
    um_thread_pool *created = NULL;
    UM_TRY(um_allocate(&created, 1, sizeof *created, "thread pool", error));
    created->threads = threads;
    (void)pthread_mutex_init(&created->mutex, NULL);
    (void)pthread_cond_init(&created->job_posted, NULL);
    um_status status =
        um_allocate(&created->workers, threads, sizeof *created->workers, "thread pool", error);
    if (status == UM_OK) {
        status = start_workers(created, error);
    }
    if (status != UM_OK) {
        um_thread_pool_free(created);
        return status;
    }
    *pool = created;
    return UM_OK;
}

void um_thread_pool_free(um_thread_pool *pool) {
    if (!pool) {
        return;
    }
    atomic_store_explicit(&pool->stop, true, memory_order_relaxed);
    post_job(pool);
    for (size_t i = 0; i < pool->started; i++) {
        (void)pthread_join(pool->workers[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->job_posted);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

size_t um_thread_pool_size(const um_thread_pool *pool) {
    return pool ? pool->threads : 1;
}

void um_thread_pool_run(um_thread_pool *pool, size_t count, um_task_function *function,
                        void *user) {
    if (!pool || pool->threads == 1 || count <= 1) {
        for (size_t task = 0; task < count; task++) {
            function(user, task, 0);
        }
        return;
    }
    pool->function = function;
    pool->user = user;
    pool->count = count;
    atomic_store_explicit(&pool->next_task, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy_workers, pool->started, memory_order_relaxed);
    post_job(pool);
    run_tasks(pool, 0);
    /* Where others use the processors, a worker may have to wait for this thread's. */
    for (int turn = 0; atomic_load_explicit(&pool->busy_workers, memory_order_acquire) != 0;) {
        if (turn < SPIN_TURNS) {
            SPIN_HINT();
            turn++;
        } else {
            (void)sched_yield();
        }
    }
}
