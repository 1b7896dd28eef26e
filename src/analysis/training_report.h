/* A report on training runs: one HTML page, a summary for people, and one for programs. */
#ifndef UM_ANALYSIS_TRAINING_REPORT_H
#define UM_ANALYSIS_TRAINING_REPORT_H

#include "analysis/run_log.h"
#include "base/buffer.h"

/* Most runs on one page. */
#define UM_REPORT_RUNS 64

typedef struct um_report_run {
    const um_run_log *log;
    const char *name; /* what the page calls it */
} um_report_run;

/* Append the page: curves of all runs on top of one another, final numbers, recipes with their
 * differences, and newest samples.  It is self-contained, and its size hardly depends on the length
 * of the runs. */
um_status um_report_page(const um_report_run *runs, size_t count, um_buffer *page, um_error *error);

/* Append a few lines of plain text about each run. */
um_status um_report_text(const um_report_run *runs, size_t count, um_buffer *text, um_error *error);

/* Append one JSON object (docs/METRICS.md) with the facts and final numbers of each run. */
um_status um_report_json(const um_report_run *runs, size_t count, um_buffer *text, um_error *error);

#endif
