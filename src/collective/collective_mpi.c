/* The collective over MPI.
 *
 * Only the thread that made it calls MPI.  Waiting is done by testing and sleeping instead of in
 * MPI's own loops, which keep a processor busy; the two calls that MPI does best by itself
 * (MPI_Bcast, MPI_Allreduce) follow a barrier, so that no rank waits inside them for long. */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mpi.h>

#include "base/clock.h"
#include "base/memory.h"
#include "collective/collective_internal.h"

#define CHUNK 65536 /* floats that travel along the chain together */
#define WINDOW 4    /* chunks that a rank other than 0 has under way in each direction */
#define HEAD_WINDOW(ranks) (2 * (ranks) + WINDOW) /* for rank 0: enough to keep every link busy */
#define PIECE (1 << 24)     /* most elements of one MPI call on a whole block */
#define SILENCE_SECONDS 0.5 /* mpirun gives a rank one second between its signals */
#define LOOKS_WITHOUT_SLEEP 20
#define SHORTEST_SLEEP 20000 /* nanoseconds */
#define LONGEST_SLEEP 1000000

typedef struct mpi_collective {
    um_collective base;
    um_collective_watch watch;
    bool told_silence;
    bool broken; /* an MPI call failed: no more of them */
    MPI_Comm ranks;
    MPI_Comm ending;       /* for `finish`, whose messages must not meet others */
    float *incoming;       /* [WINDOW, CHUNK] */
    MPI_Request *receives; /* [HEAD_WINDOW(size)] */
    MPI_Request *sends;    /* [HEAD_WINDOW(size)] */
} mpi_collective;

static mpi_collective *of(um_collective *collective) {
    return (mpi_collective *)(void *)collective;
}

static um_status check(mpi_collective *self, int code, const char *what, um_error *error) {
    if (code == MPI_SUCCESS) {
        return UM_OK;
    }
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length = 0;
    self->broken = true;
    (void)MPI_Error_string(code, text, &length);
    return UM_RAISE(error, UM_ERR_IO, "%s: MPI says \"%s\"; another rank may have ended", what,
                    text);
}

/* ---- Waiting ----------------------------------------------------------- */

typedef struct patience {
    double start;
    long sleep; /* nanoseconds, growing */
    int looks;
} patience;

static void tell_silence(mpi_collective *self, const patience *state) {
    const um_collective_watch *watch = &self->watch;
    if (!self->told_silence && watch->silence && watch->stop_requested &&
        um_clock_seconds() - state->start > SILENCE_SECONDS && watch->stop_requested(watch->user)) {
        self->told_silence = true;
        watch->silence(watch->user);
    }
}

static void wait_a_little(mpi_collective *self, patience *state) {
    if (state->looks++ == 0) {
        state->start = um_clock_seconds();
        state->sleep = SHORTEST_SLEEP;
    }
    if (state->looks < LOOKS_WITHOUT_SLEEP) {
        (void)sched_yield(); /* for as long as others want the processor */
    } else {
        const struct timespec duration = {.tv_nsec = state->sleep};
        (void)nanosleep(&duration, NULL);
        state->sleep = state->sleep * 2 < LONGEST_SLEEP ? state->sleep * 2 : LONGEST_SLEEP;
    }
    tell_silence(self, state);
}

/* MPI_Wait, but asleep in between. */
static um_status wait_for(mpi_collective *self, MPI_Request *request, const char *what,
                          um_error *error) {
    patience state = {0};
    for (;;) {
        int done = 0;
        UM_TRY(check(self, MPI_Test(request, &done, MPI_STATUS_IGNORE), what, error));
        if (done) {
            return UM_OK;
        }
        wait_a_little(self, &state);
    }
}

static um_status barrier(um_collective *collective, um_error *error) {
    mpi_collective *self = of(collective);
    MPI_Request request = MPI_REQUEST_NULL;
    UM_TRY(check(self, MPI_Ibarrier(self->ranks, &request), "waiting for all ranks", error));
    return wait_for(self, &request, "waiting for all ranks", error);
}

/* ---- The sum in order -------------------------------------------------- */

