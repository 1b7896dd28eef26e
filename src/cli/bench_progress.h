/* A bar with the time left, on standard error, for measurements that take a while. */
#ifndef UM_CLI_BENCH_PROGRESS_H
#define UM_CLI_BENCH_PROGRESS_H

#include <stdbool.h>

typedef struct um_bench_progress {
    bool terminal; /* nothing is shown elsewhere */
    bool shown;
    double start;
    double next;  /* clock at which it is drawn again */
    double later; /* estimated seconds of the measurements behind the present one; the caller's */
} um_bench_progress;

um_bench_progress um_bench_progress_start(void);

/* Draw, though not in the first two seconds and not too often: what is measured, and the estimated
 * seconds that it still takes, below 0 where nothing is known. */
void um_bench_progress_show(um_bench_progress *progress, const char *what, double left);

/* Take the bar away. */
void um_bench_progress_end(um_bench_progress *progress);

#endif
