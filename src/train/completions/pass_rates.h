/* A few statistics, rounded as NumPy rounds them, so that a choice by them is the one that a script
 * with NumPy makes. */
#ifndef UM_TRAIN_COMPLETIONS_PASS_RATES_H
#define UM_TRAIN_COMPLETIONS_PASS_RATES_H

#include <stddef.h>

/* np.mean of `count` > 0 values. */
double um_mean(const double *values, size_t count);

/* np.std of `count` > 0 values: the population's, which divides by their count. */
double um_population_deviation(const double *values, size_t count);

/* np.percentile of `count` > 0 values in ascending order, at `percent` in [0, 100]: linear
 * interpolation between the two nearest of them. */
double um_percentile(const double *sorted, size_t count, double percent);

#endif