/* The blocks on their way along ranks 0, 1, ..., ranks - 1 and back to 0, as this rank sees them.
 * A chunk is added up in `block`, sent from there, and on rank 0 comes back into `sum`. */
typedef struct chain {
    mpi_collective *self;
    bool head; /* rank 0 */
    bool first;
    float *sum;
    float *block;
    size_t count;
    size_t chunks;
    size_t window; /* chunks under way */
    int before;
    int behind;
} chain;

static const char adding[] = "adding up the gradients";

static int chunk_length(const chain *state, size_t chunk) {
    return (int)um_size_smaller(CHUNK, state->count - chunk * CHUNK);
}

static um_status start_receive(chain *state, size_t chunk, um_error *error) {
    mpi_collective *self = state->self;
    float *target =
        state->head ? state->sum + chunk * CHUNK : self->incoming + chunk % state->window * CHUNK;
    return check(self,
                 MPI_Irecv(target, chunk_length(state, chunk), MPI_FLOAT, state->before, 0,
                           self->ranks, &self->receives[chunk % state->window]),
                 adding, error);
}

/* Send the chunk once the one that left from the same slot has arrived. */
static um_status start_send(chain *state, size_t chunk, um_error *error) {
    mpi_collective *self = state->self;
    MPI_Request *slot = &self->sends[chunk % state->window];
    UM_TRY(wait_for(self, slot, adding, error));
    return check(self,
                 MPI_Isend(state->block + chunk * CHUNK, chunk_length(state, chunk), MPI_FLOAT,
                           state->behind, 0, self->ranks, slot),
                 adding, error);
}

static void add(float *block, const float *before, int count) {
    for (int i = 0; i < count; i++) {
        block[i] = before[i] + block[i];
    }
}

static um_status finish_receive(chain *state, size_t chunk, um_error *error) {
    return wait_for(state->self, &state->self->receives[chunk % state->window], adding, error);
}

/* Rank 0 starts each chunk, and takes it back when a window of later ones has been started. */
static um_status run_head(chain *state, um_error *error) {
    for (size_t chunk = 0; chunk < state->chunks; chunk++) {
        UM_TRY(finish_receive(state, chunk, error));
        if (!state->first) {
            add(state->block + chunk * CHUNK, state->sum + chunk * CHUNK,
                chunk_length(state, chunk));
        }
        UM_TRY(start_receive(state, chunk, error));
        UM_TRY(start_send(state, chunk, error));
    }
    return UM_OK;
}

static um_status run_link(chain *state, um_error *error) {
    for (size_t chunk = 0; chunk < um_size_smaller(state->window, state->chunks); chunk++) {
        UM_TRY(start_receive(state, chunk, error));
    }
    for (size_t chunk = 0; chunk < state->chunks; chunk++) {
        UM_TRY(finish_receive(state, chunk, error));
        add(state->block + chunk * CHUNK, state->self->incoming + chunk % state->window * CHUNK,
            chunk_length(state, chunk));
        if (chunk + state->window < state->chunks) {
            UM_TRY(start_receive(state, chunk + state->window, error));
        }
        UM_TRY(start_send(state, chunk, error));
    }
    return UM_OK;
}

static um_status sum_in_order(um_collective *collective, size_t ranks, bool first, float *sum,
                              float *block, size_t count, um_error *error) {
    mpi_collective *self = of(collective);
    chain state = {.self = self,
                   .head = collective->rank == 0,
                   .first = first,
                   .sum = sum,
                   .block = block,
                   .count = count,
                   .chunks = um_size_divide_up(count, CHUNK),
                   .window = collective->rank == 0 ? HEAD_WINDOW(ranks) : WINDOW,
                   .before = (int)((collective->rank + ranks - 1) % ranks),
                   .behind = (int)((collective->rank + 1) % ranks)};
    UM_TRY(state.head ? run_head(&state, error) : run_link(&state, error));
    for (size_t i = 0; i < state.window; i++) { /* those already done are null by now */
        UM_TRY(wait_for(self, &self->receives[i], adding, error));
        UM_TRY(wait_for(self, &self->sends[i], adding, error));
    }
    return UM_OK;
}

/* ---- Other transfers --------------------------------------------------- */

