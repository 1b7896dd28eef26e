/* Two runs over the same problems: is one better? */
#ifndef UM_EVAL_COMPARISON_H
#define UM_EVAL_COMPARISON_H

#include <jansson.h>

#include "base/buffer.h"

/* Compare the runs kept in two directories over the problems that both have judged samples of:
 * *comparison is a new reference (docs/EVALUATION.md has its members).  The difference in pass@1 is
 * that of the second run less the first, with a paired bootstrap over problems; the exact sign test
 * counts the problems that one run solves more often than the other, and is McNemar's exact test
 * where each has one sample.  UM_ERR_MISMATCH where the runs are of other problems, or have none in
 * common. */
um_status um_eval_compare(const char *first, const char *second, json_t **comparison,
                          um_error *error);

/* A problem of both runs: its pass@1 in each. */
typedef struct um_rate_pair {
    double first;
    double second;
} um_rate_pair;

/* The same for pairs[count], count > 0: *comparison is a new reference with "problems", "pass@1"
 * and "test" only.  With one sample a problem in both the test is McNemar's. */
um_status um_eval_compare_rates(const um_rate_pair *pairs, size_t count, bool one_sample_each,
                                json_t **comparison, um_error *error);

/* Append what people read of it. */
um_status um_eval_comparison_text(const json_t *comparison, um_buffer *text, um_error *error);

#endif
