/* Monotonic time, for durations only. */
#ifndef UM_BASE_CLOCK_H
#define UM_BASE_CLOCK_H

/* Seconds since an arbitrary fixed point. */
double um_clock_seconds(void);

#endif
