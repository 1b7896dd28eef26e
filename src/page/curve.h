/* Making the curves of long runs fit to draw. */
#ifndef UM_PAGE_CURVE_H
#define UM_PAGE_CURVE_H

#include "base/status.h"

/* smoothed[i] = a mean of the finite values at most `reach` places from i, nearer ones weighing
 * more (two moving averages, one after the other); NAN if there is none.  Near the ends there are
 * fewer values: at the beginning the window shrinks and stays nearly centred, at the end it is cut
 * off.  All arrays [count]. */
um_status um_curve_smooth(const double *values, size_t count, size_t reach, double *smoothed,
                          um_error *error);

/* Choose at most 2 * `columns` of `count` points so that their line looks like the whole one: the
 * lowest and the highest in each of `columns` equal parts of the x axis, in their order.  A part
 * without a finite value gives one index of a NAN, which is a gap.  If there are no more points
 * than that, all are taken.  `x` ascends; indices [2 * columns].  Returns how many. */
size_t um_curve_thin(const double *x, const double *y, size_t count, size_t columns,
                     size_t *indices);

#endif
