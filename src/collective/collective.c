#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "collective/collective_internal.h"

void um_collective_free(um_collective *collective) {
    if (!collective) {
        return;
    }
    if (collective->operations) {
        collective->operations->free(collective);
    } else {
        free(collective);
    }
}

static bool is_alone(const um_collective *collective) {
    return !collective || !collective->operations;
}

size_t um_collective_rank(const um_collective *collective) {
    return collective ? collective->rank : 0;
}

size_t um_collective_size(const um_collective *collective) {
    return collective ? collective->size : 1;
}

size_t um_collective_node_size(const um_collective *collective) {
    return collective ? collective->node_size : 1;
}

/* ---- Numbers ----------------------------------------------------------- */

um_status um_collective_sum_in_order(um_collective *collective, size_t ranks, bool first,
                                     float *sum, float *block, size_t count, um_error *error) {
    if (um_collective_rank(collective) >= ranks) {
        return UM_OK;
    }
    if (ranks > 1) {
        return collective->operations->sum_in_order(collective, ranks, first, sum, block, count,
                                                    error);
    }
    if (first) {
        memcpy(sum, block, count * sizeof *sum);
        return UM_OK;
    }
    for (size_t i = 0; i < count; i++) {
        sum[i] += block[i];
    }
    return UM_OK;
}

um_status um_collective_sum_fast(um_collective *collective, float *block, size_t count,
                                 um_error *error) {
    return is_alone(collective) ? UM_OK
                                : collective->operations->sum_fast(collective, block, count, error);
}

um_status um_collective_broadcast(um_collective *collective, void *data, size_t bytes,
                                  um_error *error) {
    return is_alone(collective) ? UM_OK
                                : collective->operations->broadcast(collective, data, bytes, error);
}

/* ---- Messages ---------------------------------------------------------- */

void um_gathered_free(um_gathered *gathered) {
    free(gathered->bytes);
    free(gathered->starts);
    *gathered = (um_gathered){0};
}

/* Turn the lengths into starts; rank i's length is at starts[i + 1]. */
static um_status place_all(um_gathered *gathered, size_t size, um_error *error) {
    gathered->starts[0] = 0;
    for (size_t i = 0; i < size; i++) {
        if (!um_size_add(gathered->starts[i], gathered->starts[i + 1], &gathered->starts[i + 1]) ||
            gathered->starts[i + 1] > INT_MAX) {
            return UM_RAISE(error, UM_ERR_LIMIT,
                            "the ranks exchange 2 GiB or more at once; use more steps or smaller "
                            "groups");
        }
    }
    return UM_OK;
}

um_status um_collective_gather(um_collective *collective, const void *bytes, size_t length,
                               um_gathered *gathered, um_error *error) {
    const size_t size = um_collective_size(collective);
    UM_TRY(um_grow(&gathered->starts, &gathered->start_capacity, size + 1, sizeof *gathered->starts,
                   "messages of the ranks", error));
    gathered->starts[1] = length;
    if (!is_alone(collective)) {
        UM_TRY(collective->operations->gather_lengths(collective, length, gathered->starts + 1,
                                                      error));
    }
    UM_TRY(place_all(gathered, size, error));
    UM_TRY(um_grow(&gathered->bytes, &gathered->byte_capacity, gathered->starts[size] + 1, 1,
                   "messages of the ranks", error));
    if (!is_alone(collective)) {
        return collective->operations->gather(collective, bytes, gathered->starts, gathered->bytes,
                                              error);
    }
    if (length > 0) {
        memcpy(gathered->bytes, bytes, length);
    }
    return UM_OK;
}

bool um_collective_owns(const um_collective *collective, size_t number) {
    return number % um_collective_size(collective) == um_collective_rank(collective);
}

