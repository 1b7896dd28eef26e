/* How sure a pass rate is, and whether two differ. */
#ifndef UM_EVAL_STATISTICS_H
#define UM_EVAL_STATISTICS_H

#include "base/status.h"

#define UM_BOOTSTRAP_RESAMPLES 2000

typedef struct um_interval {
    double low;
    double high;
} um_interval;

/* Percentile bootstrap over problems (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13): for each of `columns` quantities, the interval in which the mean over `count` > 0
 * problems lies in 95 of 100 resamples of the problems.  values[columns][count]; all quantities
 * share their resamples.  A pure function of values and seed. */
um_status um_bootstrap_means(const double *values, size_t columns, size_t count, uint64_t seed,
                             um_interval *intervals, um_error *error);

/* The two-sided exact sign test: the probability under "both are as likely" of a split at least as
 * uneven as `first` against `second`.  Of one sample a problem, with the discordant problems, this
 * is McNemar's exact test.  1 without any. */
double um_sign_test(size_t first, size_t second);

#endif
