#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/rng.h"

#define TAIL 0.025

static int order_of_numbers(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The means of resample `number`, into means[column][number]. */
static void resample(const double *values, size_t columns, size_t count, uint64_t seed,
                     size_t number, double *means) {
    for (size_t column = 0; column < columns; column++) {
        means[column * UM_BOOTSTRAP_RESAMPLES + number] = 0;
    }
    for (size_t draw = 0; draw < count; draw += 4) {
        uint32_t words[4];
        um_rng_words(seed,
                     (um_rng_place){.purpose = UM_RNG_BOOTSTRAP,
                                    .sequence = (uint32_t)number,
                                    .position = (uint32_t)(draw / 4)},
                     words);
        for (size_t i = 0; i < 4 && draw + i < count; i++) {
            const size_t problem = (size_t)(((uint64_t)words[i] * count) >> 32);
            for (size_t column = 0; column < columns; column++) {
                means[column * UM_BOOTSTRAP_RESAMPLES + number] +=
                    values[column * count + problem] / (double)count;
            }
        }
    }
}

/* The quantile of sorted numbers, between its neighbours by their distance. */
static double quantile(const double *sorted, size_t count, double share) {
    const double place = share * (double)(count - 1);
    const size_t below = (size_t)place;
    const size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

um_status um_bootstrap_means(const double *values, size_t columns, size_t count, uint64_t seed,
                             um_interval *intervals, um_error *error) {
    double *means = NULL;
    UM_TRY(
        um_allocate(&means, columns, UM_BOOTSTRAP_RESAMPLES * sizeof *means, "resamples", error));
    for (size_t number = 0; number < UM_BOOTSTRAP_RESAMPLES; number++) {
        resample(values, columns, count, seed, number, means);
    }
    for (size_t column = 0; column < columns; column++) {
        double *sorted = means + column * UM_BOOTSTRAP_RESAMPLES;
        qsort(sorted, UM_BOOTSTRAP_RESAMPLES, sizeof *sorted, order_of_numbers);
        intervals[column] =
            (um_interval){.low = quantile(sorted, UM_BOOTSTRAP_RESAMPLES, TAIL),
                          .high = quantile(sorted, UM_BOOTSTRAP_RESAMPLES, 1 - TAIL)};
    }
    free(means);
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
