/* How far a long operation is, on one line of a terminal. */
#ifndef UM_CLI_TERMINAL_PROGRESS_BAR_H
#define UM_CLI_TERMINAL_PROGRESS_BAR_H

#include "base/status.h"

typedef struct um_progress_bar {
    const char *what; /* such as "converting" */
    const char *unit; /* what is counted, such as "programs"; NULL for bytes, shown as MB */
    bool terminal;
    bool shown;
    double start; /* clock */
    double next;
} um_progress_bar;

/* A bar on standard error.  It is not shown if that is no terminal, nor for the first moment, so
 * that quick operations show nothing. */
um_progress_bar um_progress_bar_start(const char *what);

/* For a watch, or the options of a model, whose user is the bar: show that `done` of `total` bytes
 * (or units) are done; false after Ctrl-C (um_cli_catch_interrupts). */
bool um_progress_bar_watch(void *bar, size_t done, size_t total);

/* The same if the caller knows better how many seconds are left; NAN: unknown. */
void um_progress_bar_show(um_progress_bar *bar, size_t done, size_t total, double seconds_left);

/* Erase the bar. */
void um_progress_bar_end(um_progress_bar *bar);

#endif
