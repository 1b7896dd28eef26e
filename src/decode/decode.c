#include "decode/decode.h"

#include "decode/batch.h"

static um_status run_alone(um_decode_batch *batch, um_canvas *canvas,
                           const um_decode_options *options, const um_decode_hooks *hooks,
                           um_decode_result *result, um_error *error) {
    um_decode_job job = {0};
    UM_TRY(um_decode_batch_add(batch, canvas, options, hooks, &job, error));
    while (um_decode_batch_step(batch) > 0) {
    }
    if (result) {
        *result = job.result;
    }
    if (job.status != UM_OK && error) {
        *error = job.error;
    }
    return job.status;
}

um_status um_decode_run(const um_denoiser *denoiser, um_canvas *canvas,
                        const um_decode_options *options, const um_decode_hooks *hooks,
                        um_decode_result *result, um_error *error) {
    um_decode_batch *batch = NULL;
    const um_decode_batch_setup setup = {.pool = hooks ? hooks->pool : NULL, .live_maximum = 1};
    UM_TRY(um_decode_batch_create(denoiser, &setup, &batch, error));
    const um_status status = run_alone(batch, canvas, options, hooks, result, error);
    um_decode_batch_free(batch);
    return status;
}
