/* The parts of a report; shared by its files only. */
#ifndef UM_ANALYSIS_REPORT_INTERNAL_H
#define UM_ANALYSIS_REPORT_INTERNAL_H

#include "analysis/report_metrics.h"
#include "analysis/training_report.h"
#include "page/html.h"
#include "page/page_style.h"

/* Colours that the style sheet has for runs; further runs are dashed. */
#define UM_REPORT_COLOURS 8

um_status um_report_put_charts(const um_report_run *runs, size_t count, um_buffer *page,
                               um_error *error);
um_status um_report_put_results(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error);
um_status um_report_put_recipes(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error);
um_status um_report_put_samples(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error);

/* A coloured mark and the name of run `index`. */
um_status um_report_put_run_name(const um_report_run *runs, size_t index, um_buffer *page,
                                 um_error *error);

/* How far the run is, as text: "finished, 100 steps", "stopped at step 20 of 100", "running or
 * killed at step 20 of 100". */
void um_report_state(const um_run_log *log, char *text, size_t text_size);

/* The number of steps that the run is to make; NAN if the file does not say. */
double um_report_total_steps(const um_run_log *log);

/* Seconds that its steps took in total. */
double um_report_step_seconds(const um_run_log *log);

#endif
