/* What lies behind the handles of unmask.h, for commands that use single parts of it.  Not
 * installed. */
#ifndef UM_API_PARTS_H
#define UM_API_PARTS_H

#include "model/transformer.h"
#include "unmask.h"

/* The transformer of a model, which lives as long as the model. */
um_transformer um_model_transformer(const um_model *model);

/* The model's kernels on these threads, which must outlive the result. */
um_compute um_model_compute(const um_model *model, const um_threads *threads);

/* The conventions that `options` state (attention, its block length, logit alignment, mask token)
 * for the model at `path`, as um_model_open would apply them.  UM_ERR_ARGUMENT: an unknown name, a
 * block length for attention without blocks, or a mask token that is neither in the vocabulary nor
 * an id.  If the config or the tokenizer cannot be read, the error is theirs, and *overrides holds
 * all but the mask token. */
um_status um_model_overrides_read(const char *path, const um_model_options *options,
                                  um_model_config_overrides *overrides, um_error *error);

#endif
