/* A denoiser over a transformer: one sequence, or several side by side, each with its own cache of
 * keys and values. */
#ifndef UM_DECODE_TRANSFORMER_DENOISER_H
#define UM_DECODE_TRANSFORMER_DENOISER_H

#include "decode/denoiser.h"
#include "model/transformer.h"

/* The mutable state of the sequences; used by one thread at a time. */
typedef struct um_transformer_denoiser um_transformer_denoiser;

/* `transformer` and `compute` are copied; what they point to must outlive *denoiser, which the
 * caller frees.  Attention and logit alignment are those of the model's config. */
um_status um_transformer_denoiser_create(const um_transformer *transformer,
                                         const um_compute *compute,
                                         um_transformer_denoiser **denoiser, um_error *error);

/* NULL is allowed. */
void um_transformer_denoiser_free(um_transformer_denoiser *denoiser);

/* Forget the sequence of `slot` and make room for one of up to `maximum_length` tokens, in the
 * slot's memory if that is large enough.  Without this call the room grows when needed, at the
 * price of computing old rows again.  UM_ERR_LIMIT: more than the model's maximum_positions. */
um_status um_transformer_denoiser_start(um_transformer_denoiser *denoiser, size_t slot,
                                        size_t maximum_length, um_error *error);

/* The interface that decoding calls.  It stays valid as long as `denoiser`.
 *
 * A request for all rows starts a new sequence in its slot.  Otherwise the rows computed are those
 * requested, those that predict a wanted position (with shifted logits the row before it) and those
 * never computed before; the others keep their keys and values.  A sequence may grow from one
 * request to the next; one that shrinks starts anew.  A row that predicts two wanted positions is
 * computed and projected once.
 *
 * What is computed for a sequence does not depend on the other sequences of the forward.  A forward
 * that fails makes each of its slots start anew.
 *
 * UM_ERR_LIMIT: a canvas longer than the model's maximum_positions; UM_ERR_ARGUMENT: rows or wanted
 * positions out of range or not ascending, a slot twice; UM_ERR_MISMATCH: an id outside the
 * vocabulary. */
um_denoiser um_transformer_denoiser_interface(um_transformer_denoiser *denoiser);

#endif
