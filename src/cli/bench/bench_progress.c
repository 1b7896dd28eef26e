#include "cli/bench/bench_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/terminal/terminal.h"

#define PATIENCE 2.0 /* seconds */
#define INTERVAL 0.2
#define WIDTH 20

um_bench_progress um_bench_progress_start(void) {
    const double now = um_clock_seconds();
    return (um_bench_progress){
        .terminal = um_terminal_probe(STDERR_FILENO).is_live, .start = now, .next = now + PATIENCE};
}

void um_bench_progress_show(um_bench_progress *progress, const char *what, double left) {
    const double now = um_clock_seconds();
    if (!progress->terminal || now < progress->next) {
        return;
    }
    progress->next = now + INTERVAL;
    progress->shown = true;
    if (left < 0) {
        (void)fprintf(stderr, "\r\033[K%s ...", what);
        return;
    }
    const double done = now - progress->start;
    const double all = done + left + progress->later;
    const int filled = (int)(WIDTH * done / all);
    char duration[32];
    um_text_of_duration(left + progress->later, duration, sizeof duration);
    (void)fprintf(stderr, "\r\033[K[%.*s%.*s] %s, %s left", filled, "####################",
                  WIDTH - filled, "....................", what, duration);
}

void um_bench_progress_end(um_bench_progress *progress) {
    if (progress->shown) {
        (void)fputs("\r\033[K", stderr);
        progress->shown = false;
    }
}