static um_status sum_fast(um_collective *collective, float *block, size_t count, um_error *error) {
    mpi_collective *self = of(collective);
    UM_TRY(barrier(collective, error));
    for (size_t first = 0; first < count; first += PIECE) {
        const int length = (int)um_size_smaller(PIECE, count - first);
        UM_TRY(check(
            self,
            MPI_Allreduce(MPI_IN_PLACE, block + first, length, MPI_FLOAT, MPI_SUM, self->ranks),
            adding, error));
    }
    return UM_OK;
}

static um_status broadcast(um_collective *collective, void *data, size_t bytes, um_error *error) {
    mpi_collective *self = of(collective);
    UM_TRY(barrier(collective, error));
    for (size_t first = 0; first < bytes; first += PIECE) {
        const int length = (int)um_size_smaller(PIECE, bytes - first);
        UM_TRY(check(self,
                     MPI_Bcast((unsigned char *)data + first, length, MPI_BYTE, 0, self->ranks),
                     "copying to all ranks", error));
    }
    return UM_OK;
}

static um_status gather_lengths(um_collective *collective, size_t length, size_t *lengths,
                                um_error *error) {
    static const char what[] = "exchanging the sizes of messages";
    mpi_collective *self = of(collective);
    MPI_Request request = MPI_REQUEST_NULL;
    const int bytes = (int)sizeof length;
    UM_TRY(check(
        self,
        MPI_Iallgather(&length, bytes, MPI_BYTE, lengths, bytes, MPI_BYTE, self->ranks, &request),
        what, error));
    return wait_for(self, &request, what, error);
}

/* The caller has checked that the starts are at most INT_MAX. */
static um_status gather(um_collective *collective, const void *bytes, const size_t *starts,
                        unsigned char *gathered, um_error *error) {
    static const char what[] = "exchanging messages";
    mpi_collective *self = of(collective);
    int *lengths = calloc(2 * collective->size, sizeof *lengths);
    if (!lengths) {
        return um_error_memory(error, what, 2 * collective->size * sizeof *lengths);
    }
    int *places = lengths + collective->size;
    for (size_t i = 0; i < collective->size; i++) {
        lengths[i] = (int)(starts[i + 1] - starts[i]);
        places[i] = (int)starts[i];
    }
    MPI_Request request = MPI_REQUEST_NULL;
    um_status status = check(self,
                             MPI_Iallgatherv(bytes, lengths[collective->rank], MPI_BYTE, gathered,
                                             lengths, places, MPI_BYTE, self->ranks, &request),
                             what, error);
    if (status == UM_OK) {
        status = wait_for(self, &request, what, error);
    }
    free(lengths);
    return status;
}

/* ---- The end ----------------------------------------------------------- */

static um_collective_end outcome(const mpi_collective *self, const int *failed) {
    for (size_t i = 0; i < self->base.size; i++) {
        if (failed[i]) {
            return i == self->base.rank ? UM_COLLECTIVE_FAILED : UM_COLLECTIVE_FAILED_TOO;
        }
    }
    return UM_COLLECTIVE_SUCCEEDED;
}

static um_collective_end finish(um_collective *collective, bool failed, double patience_seconds) {
    mpi_collective *self = of(collective);
    int *all = calloc(collective->size + 1, sizeof *all); /* all ranks', then what this one sends */
    MPI_Request request = MPI_REQUEST_NULL;
    if (all) {
        all[collective->size] = failed;
    }
    if (!all || self->broken ||
        MPI_Iallgather(all + collective->size, 1, MPI_INT, all, 1, MPI_INT, self->ending,
                       &request) != MPI_SUCCESS) {
        free(all);
        return UM_COLLECTIVE_FAILED_ALONE;
    }
    patience state = {0};
    const double start = um_clock_seconds();
    int done = 0;
    while (!done && (!failed || um_clock_seconds() - start < patience_seconds)) {
        if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
            break;
        }
        wait_a_little(self, &state);
    }
    if (!done) { /* the request still refers to `all`, which lives as long as the process */
        self->broken = true;
        return UM_COLLECTIVE_FAILED_ALONE;
    }
    const um_collective_end end = outcome(self, all);
    free(all);
    return end;
}

