#include "cli/terminal/progress_bar.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/terminal/terminal.h"

/* Seconds before the bar appears, and between two redraws. */
#define PATIENCE 0.5
#define INTERVAL 0.2

#define CELLS 24

um_progress_bar um_progress_bar_start(const char *what) {
    const double now = um_clock_seconds();
    return (um_progress_bar){.what = what,
                             .terminal = um_terminal_probe(STDERR_FILENO).is_live,
                             .start = now,
                             .next = now + PATIENCE};
}

/* Whether it is time to draw again. */
static bool is_due(um_progress_bar *bar, size_t total) {
    const double now = bar->terminal ? um_clock_seconds() : 0;
    if (!bar->terminal || now < bar->next || total == 0) {
        return false;
    }
    bar->next = now + INTERVAL;
    bar->shown = true;
    return true;
}

static void draw(const um_progress_bar *bar, double share, size_t total, double seconds_left) {
    char cells[CELLS + 1];
    for (size_t i = 0; i < CELLS; i++) {
        cells[i] = (double)i < share * CELLS ? '#' : '.';
    }
    cells[CELLS] = '\0';
    char left[32] = "?";
    if (isfinite(seconds_left)) {
        um_text_of_duration(seconds_left, left, sizeof left);
    }
    char size[48];
    if (bar->unit) {
        (void)snprintf(size, sizeof size, "%zu %s", total, bar->unit);
    } else {
        (void)snprintf(size, sizeof size, "%.1f MB", (double)total / 1e6);
    }
    (void)fprintf(stderr, "\r\033[K%s [%s] %3.0f%% of %s, %s left", bar->what, cells, 100 * share,
                  size, left);
    (void)fflush(stderr);
}

void um_progress_bar_show(um_progress_bar *bar, size_t done, size_t total, double seconds_left) {
    if (is_due(bar, total)) {
        draw(bar, (double)done / (double)total, total, seconds_left);
    }
}

bool um_progress_bar_watch(void *user, size_t done, size_t total) {
    um_progress_bar *bar = user;
    if (is_due(bar, total)) {
        const double share = (double)done / (double)total;
        const double spent = um_clock_seconds() - bar->start;
        draw(bar, share, total, share > 0 ? spent * (1 - share) / share : (double)NAN);
    }
    return !um_cli_interrupted();
}

void um_progress_bar_end(um_progress_bar *bar) {
    if (bar->shown) {
        (void)fputs("\r\033[K", stderr);
        bar->shown = false;
    }
}
