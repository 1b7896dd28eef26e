/* Decoding: fill the masked positions of a canvas with a denoiser, step by step. */
#ifndef UM_DECODE_DECODE_H
#define UM_DECODE_DECODE_H

#include "base/thread_pool.h"
#include "decode/algorithm.h"
#include "decode/canvas.h"
#include "decode/denoiser.h"
#include "decode/options.h"
#include "decode/trace.h"

/* What surrounds a run; zero-initialise it, every field may stay zero. */
typedef struct um_decode_hooks {
    const um_trace_sink *sink;        /* told about every commit as it happens */
    const char *model_name;           /* for the trace's header */
    bool (*is_cancelled)(void *user); /* asked before each forward */
    void *cancel_user;
    um_thread_pool *pool; /* um_decode_run only: shares out sampling; results do not depend on it */
    const um_kernels *kernels; /* for sampling; NULL: the best for this machine */
} um_decode_hooks;

typedef um_trace_end um_decode_result;

/* Decode `canvas` in place as `options` say, alone (batch.h is for several).  *result (may be NULL)
 * is filled on every return after the first step began.
 *
 * A step asks the denoiser only for the positions that it may change, in one request (with
 * classifier-free guidance two, in the same forward); steps that commit nothing make no request.
 * The option `cache` decides which rows a request recomputes.  Decoding ends when nothing is
 * masked, when the stop token settles the answer, or after the last step; positions may then still
 * be masked if a stop token was given, or if forbid_mask is off and the model chose the mask.
 *
 * UM_ERR_ARGUMENT: options; UM_ERR_MISMATCH: logits that are not finite, ids outside the
 * vocabulary; UM_ERR_CANCELLED.  On failure the canvas keeps what was committed so far. */
um_status um_decode_run(const um_denoiser *denoiser, um_canvas *canvas,
                        const um_decode_options *options, const um_decode_hooks *hooks,
                        um_decode_result *result, um_error *error);

#endif
