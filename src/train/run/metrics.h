/* The record of a training run: one metrics.jsonl, one JSON object per line (docs/METRICS.md).
 *
 * A line is one write to a file that is only appended to, so a kill leaves whole lines and at most
 * a torn last one.  Opening the file again cuts that one off, and also the lines that the run will
 * write again, so that none appears twice.  A line that cannot be written is lost whole: training
 * goes on, and um_metrics_close reports how many lines were lost. */
#ifndef UM_TRAIN_RUN_METRICS_H
#define UM_TRAIN_RUN_METRICS_H

#include <jansson.h>

#include "train/run/metric.h"

/* The file inside an output directory. */
#define UM_METRICS_FILE "metrics.jsonl"

/* The version of the line format; the "run" line contains it. */
#define UM_METRICS_FORMAT 1

typedef struct um_metrics um_metrics;

/* What the first line of a file contains, and which part of an older file is still valid. */
typedef struct um_metrics_run {
    uint64_t recipe_id; /* um_recipe_fingerprint: a file of another recipe is refused */
    size_t step;        /* steps already made: 0 for a fresh run, else where it continues */
    size_t total_steps;
    bool validation_is_due; /* the run will make the validation of `step` (again) */
    const json_t *facts;    /* object whose members go into the "run" line; its "program", "started"
                               and "machine" also into a "resumed" line.  Borrowed. */
} um_metrics_run;

/* Open or make the file at `path`.  A fresh run empties it and begins with a "run" line.  A run
 * that continues cuts off the "end" line, lines of later steps (and of a validation that is due)
 * and a torn last line, and adds a "resumed" line.  UM_ERR_FORMAT: a file of something else;
 * UM_ERR_MISMATCH: one of another recipe; both stay as they are.  What is not a regular file, such
 * as a pipe, is only appended to.  Free *metrics with um_metrics_close. */
um_status um_metrics_open(const char *path, const um_metrics_run *run, um_metrics **metrics,
                          um_error *error);

/* Append {"kind": kind, "step": step, name: value...}; null for a value that is not finite.  On
 * UM_ERR_IO the line is lost. */
um_status um_metrics_numbers(um_metrics *metrics, const char *kind, size_t step,
                             const um_metric *values, size_t count, um_error *error);

/* Append a "sample" line. */
um_status um_metrics_put_sample(um_metrics *metrics, size_t step, const um_sample_report *sample,
                                um_error *error);

/* Append the last line: "end" with how the run ended ("finished", "stopped", "failed") and how long
 * this process worked on it. */
um_status um_metrics_end(um_metrics *metrics, size_t step, const char *outcome, double seconds,
                         um_error *error);

/* Wait until the lines so far are on the disk. */
void um_metrics_sync(um_metrics *metrics);

/* Lines that were lost so far. */
size_t um_metrics_lost(const um_metrics *metrics);

/* Close and free; UM_ERR_IO: lines were lost.  NULL is allowed. */
um_status um_metrics_close(um_metrics *metrics, um_error *error);

#endif
