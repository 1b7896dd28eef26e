/* How certain a pass rate is, and whether two rates differ. */
#ifndef UM_STATISTICS_RATES_H
#define UM_STATISTICS_RATES_H

#include "statistics/bootstrap.h"

#define UM_BOOTSTRAP_SEED 1

/* Means over problems, with intervals from resamples of the problems (statistics/bootstrap.h),
 * always with the seed above: values[problems][columns], intervals[columns].  The interval of a
 * single problem is a point. */
um_status um_problem_means(const double *values, size_t problems, size_t columns,
                           um_interval *intervals, um_error *error);

/* The same for rates, which are 0 to 1.  Resamples of problems that all have the rate 0, or all 1,
 * say nothing of how certain it is: there the other end of the interval is Wilson's (1927). */
um_status um_rate_means(const double *values, size_t problems, size_t columns,
                        um_interval *intervals, um_error *error);

/* The two-sided exact sign test: the probability, if both sides are equally likely, of a split at
 * least as uneven as `first` against `second`.  With one sample per problem, and the discordant
 * problems counted, this is McNemar's exact test.  1 if both counts are 0. */
double um_sign_test(size_t first, size_t second);

#endif