static void end_all(um_collective *collective, int exit_status) {
    (void)collective;
    (void)MPI_Abort(MPI_COMM_WORLD, exit_status);
}

static void free_memory(mpi_collective *self) {
    free(self->incoming);
    free(self->receives);
    free(self->sends);
    free(self);
}

static void free_collective(um_collective *collective) {
    mpi_collective *self = of(collective);
    if (!self->broken) {
        (void)MPI_Comm_free(&self->ending);
        (void)MPI_Comm_free(&self->ranks);
        (void)MPI_Finalize();
    }
    free_memory(self);
}

/* ---- The beginning ----------------------------------------------------- */

static const um_collective_operations operations = {.sum_in_order = sum_in_order,
                                                    .sum_fast = sum_fast,
                                                    .broadcast = broadcast,
                                                    .gather_lengths = gather_lengths,
                                                    .gather = gather,
                                                    .finish = finish,
                                                    .abort = end_all,
                                                    .free = free_collective};

static um_status connect_ranks(mpi_collective *self, um_error *error) {
    static const char what[] = "connecting the ranks";
    int rank = 0;
    int size = 1;
    int node_size = 1;
    MPI_Comm node = MPI_COMM_NULL;
    UM_TRY(check(self, MPI_Comm_dup(MPI_COMM_WORLD, &self->ranks), what, error));
    UM_TRY(check(self, MPI_Comm_dup(MPI_COMM_WORLD, &self->ending), what, error));
    UM_TRY(check(self, MPI_Comm_set_errhandler(self->ranks, MPI_ERRORS_RETURN), what, error));
    UM_TRY(check(self, MPI_Comm_set_errhandler(self->ending, MPI_ERRORS_RETURN), what, error));
    UM_TRY(check(self, MPI_Comm_rank(self->ranks, &rank), what, error));
    UM_TRY(check(self, MPI_Comm_size(self->ranks, &size), what, error));
    UM_TRY(check(self,
                 MPI_Comm_split_type(self->ranks, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node),
                 what, error));
    UM_TRY(check(self, MPI_Comm_size(node, &node_size), what, error));
    (void)MPI_Comm_free(&node);
    self->base.rank = (size_t)rank;
    self->base.size = (size_t)size;
    self->base.node_size = (size_t)node_size;
    return UM_OK;
}

static um_status start(mpi_collective *self, size_t processes, um_error *error) {
    int level = 0;
    UM_TRY(check(self, MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), "starting MPI",
                 error));
    UM_TRY(connect_ranks(self, error));
    if (self->base.size != processes) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%zu processes were started, but MPI connects %zu of them; start them with "
                        "the mpirun of the MPI that unmask was built with, or with srun --mpi=pmix",
                        processes, self->base.size);
    }
    const size_t slots = HEAD_WINDOW(self->base.size);
    UM_TRY(um_allocate(&self->receives, slots, sizeof *self->receives, "requests", error));
    UM_TRY(um_allocate(&self->sends, slots, sizeof *self->sends, "requests", error));
    for (size_t i = 0; i < slots; i++) {
        self->receives[i] = self->sends[i] = MPI_REQUEST_NULL;
    }
    return um_allocate(&self->incoming, (size_t)WINDOW * CHUNK, sizeof *self->incoming,
                       "chunks of gradients", error);
}

um_status um_collective_mpi_create(size_t processes, const um_collective_watch *watch,
                                   um_collective **collective, um_error *error) {
    *collective = NULL;
    mpi_collective *self = calloc(1, sizeof *self);
    if (!self) {
        return um_error_memory(error, "collective", sizeof *self);
    }
    self->base = (um_collective){.operations = &operations, .size = 1, .node_size = 1};
    self->ranks = self->ending = MPI_COMM_NULL;
    self->watch = watch ? *watch : (um_collective_watch){0};
    const um_status status = start(self, processes, error);
    if (status != UM_OK) {
        free_memory(self);
        return status;
    }
    *collective = &self->base;
    return UM_OK;
}

bool um_collective_mpi_is_built(void) {
    return true;
}
