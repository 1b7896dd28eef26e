/* Compare two runs over the same problems: is one better? */
#ifndef UM_EVAL_COMPARISON_H
#define UM_EVAL_COMPARISON_H

#include <jansson.h>

#include "base/buffer.h"

/* Compare the runs kept in two directories over the problems that both have judged samples of:
 * *comparison is a new reference (docs/EVALUATION.md lists its members).  The difference in pass@1
 * is the second run's rate minus the first's, with a paired bootstrap over problems; the exact sign
 * test counts the problems that one run solves more often than the other, and is McNemar's exact
 * test if each run has one sample of each problem.  UM_ERR_MISMATCH if the runs are over different
 * problem sets, or have no problem in common. */
um_status um_eval_compare(const char *first, const char *second, json_t **comparison,
                          um_error *error);

/* A problem that both runs have: its pass@1 in each. */
typedef struct um_rate_pair {
    double first;
    double second;
} um_rate_pair;

/* The same for pairs[count], count > 0: *comparison is a new reference with "problems", "pass@1"
 * and "test" only.  `one_sample_each` says that both runs have one sample of each problem, and the
 * test is therefore McNemar's. */
um_status um_eval_compare_rates(const um_rate_pair *pairs, size_t count, bool one_sample_each,
                                json_t **comparison, um_error *error);

/* Append the comparison as text for people to read. */
um_status um_eval_comparison_text(const json_t *comparison, um_buffer *text, um_error *error);

#endif
