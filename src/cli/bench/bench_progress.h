/* A bar with the time left, on standard error, for measurements that take a while. */
#ifndef UM_CLI_BENCH_BENCH_PROGRESS_H
#define UM_CLI_BENCH_BENCH_PROGRESS_H

#include <stdbool.h>

typedef struct um_bench_progress {
    bool terminal; /* standard error is one; otherwise nothing is shown */
    bool shown;
    double start;
    double next;  /* time of the next redraw */
    double later; /* estimated seconds of the measurements after this one; set by the caller */
} um_bench_progress;

um_bench_progress um_bench_progress_start(void);

/* Draw what is being measured and the estimated seconds left of it (below 0: unknown), but not in
 * the first two seconds and not too often. */
void um_bench_progress_show(um_bench_progress *progress, const char *what, double left);

/* Remove the bar. */
void um_bench_progress_end(um_bench_progress *progress);

#endif
