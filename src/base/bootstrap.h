/* Intervals of means by resampling (Efron and Tibshirani, "An Introduction to the Bootstrap",
 * 1993, chapter 13: percentile intervals). */
#ifndef UM_BASE_BOOTSTRAP_H
#define UM_BASE_BOOTSTRAP_H

#include "base/status.h"

#define UM_BOOTSTRAP_RESAMPLES 2000
#define UM_BOOTSTRAP_LEVEL 0.95

typedef struct um_interval {
    double mean; /* NAN where there is no value */
    double low;  /* NAN where there are fewer than two groups */
    double high;
    size_t count; /* values */
} um_interval;

/* Means of several columns, with percentile intervals from samples of whole groups, drawn with
 * replacement, the same ones for all columns: values of one group, such as the answers to one
 * prompt, belong together.  values[row_count][column_count], where a NAN is no value;
 * groups[row_count], any numbers, or NULL: each row is a group; intervals[column_count].  The same
 * seed gives the same intervals, whatever the order of the rows (but for the rounding of sums). */
um_status um_bootstrap_means(const double *values, const uint64_t *groups, size_t row_count,
                             size_t column_count, uint64_t seed, um_interval *intervals,
                             um_error *error);

/* How many different numbers there are among groups[row_count]. */
um_status um_bootstrap_count_groups(const uint64_t *groups, size_t row_count, size_t *count,
                                    um_error *error);

#endif
