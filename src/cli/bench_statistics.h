/* Repetitions of a measurement: which count, and what they say together. */
#ifndef UM_CLI_BENCH_STATISTICS_H
#define UM_CLI_BENCH_STATISTICS_H

#include "base/status.h"

#define UM_BENCH_VALUES 8

/* One repetition. */
typedef struct um_repetition {
    double seconds; /* that it took in all */
    double others; /* share of all processors' time that went to others, 0 to 1; below 0: unknown */
    double values[UM_BENCH_VALUES]; /* what was measured; their meaning is the caller's */
} um_repetition;

/* All repetitions of one measurement.  Set the first three members, zero the others;
 * um_repetitions_free. */
typedef struct um_repetitions {
    size_t wanted;        /* undisturbed ones, at least 1 */
    double quiet_limit;   /* one is disturbed when its `others` is above */
    double patience;      /* seconds after which no further one is started; 0: no limit */
    um_repetition *items; /* [count]: those that count most come first */
    size_t count;
    size_t capacity;
} um_repetitions;

/* Whether another one is due: until `wanted` are undisturbed, but at most half as many again as
 * `wanted` are made. */
bool um_repetitions_want_more(const um_repetitions *repetitions);

um_status um_repetitions_add(um_repetitions *repetitions, const um_repetition *repetition,
                             um_error *error);

void um_repetitions_free(um_repetitions *repetitions);

size_t um_repetitions_disturbed(const um_repetitions *repetitions);

/* How many count: at most `wanted`, first the undisturbed ones, then those that were disturbed
 * least.  They are the first of `items`. */
size_t um_repetitions_kept(const um_repetitions *repetitions);

typedef struct um_summary {
    double median; /* of an even number: the mean of the middle two */
    double minimum;
    double maximum;
} um_summary;

/* Of `count` numbers, all 0 for none. */
um_status um_summarise(const double *values, size_t count, um_summary *summary, um_error *error);

/* What is summarised of a repetition. */
typedef double um_repetition_measure(const um_repetition *repetition, size_t index);

/* Of the repetitions that count; `index` is passed to `measure`. */
um_status um_repetitions_summarise(const um_repetitions *repetitions,
                                   um_repetition_measure *measure, size_t index,
                                   um_summary *summary, um_error *error);

#endif
