/* What the processes of one training run ("ranks") do together: sums, copies and agreements.
 *
 * A single process is a collective of size 1, for which everything below is a plain assignment;
 * NULL is such a collective too.  Several processes are started by `mpirun` or a scheduler
 * (collective_mpi.c, the only file that knows MPI).  Every rank makes the same calls in the same
 * order.  Errors of the transport are UM_ERR_IO; after one, the collective can only be ended with
 * um_collective_abort.
 *
 * A rank that waits for others sleeps between looks, so that ranks that share a processor do not
 * starve each other. */
#ifndef UM_COLLECTIVE_COLLECTIVE_H
#define UM_COLLECTIVE_COLLECTIVE_H

#include "base/status.h"

typedef struct um_collective um_collective;

/* Calls `silence` when this rank, asked to stop, has waited long for the others: they may have
 * ended.  Does nothing unless both functions are set. */
typedef struct um_collective_watch {
    bool (*stop_requested)(void *user);
    void (*silence)(void *user); /* called at most once */
    void *user;
} um_collective_watch;

/* ---- Making one -------------------------------------------------------- */

/* A collective of this process alone. */
um_status um_collective_single_create(um_collective **collective, um_error *error);

/* The collective of the `processes` that a launcher says it has started.  UM_ERR_MISMATCH: MPI
 * connects another number of them.  UM_ERR_UNSUPPORTED: a build without MPI.  Part of the program,
 * not of the library, so that only the program depends on MPI. */
um_status um_collective_mpi_create(size_t processes, const um_collective_watch *watch,
                                   um_collective **collective, um_error *error);

/* Whether this program was built with MPI, and so can have several processes. */
bool um_collective_mpi_is_built(void);

/* Leave the collective; all ranks do so together.  NULL is allowed. */
void um_collective_free(um_collective *collective);

size_t um_collective_rank(const um_collective *collective); /* from 0 */
size_t um_collective_size(const um_collective *collective);
/* Ranks on this machine, this one included. */
size_t um_collective_node_size(const um_collective *collective);

/* ---- Numbers ----------------------------------------------------------- */

/* Continue a sum in rank order with one `block` from each rank below `ranks`: on rank 0, `sum`
 * becomes (((sum + block 0) + block 1) + ...), without the old `sum` if `first` is set.  `sum` is
 * read and written on rank 0 only.  The blocks hold nothing meaningful afterwards.
 *
 * Chunks follow each other along the chain of ranks, so that all links work at once: the time is
 * that of one block over one link, and a rank needs memory for only a few chunks besides its block.
 * Elements are added in f32, rounded once per addition. */
um_status um_collective_sum_in_order(um_collective *collective, size_t ranks, bool first,
                                     float *sum, float *block, size_t count, um_error *error);

/* On all ranks, `block` becomes the sum over all of them, in whatever order the transport finds
 * fastest.  Each element of P ranks' blocks b is within (P - 1) u S of the exact sum, to first
 * order in u = 2^-24, where S is the sum of the |b|. */
um_status um_collective_sum_fast(um_collective *collective, float *block, size_t count,
                                 um_error *error);

/* Copy rank 0's bytes to all ranks. */
um_status um_collective_broadcast(um_collective *collective, void *data, size_t bytes,
                                  um_error *error);

/* ---- Messages ---------------------------------------------------------- */

/* What all ranks gave, in rank order.  Zero-initialise, and release with um_gathered_free. */
typedef struct um_gathered {
    unsigned char *bytes;
    size_t *starts; /* [size + 1]: rank r gave bytes[starts[r]] up to bytes[starts[r + 1]] */
    size_t byte_capacity;
    size_t start_capacity;
} um_gathered;

void um_gathered_free(um_gathered *gathered);

/* Give `length` bytes (which may differ between ranks) and get those of all ranks.  UM_ERR_LIMIT:
 * 2 GiB or more in all. */
um_status um_collective_gather(um_collective *collective, const void *bytes, size_t length,
                               um_gathered *gathered, um_error *error);

/* Complete an array of `count` records of `size` bytes.  Each rank brings the records whose number,
 * modulo the number of ranks, is its own. */
um_status um_collective_share(um_collective *collective, void *records, size_t count, size_t size,
                              um_error *error);

/* Whether record or part `number` belongs to this rank by that rule. */
bool um_collective_owns(const um_collective *collective, size_t number);

/* ---- Agreements -------------------------------------------------------- */

/* *agreed becomes, on all ranks, the bits that any rank has set in `wanted`. */
um_status um_collective_agree_on_any(um_collective *collective, unsigned wanted, unsigned *agreed,
                                     um_error *error);

/* UM_OK if all ranks bring that.  Otherwise every rank returns the failure of the lowest rank that
 * has one; if there are several ranks, the message names that rank and its machine. */
um_status um_collective_agree_on_status(um_collective *collective, um_status status,
                                        um_error *error);

/* ---- The end ----------------------------------------------------------- */

typedef enum um_collective_end {
    UM_COLLECTIVE_SUCCEEDED,   /* all ranks */
    UM_COLLECTIVE_FAILED,      /* this rank speaks for those that failed */
    UM_COLLECTIVE_FAILED_TOO,  /* this rank or others, and another one reports it */
    UM_COLLECTIVE_FAILED_ALONE /* others are still at work: report, then um_collective_abort */
} um_collective_end;

/* Tell the others how the work of this rank ended.  A rank that failed waits for them no longer
 * than `patience` seconds. */
um_collective_end um_collective_finish(um_collective *collective, bool failed, double patience);

/* End all ranks at once, including this process.  Does nothing to a single process. */
void um_collective_abort(um_collective *collective, int exit_status);

#endif
