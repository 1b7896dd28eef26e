/* Reading the metrics.jsonl of a training run (docs/METRICS.md). */
#ifndef UM_ANALYSIS_RUN_LOG_H
#define UM_ANALYSIS_RUN_LOG_H

#include <jansson.h>

#include "base/status.h"

#define UM_RUN_LOG_PROBLEMS 5 /* that are kept as text */
#define UM_RUN_LOG_SAMPLES 48 /* newest ones */

/* One named number over the steps.  Steps increase strictly: a line for a step that was already
 * there replaces it and what came after it. */
typedef struct um_run_series {
    char *kind; /* "step" or "validation" */
    char *name;
    double *steps;  /* [count] */
    double *values; /* [count]; NAN for null in the file */
    size_t count;
    size_t capacity;
    size_t value_capacity;
} um_run_series;

/* Zero-initialise; um_run_log_free. */
typedef struct um_run_log {
    char *path;  /* as given */
    json_t *run; /* the "run" line; NULL if the file has none */
    json_t *end; /* the "end" line; NULL while the run goes on, or after a kill */
    um_run_series *series;
    size_t series_count;
    size_t series_capacity;
    json_t *samples[UM_RUN_LOG_SAMPLES]; /* "sample" lines, by step */
    size_t sample_count;
    size_t resumptions;
    size_t line_count;                       /* lines of metrics */
    char problems[UM_RUN_LOG_PROBLEMS][256]; /* "<path>: line <n>: ..." */
    size_t problem_count;                    /* all of them */
} um_run_log;

/* Read `length` bytes; `path` names them in messages.  A line that is not one of metrics is noted
 * as a problem and left out; UM_ERR_FORMAT if that holds for all of them.  No bytes are a run
 * without steps.  Free *log whatever the outcome. */
um_status um_run_log_parse(const char *bytes, size_t length, const char *path, um_run_log *log,
                           um_error *error);

/* The same from a file, or from metrics.jsonl in a directory. */
um_status um_run_log_read(const char *path, um_run_log *log, um_error *error);

void um_run_log_free(um_run_log *log);

/* The series, or NULL. */
const um_run_series *um_run_log_find(const um_run_log *log, const char *kind, const char *name);

/* The newest step that a series has; 0 if there is none. */
double um_run_log_last_step(const um_run_log *log);

#endif
