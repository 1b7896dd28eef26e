/* Repetitions of a measurement: which of them count, and their summary. */
#ifndef UM_CLI_BENCH_BENCH_STATISTICS_H
#define UM_CLI_BENCH_BENCH_STATISTICS_H

#include "base/status.h"

#define UM_BENCH_VALUES 8

/* One repetition. */
typedef struct um_repetition {
    double seconds; /* the whole repetition */
    double others;  /* share of processor time of other processes, 0 to 1; below 0: unknown */
    double values[UM_BENCH_VALUES]; /* what was measured, as the caller defines it */
} um_repetition;

/* All repetitions of one measurement.  Set the first three members, zero the others; release with
 * um_repetitions_free. */
typedef struct um_repetitions {
    size_t wanted;        /* undisturbed ones, at least 1 */
    double quiet_limit;   /* a repetition is disturbed if its `others` is above */
    double patience;      /* seconds after which no further one is started; 0: no limit */
    um_repetition *items; /* [count]: the least disturbed come first */
    size_t count;
    size_t capacity;
} um_repetitions;

/* Whether to make another one: yes until `wanted` are undisturbed, `patience` has run out, or half
 * as many again as `wanted` have been made. */
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

/* The summary of `count` numbers; all 0 for none. */
um_status um_summarise(const double *values, size_t count, um_summary *summary, um_error *error);

/* The value of a repetition that is summarised. */
typedef double um_repetition_measure(const um_repetition *repetition, size_t index);

/* The summary of the repetitions that count; `index` is passed to `measure`. */
um_status um_repetitions_summarise(const um_repetitions *repetitions,
                                   um_repetition_measure *measure, size_t index,
                                   um_summary *summary, um_error *error);

#endif
