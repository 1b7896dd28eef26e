/* What decoding needs from a model: logits for some positions of one canvas or of several.
 *
 * Policies and samplers see only this, so they are tested against recorded or made-up logits, and
 * the same code drives full recomputation, caches, batches and autoregressive decoding. */
#ifndef UM_DECODE_DENOISER_H
#define UM_DECODE_DENOISER_H

#include "base/status.h"

/* What one forward is to compute of one sequence. */
typedef struct um_denoiser_request {
    size_t slot; /* which keys and values: each sequence decoded side by side has its own */
    const int32_t *tokens; /* [length]: the whole canvas as it stands */
    size_t length;
    /* Rows whose keys and values are recomputed, ascending; the others are taken from the
     * slot's cache as they are.  NULL: all rows. */
    const size_t *rows;
    size_t row_count;
    /* Positions whose token distribution is wanted, ascending.  Position p is predicted by row p or
     * p - 1, depending on the model's logit alignment; `length` itself may be wanted from a model
     * that predicts the next token. */
    const size_t *wanted;
    size_t wanted_count;
    size_t computed_rows; /* filled in by the forward: how many rows it computed */
} um_denoiser_request;

typedef struct um_denoiser {
    void *user;
    size_t vocabulary_size;
    bool is_shifted; /* row p - 1 predicts position p, not row p */
    /* A row sees the rows of its own and of earlier blocks of this many positions, and none of
     * later blocks; 0: every row sees every other. */
    size_t attention_block_length;
    /* Forget the sequence of a slot and make room for one of up to `maximum_length` tokens.  May
     * be NULL. */
    um_status (*start)(void *user, size_t slot, size_t maximum_length, um_error *error);
    /* Compute the rows of requests[count], all of different slots, together.  The requests must
     * stay as they are until their logits have been taken. */
    um_status (*forward)(void *user, um_denoiser_request *requests, size_t count, um_error *error);
    /* Fill logits[count][vocabulary_size] for the wanted positions first .. first + count - 1 of
     * that forward, counted through all its requests in their order.  The values do not depend on
     * how a caller divides the positions into calls. */
    um_status (*logits)(void *user, size_t first, size_t count, float *logits, um_error *error);
} um_denoiser;

#endif
