/* How far a long operation is, on one line of a terminal. */
#ifndef UM_CLI_PROGRESS_BAR_H
#define UM_CLI_PROGRESS_BAR_H

#include "base/status.h"

typedef struct um_progress_bar {
    const char *what; /* such as "converting" */
    bool terminal;
    bool shown;
    double start; /* clock */
    double next;
} um_progress_bar;

/* A bar on standard error, which stays empty where that is no terminal, and for the first moment,
 * so that what is quick says nothing. */
um_progress_bar um_progress_bar_start(const char *what);

/* `done` of `total` bytes. */
void um_progress_bar_show(um_progress_bar *bar, size_t done, size_t total);

/* Wipe it out. */
void um_progress_bar_end(um_progress_bar *bar);

#endif
