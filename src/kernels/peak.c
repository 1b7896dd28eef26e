#include "kernels/peak.h"

#include <stdatomic.h>

#include "base/clock.h"

#define RUN_SECONDS 0.02    /* of one run: long compared with the scheduler's time slice */
#define TASKS_A_THREAD 16   /* in one run: a thread that starts late leaves its share to others */
#define ROUNDS_MAXIMUM 1e12 /* a bound in case the clock stands still */

const char *um_peak_kind_name(um_peak_kind kind) {
    static const char *const names[UM_PEAK_KINDS] = {"float", "wide", "narrow"};
    return names[kind];
}

um_peak_kind um_peak_kind_of(um_dtype dtype) {
    if (dtype == UM_DTYPE_F32) {
        return UM_PEAK_FLOAT;
    }
    return um_pack_kind_of(dtype) == UM_PACK_WIDE ? UM_PEAK_WIDE : UM_PEAK_NARROW;
}

typedef struct peak_run {
    void (*kernel)(size_t rounds, um_peak_work *work);
    size_t rounds;             /* of a task */
    _Atomic double operations; /* of one task; all are equal */
    _Atomic float result;
} peak_run;

static void run_task(void *user, size_t task, size_t worker) {
    (void)task;
    (void)worker;
    peak_run *run = user;
    um_peak_work work = {0};
    run->kernel(run->rounds, &work);
    run->operations = work.operations;
    run->result = work.result;
}

/* The seconds that one run takes, and the operations in it. */
static double time_run(const um_compute *compute, peak_run *run, double *operations) {
    const size_t tasks = um_thread_pool_size(compute->pool) * TASKS_A_THREAD;
    const double start = um_clock_seconds();
    um_thread_pool_run(compute->pool, tasks, run_task, run);
    const double seconds = um_clock_seconds() - start;
    *operations = run->operations * (double)tasks;
    return seconds;
}

double um_peak_measure(const um_compute *compute, um_peak_kind kind, double seconds) {
    const um_kernels *kernels = &compute->kernels;
    peak_run run = {.rounds = 1};
    run.kernel = kind == UM_PEAK_FLOAT  ? kernels->peak_float
                 : kind == UM_PEAK_WIDE ? kernels->peak_wide
                                        : kernels->peak_narrow;
    const double end = um_clock_seconds() + seconds;
    double best = 0;
    do {
        double operations = 0;
        const double taken = time_run(compute, &run, &operations);
        if (taken < RUN_SECONDS / 2 && (double)run.rounds < ROUNDS_MAXIMUM) {
            run.rounds *= 2; /* too short to time: not counted */
            continue;
        }
        const double rate = operations / taken;
        best = rate > best ? rate : best;
    } while (best <= 0 || um_clock_seconds() < end);
    return best;
}