/* Append this rank's records to `own`. */
static um_status collect_own(const um_collective *collective, const unsigned char *records,
                             size_t count, size_t size, um_buffer *own, um_error *error) {
    for (size_t i = collective->rank; i < count; i += collective->size) {
        UM_TRY(um_buffer_append(own, records + i * size, size, error));
    }
    return UM_OK;
}

um_status um_collective_share(um_collective *collective, void *records, size_t count, size_t size,
                              um_error *error) {
    if (is_alone(collective)) {
        return UM_OK;
    }
    um_buffer own = {0};
    um_gathered all = {0};
    um_status status = collect_own(collective, records, count, size, &own, error);
    if (status == UM_OK) {
        status = um_collective_gather(collective, um_buffer_text(&own), own.length, &all, error);
    }
    for (size_t i = 0; status == UM_OK && i < count; i++) {
        const size_t owner = i % collective->size;
        const size_t at = all.starts[owner] + i / collective->size * size;
        memcpy((unsigned char *)records + i * size, all.bytes + at, size);
    }
    um_buffer_free(&own);
    um_gathered_free(&all);
    return status;
}

/* ---- Agreements -------------------------------------------------------- */

um_status um_collective_agree_on_any(um_collective *collective, unsigned wanted, unsigned *agreed,
                                     um_error *error) {
    *agreed = wanted;
    if (is_alone(collective)) {
        return UM_OK;
    }
    um_gathered answers = {0};
    const um_status status =
        um_collective_gather(collective, &wanted, sizeof wanted, &answers, error);
    for (size_t i = 0; status == UM_OK && i < collective->size; i++) {
        unsigned answer = 0;
        memcpy(&answer, answers.bytes + answers.starts[i], sizeof answer);
        *agreed |= answer;
    }
    um_gathered_free(&answers);
    return status;
}

/* How one rank fared, as it is sent to the others. */
typedef struct rank_status {
    um_status status;
    bool is_agreed; /* the ranks agreed on this error in an inner step */
    char machine[64];
    char message[sizeof(um_error){0}.message];
} rank_status;

static um_status first_failure(const um_collective *collective, const um_gathered *answers,
                               um_error *error) {
    for (size_t i = 0; i < collective->size; i++) {
        rank_status answer;
        memcpy(&answer, answers->bytes + answers->starts[i], sizeof answer);
        if (answer.status != UM_OK && answer.is_agreed) { /* the message names its rank */
            return UM_RAISE(error, answer.status, "%s", answer.message);
        }
        if (answer.status != UM_OK) {
            return UM_RAISE(error, answer.status, "rank %zu (%s): %s", i, answer.machine,
                            answer.message);
        }
    }
    return UM_OK;
}

um_status um_collective_agree_on_status(um_collective *collective, um_status status,
                                        um_error *error) {
    if (is_alone(collective)) {
        return status;
    }
    rank_status mine = {.status = status};
    (void)gethostname(mine.machine, sizeof mine.machine - 1);
    if (status != UM_OK && error) {
        memcpy(mine.message, error->message, sizeof mine.message);
        mine.is_agreed = collective->agreed.status != UM_OK &&
                         strstr(mine.message, collective->agreed.message) != NULL;
    }
    um_gathered answers = {0};
    um_status agreed = um_collective_gather(collective, &mine, sizeof mine, &answers, error);
    if (agreed == UM_OK) {
        agreed = first_failure(collective, &answers, error);
    }
    um_gathered_free(&answers);
    if (agreed != UM_OK && error) {
        collective->agreed = *error;
    }
    return agreed;
}

/* ---- The end ----------------------------------------------------------- */

um_collective_end um_collective_finish(um_collective *collective, bool failed, double patience) {
    if (!is_alone(collective)) {
        return collective->operations->finish(collective, failed, patience);
    }
    return failed ? UM_COLLECTIVE_FAILED : UM_COLLECTIVE_SUCCEEDED;
}

void um_collective_abort(um_collective *collective, int exit_status) {
    if (!is_alone(collective)) {
        collective->operations->abort(collective, exit_status);
    }
}
