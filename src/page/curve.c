#include "page/curve.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* At the very beginning the window looks ahead over 1 / LEAST_PART of its reach. */
#define LEAST_PART 16

/* Totals over the first i values.  What was lost in rounding `sum` is kept, so that a spike hides
 * nothing of the windows behind it. */
typedef struct prefix {
    double sum;
    double rest;
    size_t finite;
} prefix;

/* The exact sum of two numbers is `sum` + `rest` (Knuth's two-sum). */
static void add_value(const prefix *before, double value, prefix *after) {
    const double sum = before->sum + value;
    const double added = sum - before->sum;
    after->sum = sum;
    after->rest = before->rest + ((before->sum - (sum - added)) + (value - added));
}

static void average(const double *values, size_t count, size_t reach, prefix *before,
                    double *means) {
    for (size_t i = 0; i < count; i++) {
        const bool finite = isfinite(values[i]);
        add_value(&before[i], finite ? values[i] : 0, &before[i + 1]);
        before[i + 1].finite = before[i].finite + (finite ? 1 : 0);
    }
    for (size_t i = 0; i < count; i++) {
        const size_t back = um_size_smaller(i, reach);
        const size_t ahead = back > reach / LEAST_PART ? back : reach / LEAST_PART;
        const prefix *first = &before[i - back];
        const prefix *last = &before[um_size_smaller(i + ahead, count - 1) + 1];
        const size_t finite = last->finite - first->finite;
        const double total = (last->sum - first->sum) + (last->rest - first->rest);
        means[i] = finite > 0 ? total / (double)finite : (double)NAN;
    }
}

um_status um_curve_smooth(const double *values, size_t count, size_t reach, double *smoothed,
                          um_error *error) {
    prefix *before = NULL;
    UM_TRY(um_allocate(&before, count + 1, sizeof *before, "smoothing", error));
    average(values, count, reach - reach / 2, before, smoothed);
    average(smoothed, count, reach / 2, before,
            smoothed); /* the sums are complete before any value changes */
    free(before);
    return UM_OK;
}

/* The points of one part, [first, last). */
static size_t take_part(const double *y, size_t first, size_t last, size_t *indices) {
    size_t low = last;
    size_t high = last;
    for (size_t i = first; i < last; i++) {
        if (isfinite(y[i])) {
            low = low == last || y[i] < y[low] ? i : low;
            high = high == last || y[i] > y[high] ? i : high;
        }
    }
    if (low == last) {
        indices[0] = first;
        return 1;
    }
    indices[0] = um_size_smaller(low, high);
    indices[1] = low + high - indices[0];
    return low == high ? 1 : 2;
}

size_t um_curve_thin(const double *x, const double *y, size_t count, size_t columns,
                     size_t *indices) {
    size_t taken = 0;
    if (count <= 2 * columns) {
        for (; taken < count; taken++) {
            indices[taken] = taken;
        }
        return taken;
    }
    const double width = (x[count - 1] - x[0]) / (double)columns;
    size_t at = 0;
    for (size_t part = 0; part < columns && at < count; part++) {
        const size_t first = at;
        const double end = x[0] + width * (double)(part + 1);
        while (at < count && (x[at] < end || part + 1 == columns)) {
            at++;
        }
        if (at > first) {
            taken += take_part(y, first, at, indices + taken);
        }
    }
    return taken;
}
