/* Matrices of a bound model, quantised in memory. */
#ifndef UM_MODEL_QUANTISED_PARAMETERS_H
#define UM_MODEL_QUANTISED_PARAMETERS_H

#include "base/thread_pool.h"
#include "base/watch.h"
#include "model/parameters.h"
#include "model/weight_mix.h"

/* Replace every matrix of `parameters` by one of the type that `mix` has for it, in memory of its
 * own: release *block with free(), after the parameters.  The pages of each source that
 * `checkpoint` has mapped are released (um_checkpoint_release) as soon as they have been read;
 * nothing refers to them afterwards.  Quantised blocks are those that um_model_gguf_write stores.
 * `pool` and `watch` may be NULL.
 *
 * UM_ERR_ARGUMENT if a matrix is quantised already; UM_ERR_MISMATCH names a tensor and row that
 * cannot be quantised; UM_ERR_CANCELLED if the watch cancels.  On failure `parameters` may refer to
 * both the source and *block. */
um_status um_parameters_quantise(um_parameters *parameters, const um_model_config *config,
                                 const um_checkpoint *checkpoint, um_weight_mix mix,
                                 um_thread_pool *pool, const um_watch *watch, void **block,
                                 um_error *error);

#endif
