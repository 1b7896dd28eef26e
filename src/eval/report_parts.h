/* Parts of an evaluation: the problems of one level, of one format, or all of them, and the figures
 * reported for each part. */
#ifndef UM_EVAL_REPORT_PARTS_H
#define UM_EVAL_REPORT_PARTS_H

#include "eval/report.h"

typedef struct um_eval_part {
    const size_t *problems; /* [count] indices into the records' problems */
    size_t count;
} um_eval_part;

/* How many samples of a problem passed. */
size_t um_eval_passed(const um_eval_records *records, size_t problem);

/* *object is a new reference: "problems", "samples", "passed", and for each k "pass@k" with
 * "value", "low" and "high". */
um_status um_eval_part_rates(const um_eval_records *records, const um_eval_part *part,
                             const um_pass_ks *ks, json_t **object, um_error *error);

/* The cost of decoding the samples, and how their time divides. */
typedef struct um_eval_cost_sum {
    size_t answers;
    size_t unmeasured; /* answers whose time was not measured */
    double tokens;
    double forwards;
    double steps;
    double measured_tokens;                                /* of the answers with a time */
    double decode, forward, projection, sampling, sandbox; /* seconds */
} um_eval_cost_sum;

/* The cost of the part, or of all problems if `part` is NULL. */
um_eval_cost_sum um_eval_part_cost(const um_eval_records *records, const um_eval_part *part);

/* The member "cost" of a report: times and tokens per second cover the answers with a time,
 * everything else covers all answers.  A new reference, or NULL if memory runs out. */
json_t *um_eval_cost_json(const um_eval_cost_sum *sum);

#endif
