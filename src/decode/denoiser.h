/* What decoding needs of a model: logits for some positions of a canvas.
 *
 * Policies and samplers see only this, so they are tested against recorded or made-up logits,
 * and the same code drives full recomputation, caches and autoregressive decoding. */
#ifndef UM_DECODE_DENOISER_H
#define UM_DECODE_DENOISER_H

#include "base/status.h"

typedef struct um_denoiser_request {
    const int32_t *tokens; /* [length]: the whole canvas as it stands */
    size_t length;
    /* Rows whose keys and values are recomputed, ascending; the others are taken from the
     * cache as they are.  NULL: all rows. */
    const size_t *rows;
    size_t row_count;
    /* Positions whose token distribution is wanted, ascending.  Position p is predicted by
     * row p or p - 1 as the model's logit alignment says; `length` itself may be wanted from a
     * model that predicts the next token. */
    const size_t *wanted;
    size_t wanted_count;
} um_denoiser_request;

typedef struct um_denoiser {
    void *user;
    size_t vocabulary_size;
    /* Fill logits[wanted_count][vocabulary_size]. */
    um_status (*logits)(void *user, const um_denoiser_request *request, float *logits,
                        um_error *error);
} um_denoiser;

#endif
