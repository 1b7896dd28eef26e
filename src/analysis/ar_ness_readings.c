/* The metrics in all readings, and what a random order gives. */
#include <math.h>

#include "analysis/ar_ness.h"

/* ---- Readings -------------------------------------------------------------- */

#define LOCAL_READINGS ((size_t)UM_AR_NESS_PATTERNS * UM_AR_NESS_STARTS)
#define READINGS_OF_TIES (LOCAL_READINGS + 1)

um_ar_ness_reading um_ar_ness_reading_at(size_t index) {
    const size_t within = index % READINGS_OF_TIES;
    return (um_ar_ness_reading){
        .is_global = within == LOCAL_READINGS,
        .pattern = (um_ar_ness_pattern)(within % LOCAL_READINGS / UM_AR_NESS_STARTS),
        .start = (um_ar_ness_start)(within % LOCAL_READINGS % UM_AR_NESS_STARTS),
        .ties = (um_commit_ties)(index / READINGS_OF_TIES),
    };
}

size_t um_ar_ness_default(bool is_global) {
    size_t index = 0;
    for (;; index++) {
        const um_ar_ness_reading reading = um_ar_ness_reading_at(index);
        if (reading.is_global == is_global && reading.ties == UM_TIES_BY_CONFIDENCE &&
            reading.pattern == UM_PATTERN_SET && reading.start == UM_START_SKIPPED) {
            return index;
        }
    }
}

static um_status measure_order(const um_commit_order *order, um_commit_ties ties,
                               double values[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM],
                               um_error *error) {
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        const um_ar_ness_reading reading = um_ar_ness_reading_at(i);
        if (reading.ties != ties) {
            continue;
        }
        if (reading.is_global) {
            UM_TRY(um_ar_ness_global(order, values[i], error));
        }
        for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM && !reading.is_global; k++) {
            values[i][k - 1] = um_ar_ness_local(order, k, reading.pattern, reading.start);
        }
    }
    return UM_OK;
}

um_status um_ar_ness_measure(const um_trace *trace,
                             double values[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM],
                             um_error *error) {
    for (size_t i = 0; i < UM_COMMIT_TIES; i++) {
        um_commit_order order = {0};
        um_status status = um_commit_order_of(trace, (um_commit_ties)i, &order, error);
        if (status == UM_OK) {
            status = measure_order(&order, (um_commit_ties)i, values, error);
        }
        um_commit_order_free(&order);
        UM_TRY(status);
    }
    return UM_OK;
}

/* ---- Random orders --------------------------------------------------------- */

/* The chance that `k` commits, in any order (sets) or in ascending order (sequences), and the next
 * one fill k + 1 consecutive places out of n with the last one rightmost: (n - k) choices of where,
 * times the orders, over the ordered choices of k + 1 places.  This is (n - k)! / n!, times k! for
 * sets. */
static double chance_of_run(size_t n, size_t k, um_ar_ness_pattern pattern) {
    double chance = n > k ? 1 : 0;
    for (size_t i = 0; i < k && chance > 0; i++) {
        chance /= (double)(n - i);
        chance *= pattern == UM_PATTERN_SET ? (double)(i + 1) : 1;
    }
    return chance;
}

/* The chance that the first `t` commits are the t leftmost places with the t-th the rightmost of
 * them: (t - 1)! (n - t)! / n!, without (t - 1)! for sequences. */
static double chance_of_start(size_t n, size_t t, um_ar_ness_pattern pattern) {
    double chance = 1;
    for (size_t i = 0; i < t; i++) {
        chance /= (double)(n - i);
        chance *= pattern == UM_PATTERN_SET && i > 0 ? (double)i : 1;
    }
    return chance;
}

double um_ar_ness_random_local(size_t place_count, size_t count, size_t k,
                               um_ar_ness_pattern pattern, um_ar_ness_start start) {
    const size_t later = count > k ? count - k : 0;
    const double run = chance_of_run(place_count, k, pattern);
    double sum = (double)later * run;
    if (count == 0 || (start == UM_START_SKIPPED && later == 0)) {
        return (double)NAN;
    }
    if (start == UM_START_SKIPPED) {
        return run;
    }
    for (size_t t = 1; t <= k && t <= count && start == UM_START_PROMPT; t++) {
        sum += chance_of_start(place_count, t, pattern);
    }
    return sum / (double)count;
}

double um_ar_ness_random_global(size_t place_count, size_t count, size_t k) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) {
        const size_t masked = place_count - t;
        sum += masked > k ? (double)k / (double)masked : 1;
    }
    return count > 0 ? sum / (double)count : (double)NAN;
}
