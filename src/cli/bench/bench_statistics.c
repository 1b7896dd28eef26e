#include "cli/bench/bench_statistics.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"

static bool is_disturbed(const um_repetitions *repetitions, const um_repetition *repetition) {
    return repetition->others > repetitions->quiet_limit;
}

/* The key that orders repetitions: undisturbed ones are equal. */
static double disturbance(const um_repetitions *repetitions, const um_repetition *repetition) {
    return is_disturbed(repetitions, repetition) ? repetition->others : 0;
}

size_t um_repetitions_disturbed(const um_repetitions *repetitions) {
    size_t disturbed = 0;
    for (size_t i = 0; i < repetitions->count; i++) {
        disturbed += is_disturbed(repetitions, &repetitions->items[i]);
    }
    return disturbed;
}

size_t um_repetitions_kept(const um_repetitions *repetitions) {
    return repetitions->count < repetitions->wanted ? repetitions->count : repetitions->wanted;
}

bool um_repetitions_want_more(const um_repetitions *repetitions) {
    const size_t quiet = repetitions->count - um_repetitions_disturbed(repetitions);
    const size_t most = repetitions->wanted + (repetitions->wanted + 1) / 2;
    double seconds = 0;
    for (size_t i = 0; i < repetitions->count; i++) {
        seconds += repetitions->items[i].seconds;
    }
    const bool patient = repetitions->patience <= 0 || seconds < repetitions->patience;
    return quiet < repetitions->wanted && repetitions->count < most && patient;
}

um_status um_repetitions_add(um_repetitions *repetitions, const um_repetition *repetition,
                             um_error *error) {
    UM_TRY(um_grow(&repetitions->items, &repetitions->capacity, repetitions->count + 1,
                   sizeof *repetitions->items, "repetitions", error));
    const double own = disturbance(repetitions, repetition);
    size_t at = repetitions->count++;
    while (at > 0 && disturbance(repetitions, &repetitions->items[at - 1]) > own) {
        repetitions->items[at] = repetitions->items[at - 1];
        at--;
    }
    repetitions->items[at] = *repetition;
    return UM_OK;
}

void um_repetitions_free(um_repetitions *repetitions) {
    free(repetitions->items);
    *repetitions = (um_repetitions){0};
}

um_status um_summarise(const double *values, size_t count, um_summary *summary, um_error *error) {
    *summary = (um_summary){0};
    if (count == 0) {
        return UM_OK;
    }
    double *sorted = NULL;
    UM_TRY(um_allocate(&sorted, count, sizeof *sorted, "repetitions", error));
    memcpy(sorted, values, count * sizeof *sorted);
    um_sort_numbers(sorted, count);
    *summary = (um_summary){.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
                            .minimum = sorted[0],
                            .maximum = sorted[count - 1]};
    free(sorted);
    return UM_OK;
}

um_status um_repetitions_summarise(const um_repetitions *repetitions,
                                   um_repetition_measure *measure, size_t index,
                                   um_summary *summary, um_error *error) {
    const size_t kept = um_repetitions_kept(repetitions);
    double *values = NULL;
    UM_TRY(um_allocate(&values, kept, sizeof *values, "repetitions", error));
    for (size_t i = 0; i < kept; i++) {
        values[i] = measure(&repetitions->items[i], index);
    }
    const um_status status = um_summarise(values, kept, summary, error);
    free(values);
    return status;
}
