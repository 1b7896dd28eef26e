/* Weights that are quantised while a model is opened, and the files in which they are kept. */
#ifndef UM_API_QUANTISED_MODEL_H
#define UM_API_QUANTISED_MODEL_H

#include "api/internal.h"

/* Quantise the bound parameters of `model`, which was opened from `path`, as options->quantize
 * says, and close its checkpoint; or, where options->quantize_cache holds a file for the same
 * weights, bind that instead.  A file is written there when quantising took longer than `patience`
 * seconds; that it cannot be written is no failure. */
um_status um_model_quantise(um_model *model, const char *path, const um_model_options *options,
                            double patience, um_error *error);

/* What um_model_open has. */
#define UM_QUANTISE_PATIENCE 2.0

#endif
