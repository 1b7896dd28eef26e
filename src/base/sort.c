#include "base/sort.h"

#include <stdlib.h>

static int by_value(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

void um_sort_numbers(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
}
