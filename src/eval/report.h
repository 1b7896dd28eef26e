/* The results of an evaluation as one JSON object; tables and pages show its numbers and no
 * others. */
#ifndef UM_EVAL_REPORT_H
#define UM_EVAL_REPORT_H

#include "eval/run_records.h"
#include "statistics/pass_at_k.h"

typedef struct um_eval_facts {
    const json_t *settings; /* from the run's run.json */
    const char *model;      /* its name, for people */
    const char *problems;   /* the path of the problem file */
    const char *sandbox;    /* how programs were confined, or NULL */
} um_eval_facts;

/* Summarise a complete run: *report is a new reference (docs/EVALUATION.md lists its members).
 * Values of k above the number of samples are left out. */
um_status um_eval_report_create(const um_eval_records *records, const um_eval_facts *facts,
                                const um_pass_ks *ks, json_t **report, um_error *error);

/* Append the table for people to read. */
um_status um_eval_report_table(const json_t *report, um_buffer *text, um_error *error);

/* Append the page: HTML that needs no other files. */
um_status um_eval_report_page(const json_t *report, um_buffer *page, um_error *error);

#endif
