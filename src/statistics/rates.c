#include "statistics/rates.h"

#include <math.h>

um_status um_problem_means(const double *values, size_t problems, size_t columns,
                           um_interval *intervals, um_error *error) {
    UM_TRY(
        um_bootstrap_means(values, NULL, problems, columns, UM_BOOTSTRAP_SEED, intervals, error));
    for (size_t i = 0; i < columns && problems == 1; i++) {
        intervals[i].low = intervals[i].mean;
        intervals[i].high = intervals[i].mean;
    }
    return UM_OK;
}

#define NORMAL_QUANTILE 1.959963984540054 /* of 97.5% */

um_status um_rate_means(const double *values, size_t problems, size_t columns,
                        um_interval *intervals, um_error *error) {
    UM_TRY(um_problem_means(values, problems, columns, intervals, error));
    const double square = NORMAL_QUANTILE * NORMAL_QUANTILE;
    for (size_t i = 0; i < columns; i++) {
        const double count = (double)intervals[i].count;
        if (intervals[i].mean == 0) {
            intervals[i].high = square / (count + square);
        } else if (intervals[i].mean == 1) {
            intervals[i].low = count / (count + square);
        }
    }
    return UM_OK;
}

double um_sign_test(size_t first, size_t second) {
    const size_t trials = first + second;
    const size_t fewer = first < second ? first : second;
    double tail = 0;
    double term = 0; /* log of C(trials, i) / 2^trials */
    if (first == second) {
        return 1;
    }
    term = -(double)trials * log(2);
    for (size_t i = 0; i <= fewer; i++) {
        tail += exp(term);
        term += log((double)(trials - i)) - log((double)(i + 1));
    }
    return fmin(1, 2 * tail);
}
