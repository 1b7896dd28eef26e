#include "cli/ranks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/processors.h"
#include "cli/cli.h"
#include "collective/launch.h"

/* Ranks that fail alike fail within this many seconds of one another. */
#define PATIENCE 5.0

static bool stop_requested(void *user) {
    (void)user;
    return um_cli_interrupted();
}

/* mpirun tells the other ranks that one has ended only by ending them, a second after SIGTERM. */
static void on_silence(void *user) {
    const um_ranks *ranks = user;
    if (!um_ranks_first(ranks)) {
        return;
    }
    char place[64] = "starts again";
    if (ranks->keeps_all) {
        (void)snprintf(place, sizeof place, "continues");
    } else if (ranks->saved_step > 0) {
        (void)snprintf(place, sizeof place, "continues after step %zu", ranks->saved_step);
    }
    (void)fprintf(stderr,
                  "%sunmask: stopping, but still waiting for another rank, which may have ended; "
                  "if the job ends now, the same command %s in %s\n",
                  isatty(STDERR_FILENO) ? "\n" : "", place, ranks->output);
}

um_status um_ranks_start(size_t wanted, const char *output, um_ranks *ranks, um_error *error) {
    const size_t started = um_launch_processes();
    const um_collective_watch watch = {
        .stop_requested = stop_requested, .silence = on_silence, .user = ranks};
    *ranks = (um_ranks){.output = output};
    um_cli_catch_signal(SIGUSR1); /* Slurm sends it to a job of one process too */
    if (started > 1) {
        UM_TRY(um_collective_mpi_create(started, &watch, &ranks->collective, error));
    } else {
        UM_TRY(um_collective_single_create(&ranks->collective, error));
    }
    const size_t size = um_collective_size(ranks->collective);
    if (wanted == 0 || size == wanted) {
        return UM_OK;
    }
    if (size == 1 && !um_collective_mpi_is_built()) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "--ranks %zu: this unmask was built without MPI; install libopenmpi-dev "
                        "and build again with -DUNMASK_MPI=ON",
                        wanted);
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "--ranks %zu, but %zu %s started; use `mpirun -n %zu unmask train ...`", wanted,
                    size, size == 1 ? "process was" : "processes were", wanted);
}

bool um_ranks_first(const um_ranks *ranks) {
    return um_collective_rank(ranks->collective) == 0;
}

size_t um_ranks_threads(const um_ranks *ranks) {
    const size_t share = um_online_processors() / um_collective_node_size(ranks->collective);
    return um_size_smaller(um_usable_processors(), share > 0 ? share : 1);
}

um_status um_ranks_sum(um_ranks *ranks, double mine, double *sum, um_error *error) {
    const size_t size = um_collective_size(ranks->collective);
    double *all = NULL;
    UM_TRY(um_allocate(&all, size, sizeof *all, "numbers of the ranks", error));
    all[um_collective_rank(ranks->collective)] = mine;
    const um_status status = um_collective_share(ranks->collective, all, size, sizeof *all, error);
    *sum = 0;
    for (size_t i = 0; i < size; i++) {
        *sum += all[i];
    }
    free(all);
    return status;
}

/* One failure has one line: that of the lowest rank that failed, or of one that failed alone. */
static int tell_failure(um_ranks *ranks, um_collective_end end, const um_error *error) {
    const size_t rank = um_collective_rank(ranks->collective);
    um_error told = *error;
    if (end == UM_COLLECTIVE_FAILED_ALONE) {
        (void)um_error_prefix(&told, error->status, "rank %zu ends the run", rank);
    }
    if (end != UM_COLLECTIVE_FAILED_TOO) {
        (void)um_cli_fail(&told);
    }
    return error->status == UM_ERR_CANCELLED ? UM_EXIT_INTERRUPTED : UM_EXIT_FAILURE;
}

int um_ranks_end(um_ranks *ranks, um_status status, const um_error *error) {
    if (!ranks->collective) { /* every process fails alike: one of them says so */
        return um_launch_rank() == 0 ? um_cli_fail(error) : UM_EXIT_FAILURE;
    }
    const um_collective_end end =
        um_collective_finish(ranks->collective, status != UM_OK, PATIENCE);
    const int code = status == UM_OK ? UM_EXIT_OK : tell_failure(ranks, end, error);
    if (end == UM_COLLECTIVE_FAILED_ALONE) {
        um_collective_abort(ranks->collective, code);
    }
    um_collective_free(ranks->collective);
    ranks->collective = NULL;
    return code;
}
