/* Confidence intervals of means by resampling (Efron and Tibshirani, "An Introduction to the
 * Bootstrap", 1993, chapter 13: percentile intervals). */
#ifndef UM_STATISTICS_BOOTSTRAP_H
#define UM_STATISTICS_BOOTSTRAP_H

#include "base/status.h"

#define UM_BOOTSTRAP_RESAMPLES 2000
#define UM_BOOTSTRAP_LEVEL 0.95

typedef struct um_interval {
    double mean; /* NAN if there is no value */
    double low;  /* NAN if there are fewer than two groups */
    double high;
    size_t count; /* values */
} um_interval;

/* Means of several columns, with percentile intervals.  Whole groups are drawn with replacement,
 * the same ones for all columns, because values of one group, such as the answers to one prompt,
 * belong together.  values[row_count][column_count]: a NAN is a missing value; groups[row_count]:
 * any numbers, or NULL if each row is its own group; intervals[column_count].  The same seed gives
 * the same intervals, with `groups` whatever the order of the rows (except for the rounding of
 * sums). */
um_status um_bootstrap_means(const double *values, const uint64_t *groups, size_t row_count,
                             size_t column_count, uint64_t seed, um_interval *intervals,
                             um_error *error);

/* How many distinct numbers groups[row_count] contains. */
um_status um_bootstrap_count_groups(const uint64_t *groups, size_t row_count, size_t *count,
                                    um_error *error);

#endif
