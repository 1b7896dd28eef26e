/* A denoiser over a transformer: one sequence at a time, with its cache of keys and values. */
#ifndef UM_DECODE_TRANSFORMER_DENOISER_H
#define UM_DECODE_TRANSFORMER_DENOISER_H

#include "decode/denoiser.h"
#include "model/transformer.h"

/* The mutable state of one sequence; used by one thread at a time. */
typedef struct um_transformer_denoiser um_transformer_denoiser;

/* `transformer` and `compute` are copied, what they point to must outlive *denoiser, which the
 * caller frees.  Attention and logit alignment are those of the model's config. */
um_status um_transformer_denoiser_create(const um_transformer *transformer,
                                         const um_compute *compute,
                                         um_transformer_denoiser **denoiser, um_error *error);

/* NULL is allowed. */
void um_transformer_denoiser_free(um_transformer_denoiser *denoiser);

/* Forget the sequence that was decoded and make room for one of up to `maximum_length` tokens;
 * without it the room grows when it is needed, at the price of computing old rows again.
 * UM_ERR_LIMIT: more than the model's maximum_positions. */
um_status um_transformer_denoiser_start(um_transformer_denoiser *denoiser, size_t maximum_length,
                                        um_error *error);

/* The interface that decoding calls.  It stays valid as long as `denoiser`.
 *
 * A request for all rows starts a new sequence.  Otherwise the rows to compute are those that
 * are asked for, those that predict a wanted position (with shifted logits the row before it)
 * and those that were never computed; the others keep their keys and values.  A sequence may grow
 * from one request to the next; one that shrinks starts anew.  A row that predicts two wanted
 * positions is computed and projected once.
 *
 * UM_ERR_LIMIT: a canvas longer than the model's maximum_positions; UM_ERR_ARGUMENT: rows or wanted
 * positions out of range or not ascending; UM_ERR_MISMATCH: an id outside the vocabulary. */
um_denoiser um_transformer_denoiser_interface(um_transformer_denoiser *denoiser);

/* Where the time went since the last um_transformer_denoiser_start. */
typedef struct um_denoiser_times {
    double forward_seconds;    /* in the layers */
    double projection_seconds; /* from hidden states to logits */
} um_denoiser_times;

um_denoiser_times um_transformer_denoiser_times(const um_transformer_denoiser *denoiser);

#endif
