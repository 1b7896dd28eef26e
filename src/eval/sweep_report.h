/* The results of a sweep as one JSON object; tables and pages show its numbers and no others. */
#ifndef UM_EVAL_SWEEP_REPORT_H
#define UM_EVAL_SWEEP_REPORT_H

#include <jansson.h>

#include "base/buffer.h"
#include "eval/sweep_grid.h"

/* Summarise a sweep from the reports of its evaluations (eval/report.h), reports[points] in the
 * order of the grid, all of them over the same problems: *report is a new reference
 * (docs/EVALUATION.md lists its members).  UM_ERR_MISMATCH: reports over different problems;
 * UM_ERR_FORMAT: not such a report. */
um_status um_sweep_report_create(const um_sweep_grid *grid, json_t *const *reports, json_t **report,
                                 um_error *error);

/* Append the tables for people to read. */
um_status um_sweep_report_text(const json_t *report, um_buffer *text, um_error *error);

/* Append the page: HTML that needs no other files. */
um_status um_sweep_report_page(const json_t *report, um_buffer *page, um_error *error);

#endif
