/* Many canvases decoded side by side: one forward of the model computes the rows of all of them.
 *
 * Those that are live take their steps together, each at its own pace; one that is finished leaves,
 * and one that waits takes its place before the next forward.  What becomes of a canvas does not
 * depend on the others. */
#ifndef UM_DECODE_BATCH_H
#define UM_DECODE_BATCH_H

#include "base/thread_pool.h"
#include "decode/decode.h"

typedef struct um_decode_batch um_decode_batch;

/* One canvas with its outcome; the caller's, zero-initialised, and not to be moved before it is
 * finished. */
typedef struct um_decode_job {
    bool is_finished;
    um_status status; /* as of um_decode_run, with its message */
    um_error error;
    um_decode_result result;
    struct um_decoding *decoding; /* private */
} um_decode_job;

/* How a batch works; results do not depend on it. */
typedef struct um_decode_batch_setup {
    um_thread_pool *pool; /* shares out sampling; may be NULL */
    size_t live_maximum;  /* canvases that are decoded at a time, at least 1; others wait */
    /* Bounds of memory, 0 for the defaults. */
    size_t forward_rows; /* a step whose canvases ask for more rows together makes several forwards;
                            default 1024 */
    size_t logit_bytes; /* of the logits that exist at a time, but always a row for each thread, and
                           twice that with guidance; default 128 MiB */
} um_decode_batch_setup;

/* The batch uses the slots 0 .. 2 live_maximum - 1 of the denoiser.  `denoiser` and `setup` are
 * copied, what they point to must outlive *batch. */
um_status um_decode_batch_create(const um_denoiser *denoiser, const um_decode_batch_setup *setup,
                                 um_decode_batch **batch, um_error *error);

/* Unfinished jobs are forgotten, without an end record in their traces.  NULL is allowed. */
void um_decode_batch_free(um_decode_batch *batch);

/* Queue `canvas` as um_decode_run's parameters say; they must stay until the job is finished.
 * hooks->pool is not used.  The options are checked here: on failure nothing is queued and the job
 * is as before. */
um_status um_decode_batch_add(um_decode_batch *batch, um_canvas *canvas,
                              const um_decode_options *options, const um_decode_hooks *hooks,
                              um_decode_job *job, um_error *error);

/* Let waiting jobs in, make one forward for all live ones (or a few: forward_rows), and commit.  A
 * job that ends, well or not, is finished when this returns, and the others go on; a forward that
 * fails ends those that it was for. Returns how many jobs are unfinished: 0 when there is nothing
 * left to do. */
size_t um_decode_batch_step(um_decode_batch *batch);

/* Jobs that are live or wait. */
size_t um_decode_batch_unfinished(const um_decode_batch *batch);

#endif
