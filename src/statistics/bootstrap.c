#include "statistics/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/sort.h"

/* ---- Groups ----------------------------------------------------------------- */

typedef struct group_row {
    uint64_t group;
    size_t row;
} group_row;

static int by_group(const void *a, const void *b) {
    const group_row *x = a;
    const group_row *y = b;
    return (x->group > y->group) - (x->group < y->group);
}

/* numbers[row_count]: the group of each row, numbered from 0 in ascending order of groups, so that
 * the order of the rows has no effect. */
static um_status number_groups(const uint64_t *groups, size_t row_count, size_t *numbers,
                               size_t *count, um_error *error) {
    group_row *rows = NULL;
    UM_TRY(um_allocate(&rows, row_count, sizeof *rows, "bootstrap", error));
    for (size_t i = 0; i < row_count; i++) {
        rows[i] = (group_row){groups ? groups[i] : i, i};
    }
    qsort(rows, row_count, sizeof *rows, by_group);
    *count = 0;
    for (size_t i = 0; i < row_count; i++) {
        *count += i == 0 || rows[i].group != rows[i - 1].group ? 1 : 0;
        numbers[rows[i].row] = *count - 1;
    }
    free(rows);
    return UM_OK;
}

um_status um_bootstrap_count_groups(const uint64_t *groups, size_t row_count, size_t *count,
                                    um_error *error) {
    size_t *numbers = NULL;
    UM_TRY(um_allocate(&numbers, row_count, sizeof *numbers, "bootstrap", error));
    const um_status status = number_groups(groups, row_count, numbers, count, error);
    free(numbers);
    return status;
}

/* ---- Resampling ------------------------------------------------------------- */

typedef struct resampler {
    size_t *numbers; /* [rows] */
    size_t groups;
    size_t columns;
    double *sums;   /* [groups][columns] */
    double *counts; /* [groups][columns] */
    double *sum;    /* [columns]: of one sample */
    double *count;  /* [columns] */
    double *means;  /* [columns][UM_BOOTSTRAP_RESAMPLES] */
} resampler;

static void resampler_free(resampler *state) {
    free(state->numbers);
    free(state->sums);
    free(state->counts);
    free(state->sum);
    free(state->count);
    free(state->means);
}

static um_status resampler_create(const uint64_t *groups, size_t row_count, size_t column_count,
                                  resampler *state, um_error *error) {
    static const char what[] = "bootstrap";
    size_t cells = 0;
    size_t means = 0;
    state->columns = column_count;
    UM_TRY(um_allocate(&state->numbers, row_count, sizeof(size_t), what, error));
    UM_TRY(number_groups(groups, row_count, state->numbers, &state->groups, error));
    if (!um_size_multiply(state->groups, column_count, &cells) ||
        !um_size_multiply(UM_BOOTSTRAP_RESAMPLES, column_count, &means)) {
        return um_error_memory(error, what, SIZE_MAX);
    }
    UM_TRY(um_allocate(&state->sums, cells, sizeof(double), what, error));
    UM_TRY(um_allocate(&state->counts, cells, sizeof(double), what, error));
    UM_TRY(um_allocate(&state->sum, column_count, sizeof(double), what, error));
    UM_TRY(um_allocate(&state->count, column_count, sizeof(double), what, error));
    return um_allocate(&state->means, means, sizeof(double), what, error);
}

static void add_rows(resampler *state, const double *values, size_t row_count) {
    for (size_t i = 0; i < row_count; i++) {
        const size_t group = state->numbers[i] * state->columns;
        for (size_t j = 0; j < state->columns; j++) {
            const double value = values[i * state->columns + j];
            state->sums[group + j] += isfinite(value) ? value : 0;
            state->counts[group + j] += isfinite(value) ? 1 : 0;
        }
    }
}

static size_t groups_with_values(const resampler *state, size_t column) {
    size_t count = 0;
    for (size_t g = 0; g < state->groups; g++) {
        count += state->counts[g * state->columns + column] > 0 ? 1 : 0;
    }
    return count;
}

static void clear_sample(resampler *state) {
    for (size_t j = 0; j < state->columns; j++) {
        state->sum[j] = 0;
        state->count[j] = 0;
    }
}

static void take_group(resampler *state, size_t group) {
    const double *sums = state->sums + group * state->columns;
    const double *counts = state->counts + group * state->columns;
    for (size_t j = 0; j < state->columns; j++) {
        state->sum[j] += sums[j];
        state->count[j] += counts[j];
    }
}

static void resample(resampler *state, uint64_t seed) {
    for (uint32_t i = 0; i < UM_BOOTSTRAP_RESAMPLES; i++) {
        clear_sample(state);
        for (size_t g = 0; g < state->groups; g++) {
            const um_rng_place place = {UM_RNG_BOOTSTRAP, 0, i, (uint32_t)g};
            take_group(state, um_rng_below(seed, place, (uint32_t)state->groups));
        }
        for (size_t j = 0; j < state->columns; j++) {
            state->means[j * UM_BOOTSTRAP_RESAMPLES + i] = state->sum[j] / state->count[j];
        }
    }
}

/* ---- Intervals --------------------------------------------------------------- */

/* Quantile by linear interpolation between the order statistics. */
static double quantile(const double *sorted, size_t count, double share) {
    const double place = share * (double)(count - 1);
    const size_t below = (size_t)place;
    const size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static void find_interval(double *means, um_interval *interval) {
    size_t kept = 0; /* samples without any value have no mean */
    for (size_t i = 0; i < UM_BOOTSTRAP_RESAMPLES; i++) {
        if (isfinite(means[i])) {
            means[kept++] = means[i];
        }
    }
    if (kept > 0) {
        um_sort_numbers(means, kept);
        interval->low = quantile(means, kept, (1 - UM_BOOTSTRAP_LEVEL) / 2);
        interval->high = quantile(means, kept, (1 + UM_BOOTSTRAP_LEVEL) / 2);
    }
}

um_status um_bootstrap_means(const double *values, const uint64_t *groups, size_t row_count,
                             size_t column_count, uint64_t seed, um_interval *intervals,
                             um_error *error) {
    resampler state = {0};
    const um_status status = resampler_create(groups, row_count, column_count, &state, error);
    if (status == UM_OK) {
        add_rows(&state, values, row_count);
        clear_sample(&state);
        for (size_t g = 0; g < state.groups; g++) {
            take_group(&state, g);
        }
        for (size_t j = 0; j < column_count; j++) {
            const double mean = state.count[j] > 0 ? state.sum[j] / state.count[j] : (double)NAN;
            intervals[j] = (um_interval){mean, (double)NAN, (double)NAN, (size_t)state.count[j]};
        }
        if (state.groups > 1) {
            resample(&state, seed);
        }
        for (size_t j = 0; j < column_count; j++) {
            if (groups_with_values(&state, j) > 1) {
                find_interval(state.means + j * UM_BOOTSTRAP_RESAMPLES, &intervals[j]);
            }
        }
    }
    resampler_free(&state);
    return status;
}
