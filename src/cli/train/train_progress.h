/* How far a training run is: on a terminal one line that changes and fits its width, elsewhere a
 * line every ten seconds.  All on standard error. */
#ifndef UM_CLI_TRAIN_TRAIN_PROGRESS_H
#define UM_CLI_TRAIN_TRAIN_PROGRESS_H

#include "cli/terminal/terminal.h"
#include "train/run/metrics.h"

#define UM_PROGRESS_METRICS 16

typedef struct um_train_progress {
    um_terminal terminal;
    size_t first_step;
    size_t step; /* made so far */
    size_t total_steps;
    double values[UM_PROGRESS_METRICS]; /* of the metrics that are shown; NAN: none so far */
    double validation;                  /* newest validation loss, NAN: none so far */
    char phase[48];                     /* such as "rollout 37/80" */
    double start;                       /* clock */
    double next_line;                   /* clock */
    double step_seconds;                /* moving average of a step */
    double all_step_seconds;            /* sum */
    double step_end;                    /* clock at the end of the last one */
    size_t shown;                       /* columns of the line on the screen */
} um_train_progress;

um_train_progress um_train_progress_start(size_t first_step, size_t total_steps);

/* Take note of a step that took `seconds`, and show it when it is time to.  Of `values`, the
 * metrics of docs/METRICS.md that have a place on the line are used. */
void um_train_progress_step(um_train_progress *progress, size_t step, double seconds,
                            const um_metric *values, size_t count);

/* Take note of what the step is doing, such as `done` of `total` of "rollout"; total 0: no
 * numbers. */
void um_train_progress_phase(um_train_progress *progress, const char *phase, size_t done,
                             size_t total);

/* Print a validation on a line of its own, which stays. */
void um_train_progress_validation(um_train_progress *progress, size_t step, const um_metric *values,
                                  size_t count);

/* Erase the changing line, so that a message can be printed. */
void um_train_progress_clear(um_train_progress *progress);

/* Show the last state and leave it on the screen. */
void um_train_progress_end(um_train_progress *progress);

/* ---- Parts, also used by tests ------------------------------------------- */

/* Take note of the times of a step that ended at `now`. */
void um_train_progress_note(um_train_progress *progress, size_t step, double seconds, double now);

/* Seconds until the end of the last step: for each step left, the moving average of a step and the
 * mean time of all else so far (validations, saves), less the time since the newest step ended.
 * NAN before the first step. */
double um_train_progress_left(const um_train_progress *progress, double now);

/* Append the line in at most `columns` characters, all ASCII: what matters least is left out
 * first. */
um_status um_train_progress_text(const um_train_progress *progress, double now, size_t columns,
                                 um_buffer *text, um_error *error);

#endif
