/* Parts of an evaluation: the problems of a level, of a format, or all of them, and what is told
 * of them. */
#ifndef UM_EVAL_REPORT_PARTS_H
#define UM_EVAL_REPORT_PARTS_H

#include "eval/report.h"

typedef struct um_eval_part {
    const size_t *problems; /* [count] numbers of the records */
    size_t count;
} um_eval_part;

/* How many samples of a problem passed. */
size_t um_eval_passed(const um_eval_records *records, size_t problem);

/* *object is a new reference: "problems", "samples", "passed", and for each k "pass@k" with
 * "value", "low" and "high". */
um_status um_eval_part_rates(const um_eval_records *records, const um_eval_part *part,
                             const um_pass_ks *ks, json_t **object, um_error *error);

/* What decoding the samples cost, and into which parts their time went. */
typedef struct um_eval_cost_sum {
    size_t answers;
    size_t unmeasured; /* answers without time */
    double tokens;
    double forwards;
    double steps;
    double measured_tokens;                                /* of answers with time */
    double decode, forward, projection, sampling, sandbox; /* seconds */
} um_eval_cost_sum;

/* Of the part, or with NULL of all problems. */
um_eval_cost_sum um_eval_part_cost(const um_eval_records *records, const um_eval_part *part);

/* The member "cost" of a report: rates are of the answers with time, counts of all.  A new
 * reference, or NULL without memory. */
json_t *um_eval_cost_json(const um_eval_cost_sum *sum);

#endif
