/* unmask sweep: its command line and its parts. */
#ifndef UM_CLI_SWEEP_SWEEP_H
#define UM_CLI_SWEEP_SWEEP_H

#include "cli/eval/eval.h"
#include "cli/terminal/progress_bar.h"
#include "eval/sweep_grid.h"

typedef struct um_sweep_request {
    um_eval_request eval; /* of every point, except model, decoding, samples and output */
    const char *models[UM_SWEEP_MODELS]; /* [model_count] paths */
    size_t model_count;
    um_sweep_axes axes;
} um_sweep_request;

/* Read the command line.  UM_EXIT_OK to go on, UM_PARSE_HELP, or the exit code, with the message
 * printed. */
int um_sweep_parse(const um_command *command, int argc, char **argv, um_sweep_request *request);

/* ---- Decoding -------------------------------------------------------------------------- */

/* Which of the given options some line of the grid uses: bit i for option i. */
typedef uint64_t um_sweep_uses;

/* The decoding of a line at a temperature, whose text is borrowed.  Options that its algorithm does
 * not have are left out, and the others are marked in *uses.  UM_ERR_ARGUMENT: the given
 * --algorithm has no budget of steps. */
um_status um_sweep_decoding(const um_eval_decoding *given, const um_sweep_grid *grid,
                            const um_sweep_line *line, const char *temperature,
                            um_eval_decoding *decoding, um_sweep_uses *uses, um_error *error);

/* UM_ERR_ARGUMENT names a given option that no line uses. */
um_status um_sweep_check_uses(const um_eval_decoding *given, um_sweep_uses uses, um_error *error);

/* ---- Progress ---------------------------------------------------------------------------- */

/* How far a sweep is.  Each line takes its own time a sample, from which the time left is
 * estimated. */
typedef struct um_sweep_progress {
    const um_sweep_grid *grid; /* borrowed, complete */
    um_progress_bar bar;
    char what[160];                 /* the current point, as the bar names it */
    size_t total;                   /* samples of the grid */
    size_t done;                    /* those of earlier points */
    size_t left[UM_SWEEP_LINES];    /* samples of a line to come after the current point */
    size_t timed[UM_SWEEP_LINES];   /* samples made in earlier points, */
    double seconds[UM_SWEEP_LINES]; /* and the time they took */
    size_t point;
    size_t point_samples;
    size_t point_made; /* of these, so far */
    double point_start;
} um_sweep_progress;

/* Each of `problems` has the samples that the grid makes of `samples` (um_sweep_samples_at).  A bar
 * appears only on a terminal, and only if `shown`. */
void um_sweep_progress_start(um_sweep_progress *progress, const um_sweep_grid *grid,
                             size_t problems, size_t samples, bool shown);

/* Begin and end each point, one after the other. */
void um_sweep_progress_begin_point(um_sweep_progress *progress, size_t point, size_t point_samples);
void um_sweep_progress_end_point(um_sweep_progress *progress);

/* For a um_watch: `made` of the point's `wanted` missing samples are made. */
bool um_sweep_progress_watch(void *progress, size_t made, size_t wanted);

/* Seconds for what is left, estimated from the lines' times; NAN before the first sample. */
double um_sweep_progress_left(const um_sweep_progress *progress, double now);

void um_sweep_progress_end(um_sweep_progress *progress);

/* ---- The run ------------------------------------------------------------------------------ */

/* A sweep in progress. */
typedef struct um_sweep_run {
    const um_sweep_request *request;
    um_ranks *ranks;
    um_eval_place place;
    um_sweep_grid grid;
    um_sweep_progress progress;
    json_t **reports; /* [points of the grid] on rank 0, filled one by one */
    int lock_descriptor;
} um_sweep_run;

/* Evaluate all points of the grid; what exists of them is read.  All ranks call this together, and
 * rank 0 has the reports afterwards.  Call um_sweep_run_free whatever the outcome.
 * UM_ERR_CANCELLED after Ctrl-C. */
um_status um_sweep_run_complete(const um_sweep_request *request, um_ranks *ranks, um_sweep_run *run,
                                um_error *error);
void um_sweep_run_free(um_sweep_run *run);

#endif
