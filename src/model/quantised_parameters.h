/* Matrices of a bound model, quantised in memory. */
#ifndef UM_MODEL_QUANTISED_PARAMETERS_H
#define UM_MODEL_QUANTISED_PARAMETERS_H

#include "base/thread_pool.h"
#include "base/watch.h"
#include "model/parameters.h"
#include "model/weight_mix.h"

/* Replace every matrix of `parameters` by one of the type that `mix` has for it, in memory of its
 * own: *block is for free(), after the parameters.  The source of each, mapped by `checkpoint`, is
 * let go of (um_checkpoint_release) as soon as it was read; nothing refers to it afterwards. Blocks
 * are those that um_model_gguf_write stores.  `pool` and `watch` may be NULL.
 *
 * UM_ERR_ARGUMENT where a matrix is quantised already; UM_ERR_MISMATCH names a weight that cannot
 * be quantised; UM_ERR_CANCELLED where the watch said so.  On failure `parameters` may refer to
 * both the source and *block. */
um_status um_parameters_quantise(um_parameters *parameters, const um_model_config *config,
                                 const um_checkpoint *checkpoint, um_weight_mix mix,
                                 um_thread_pool *pool, const um_watch *watch, void **block,
                                 um_error *error);

#endif
