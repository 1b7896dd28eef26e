/* One canvas being decoded, between the forwards of the model: what the next forward is to compute,
 * and what its candidates do to the canvas.  The batch (batch.h) makes the forwards and does the
 * sampling. */
#ifndef UM_DECODE_DECODING_H
#define UM_DECODE_DECODING_H

#include "decode/cache_plan.h"
#include "decode/decode.h"

typedef struct um_decoding {
    const um_algorithm *algorithm;
    um_canvas *canvas;
    um_decode_options options; /* resolved */
    um_kernels kernels;
    size_t masked_at_start;
    void *state; /* of the algorithm */
    const um_decode_hooks *hooks;
    um_sampler sampler;
    um_decode_step step; /* the one that is waiting for its candidates */
    size_t next_step;
    um_cache_plan cache;
    um_candidate *candidates; /* [answer_count], of which step.wanted_count are in use */
    size_t vocabulary_size;
    /* Private scratch: [answer_count] each, and [length] for `rows` and `unconditional`. */
    uint8_t *actions;
    um_ranked *ranking;
    size_t *wanted;
    size_t *rows;
    int32_t *unconditional; /* the canvas with fixed tokens masked; only with guidance */
    int32_t *stops;         /* [stop_count]: all tokens that end an answer */
    size_t stop_count;
    /* What the first step saw, for the trace; [first_count]. */
    size_t *first_positions;
    float *first_confidences;
    float *first_entropies;
    size_t first_count;
    double start_seconds;
    bool sink_failed; /* it is not called again */
    um_decode_result result;
} um_decoding;

/* Check and resolve the options and allocate.  What the pointers point to must outlive *decoding,
 * and so must the algorithm's name and the lists in the options; um_decoding_free frees *decoding.
 * UM_ERR_ARGUMENT, UM_ERR_MISMATCH: the options do not fit the canvas or the vocabulary. */
um_status um_decoding_create(const um_denoiser *denoiser, um_canvas *canvas,
                             const um_decode_options *options, const um_decode_hooks *hooks,
                             um_decoding **decoding, um_error *error);
/* NULL is allowed. */
void um_decoding_free(um_decoding *decoding);

/* Begin: the clock starts, and the trace's header is written. */
um_status um_decoding_start(um_decoding *decoding, um_error *error);

/* Go to the next step that needs the model; *has_step is false if there is none, and the canvas is
 * then final.  UM_ERR_CANCELLED. */
um_status um_decoding_plan(um_decoding *decoding, bool *has_step, um_error *error);

/* Whether a step needs a second request, for the unconditional forward. */
bool um_decoding_is_guided(const um_decoding *decoding);

/* The step's requests to the model: requests[0] and, with guidance, requests[1], without their
 * slots.  Call it once a step; the requests are valid until um_decoding_commit. */
void um_decoding_requests(um_decoding *decoding, um_denoiser_request *requests);

/* Mix guidance into the logits of `count` wanted positions: logits = unconditional
 * + (scale + 1) * (logits - unconditional), where the unconditional forward sees the fixed tokens
 * masked (LLaDA, section A.4). */
void um_decoding_guide(const um_decoding *decoding, size_t count, const float *unconditional,
                       float *logits);

/* Choose the candidate of the index-th wanted position.  logits[vocabulary_size] is overwritten.
 * Different candidates may be chosen at the same time, each with a scratch of its own. */
void um_decoding_sample(um_decoding *decoding, size_t index, float *logits,
                        um_row_scratch *scratch);

/* Commit the step, once all its candidates are chosen; `requests` are those of its forward, which
 * has set their computed_rows.  UM_ERR_MISMATCH: logits that were not finite. */
um_status um_decoding_commit(um_decoding *decoding, const um_denoiser_request *requests,
                             um_error *error);

/* Whether no further step will need the model. */
bool um_decoding_is_over(const um_decoding *decoding);

/* End the run, whatever its status: fill in the result and write the trace's end record.  If that
 * fails, an earlier failure still takes precedence.  Returns the status of the run. */
um_status um_decoding_finish(um_decoding *decoding, um_status status, um_error *error);

#endif
