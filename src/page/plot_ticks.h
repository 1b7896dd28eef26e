/* Round numbers along an axis, and how to write them. */
#ifndef UM_PAGE_PLOT_TICKS_H
#define UM_PAGE_PLOT_TICKS_H

#include "base/status.h"

#define UM_TICKS_MAXIMUM 24

typedef struct um_ticks {
    double at[UM_TICKS_MAXIMUM]; /* ascending, all within the range */
    size_t count;
    double step; /* between them; 0 on a logarithmic axis */
} um_ticks;

/* About `wanted` multiples of 1, 2 or 5 times a power of ten within [minimum, maximum], both finite
 * and minimum < maximum.  There may be none if the numbers are too close to be told apart. */
um_ticks um_ticks_linear(double minimum, double maximum, size_t wanted);

/* The same on a logarithmic axis, 0 < minimum: powers of ten (every second, ... if there are many),
 * with 2 and 5 times them in between, or linear ticks, if there are few. */
um_ticks um_ticks_logarithmic(double minimum, double maximum, size_t wanted);

/* Write a tick's number with enough digits to set it apart from its neighbours: thousands as k,
 * millions as M, billions as G, very small or large ones with an exponent. */
void um_ticks_format(const um_ticks *ticks, size_t index, char *text, size_t text_size);

#endif
