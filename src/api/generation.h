/* One request on its way from text to answers; private to the module. */
#ifndef UM_API_GENERATION_H
#define UM_API_GENERATION_H

#include "api/internal.h"
#include "decode/batch.h"

/* Must not be moved: it points into itself. */
typedef struct um_generation {
    const um_model *model;
    um_callbacks callbacks;
    um_options options; /* with its own copies of the lists */
    const um_algorithm *algorithm;
    um_token_list end_tokens; /* the model's, then the caller's */
    um_canvas canvas;
    um_trace_writer writer;
    um_trace_sink trace; /* writes to `writer`, only with a trace callback */
    um_trace_sink sink;  /* receives what decoding reports: callbacks, then `trace` */
    um_decode_hooks hooks;
    um_decode_job job; /* uses canvas, options.decode and hooks */
    um_result result;
    uint64_t id;
    struct um_generation *next; /* in the batch's list */
} um_generation;

/* Check the request and make its canvas; nothing of `request` is needed afterwards, and `callbacks`
 * (may be NULL) are copied.  Free *generation with um_generation_free. */
um_status um_generation_create(const um_model *model, const um_request *request,
                               const um_callbacks *callbacks, um_generation **generation,
                               um_error *error);
/* NULL is allowed. */
void um_generation_free(um_generation *generation);

/* The outcome, as that of um_generate, once the job is finished. */
um_status um_generation_take(um_generation *generation, um_result *result, um_error *error);

#endif
