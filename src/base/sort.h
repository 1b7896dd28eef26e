/* Sorting numbers. */
#ifndef UM_BASE_SORT_H
#define UM_BASE_SORT_H

#include <stddef.h>

/* Sort `values` [count], of which none is NAN, in ascending order. */
void um_sort_numbers(double *values, size_t count);

#endif
