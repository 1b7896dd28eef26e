/* What the processes of one training run ("ranks") do together: sums, copies and agreements.
 *
 * One process alone is a collective of size 1, in which everything below is a plain assignment;
 * NULL is one too.
 * Several are started by `mpirun` or a scheduler (collective_mpi.c, the only file that knows MPI).
 * Every rank makes the same calls in the same order.  Errors of the transport are UM_ERR_IO, and
 * after one the collective can only be ended with um_collective_abort.
 *
 * A rank that waits for others sleeps between looks, so that ranks that share a processor do not
 * take it from each other. */
#ifndef UM_TRAIN_COLLECTIVE_COLLECTIVE_H
#define UM_TRAIN_COLLECTIVE_COLLECTIVE_H

#include "base/status.h"

typedef struct um_collective um_collective;

/* Told where this rank has waited long for the others after it was asked to stop: they may have
 * ended.  Both optional. */
typedef struct um_collective_watch {
    bool (*stop_requested)(void *user);
    void (*silence)(void *user); /* called at most once */
    void *user;
} um_collective_watch;

/* ---- Making one -------------------------------------------------------- */

/* A collective of this process alone. */
um_status um_collective_single_create(um_collective **collective, um_error *error);

/* The collective of the `processes` that a launcher says to have started.  UM_ERR_MISMATCH where
 * MPI connects another number of them.  In a build without MPI: UM_ERR_UNSUPPORTED.  Not part of
 * the library but of the program, so that only that depends on MPI. */
um_status um_collective_mpi_create(size_t processes, const um_collective_watch *watch,
                                   um_collective **collective, um_error *error);

/* Whether this program can have several processes. */
bool um_collective_mpi_is_built(void);

/* Leave it; all ranks do so together.  NULL is allowed. */
void um_collective_free(um_collective *collective);

size_t um_collective_rank(const um_collective *collective); /* from 0 */
size_t um_collective_size(const um_collective *collective);
/* Ranks on this machine, this one included. */
size_t um_collective_node_size(const um_collective *collective);

/* ---- Numbers ----------------------------------------------------------- */

/* One link more of a sum in rank order.  Ranks below `ranks` bring a `block`; on rank 0, `sum`
 * becomes (((sum + block 0) + block 1) + ...), without the first term where `first` is set.  `sum`
 * is read and written on rank 0 only.  The blocks hold nothing meaningful afterwards.
 *
 * Chunks travel along the chain of ranks one behind the other, so that all links work at once:
 * the time is that of one block over one link, and a rank needs memory for a few chunks beside its
 * block.  Each element is added in f32, rounded once an addition. */
um_status um_collective_sum_in_order(um_collective *collective, size_t ranks, bool first,
                                     float *sum, float *block, size_t count, um_error *error);

/* `block` becomes the sum over all ranks, on all of them, in whatever order the transport finds
 * fastest.  Each element of P ranks' blocks b is within (P - 1) u S of the exact sum, to first
 * order in u = 2^-24, where S is the sum of the |b|. */
um_status um_collective_sum_fast(um_collective *collective, float *block, size_t count,
                                 um_error *error);

/* Copy rank 0's bytes to all ranks. */
um_status um_collective_broadcast(um_collective *collective, void *data, size_t bytes,
                                  um_error *error);

/* ---- Messages ---------------------------------------------------------- */

/* What all ranks gave, one behind the other.  Zero-initialise; um_gathered_free. */
typedef struct um_gathered {
    unsigned char *bytes;
    size_t *starts; /* [size + 1]: rank r gave bytes[starts[r]] up to bytes[starts[r + 1]] */
    size_t byte_capacity;
    size_t start_capacity;
} um_gathered;

void um_gathered_free(um_gathered *gathered);

/* Give `length` bytes (each rank its own number) and get those of all ranks, on all of them.
 * UM_ERR_LIMIT for 2 GiB and more together. */
um_status um_collective_gather(um_collective *collective, const void *bytes, size_t length,
                               um_gathered *gathered, um_error *error);

/* Complete an array of `count` records of `size` bytes, of which each rank has those whose number
 * leaves its own when divided by the number of ranks. */
um_status um_collective_share(um_collective *collective, void *records, size_t count, size_t size,
                              um_error *error);

/* Whether record or part `number` is this rank's by that rule. */
bool um_collective_owns(const um_collective *collective, size_t number);

/* Wait until all ranks are here. */
um_status um_collective_barrier(um_collective *collective, um_error *error);

/* ---- Agreements -------------------------------------------------------- */

/* *agreed, the same on all ranks: the bits that any rank has set in `wanted`. */
um_status um_collective_agree_on_any(um_collective *collective, unsigned wanted, unsigned *agreed,
                                     um_error *error);

/* UM_OK where all ranks bring that.  Otherwise every rank returns the failure of the lowest rank
 * that has one, whose message names the rank and its machine where there are several. */
um_status um_collective_agree_on_status(um_collective *collective, um_status status,
                                        um_error *error);

/* ---- The end ----------------------------------------------------------- */

typedef enum um_collective_end {
    UM_COLLECTIVE_SUCCEEDED,   /* all ranks */
    UM_COLLECTIVE_FAILED,      /* this rank speaks for those that failed */
    UM_COLLECTIVE_FAILED_TOO,  /* this rank or others, and another one says so */
    UM_COLLECTIVE_FAILED_ALONE /* others are still at work: report, then um_collective_abort */
} um_collective_end;

/* Tell the others how the work of this rank ended.  One that failed waits for them no longer than
 * `patience` seconds. */
um_collective_end um_collective_finish(um_collective *collective, bool failed, double patience);

/* End all ranks at once, this process among them. */
void um_collective_abort(um_collective *collective, int exit_status);

#endif
