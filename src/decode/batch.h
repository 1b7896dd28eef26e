/* Many canvases decoded side by side: one forward of the model computes the rows of all of them.
 *
 * Live canvases take their steps together, each at its own pace.  A finished one leaves, and a
 * waiting one takes its place before the next forward.  The result for a canvas does not depend on
 * the others. */
#ifndef UM_DECODE_BATCH_H
#define UM_DECODE_BATCH_H

#include "base/thread_pool.h"
#include "decode/decode.h"

typedef struct um_decode_batch um_decode_batch;

/* One canvas and its outcome.  The caller owns it, zero-initialises it, and must not move it before
 * it is finished. */
typedef struct um_decode_job {
    bool is_finished;
    um_status status; /* as um_decode_run returns it; `error` has the message */
    um_error error;
    um_decode_result result;
    struct um_decoding *decoding; /* private */
} um_decode_job;

/* How a batch works; results do not depend on it. */
typedef struct um_decode_batch_setup {
    um_thread_pool *pool; /* shares out sampling; may be NULL */
    size_t live_maximum;  /* canvases decoded at a time, at least 1; the others wait */
    /* Bounds on memory; 0 for the defaults. */
    size_t forward_rows; /* if the canvases of a step together need more rows, it makes several
                            forwards; default 1024 */
    size_t logit_bytes;  /* for the logits held at a time, but at least one row per thread; twice
                            that with guidance; default 128 MiB */
} um_decode_batch_setup;

/* The batch uses the slots 0 .. 2 live_maximum - 1 of the denoiser.  `denoiser` and `setup` are
 * copied; what they point to must outlive *batch. */
um_status um_decode_batch_create(const um_denoiser *denoiser, const um_decode_batch_setup *setup,
                                 um_decode_batch **batch, um_error *error);

/* Drops unfinished jobs without writing an end record to their traces.  NULL is allowed. */
void um_decode_batch_free(um_decode_batch *batch);

/* Queue `canvas`.  The parameters are those of um_decode_run, and must stay valid until the job is
 * finished; hooks->pool is not used.  The options are checked here: on failure nothing is queued
 * and the job is as before. */
um_status um_decode_batch_add(um_decode_batch *batch, um_canvas *canvas,
                              const um_decode_options *options, const um_decode_hooks *hooks,
                              um_decode_job *job, um_error *error);

/* Let waiting jobs in, make one forward for all live ones (or a few: forward_rows), and commit.  A
 * job that ends, successfully or not, is finished when this returns, and the others go on; a
 * forward that fails ends the jobs that it was for.  Returns how many jobs are unfinished: 0 when
 * there is nothing left to do. */
size_t um_decode_batch_step(um_decode_batch *batch);

/* Jobs that are live or waiting. */
size_t um_decode_batch_unfinished(const um_decode_batch *batch);

#endif
