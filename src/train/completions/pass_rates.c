#include "train/completions/pass_rates.h"

#include <math.h>

/* NumPy adds up to this many values with eight running sums; it halves longer arrays first. */
#define BLOCK 128
#define LANES 8

/* value or, with a mean, the square of its distance from that. */
static double term(double value, const double *mean) {
    if (!mean) {
        return value;
    }
    const double distance = value - *mean;
    return distance * distance;
}

/* NumPy's pairwise sum of the terms. */
static double sum(const double *values, size_t count, const double *mean) {
    if (count > BLOCK) {
        const size_t half = count / 2 - count / 2 % LANES;
        return sum(values, half, mean) + sum(values + half, count - half, mean);
    }
    double total = 0;
    size_t at = 0;
    if (count >= LANES) {
        double lanes[LANES] = {0};
        for (; at < count - count % LANES; at++) {
            lanes[at % LANES] += term(values[at], mean);
        }
        total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
    for (; at < count; at++) {
        total += term(values[at], mean);
    }
    return total;
}

double um_mean(const double *values, size_t count) {
    return sum(values, count, NULL) / (double)count;
}

double um_population_deviation(const double *values, size_t count) {
    const double mean = um_mean(values, count);
    return sqrt(sum(values, count, &mean) / (double)count);
}

double um_percentile(const double *sorted, size_t count, double percent) {
    const double place = (double)(count - 1) * (percent / 100);
    const double below = floor(place);
    if (below >= (double)(count - 1)) {
        return sorted[count - 1];
    }
    const double low = sorted[(size_t)below];
    const double high = sorted[(size_t)below + 1];
    const double share = place - below;
    /* From the nearer end, which makes it symmetric. */
    return share >= 0.5 ? high - (high - low) * (1 - share) : low + (high - low) * share;
}
