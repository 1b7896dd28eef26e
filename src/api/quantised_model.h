/* Weights that are quantised while a model is opened, and the files that keep them. */
#ifndef UM_API_QUANTISED_MODEL_H
#define UM_API_QUANTISED_MODEL_H

#include "api/internal.h"

/* Quantise the bound parameters of `model`, which was opened from `path`, as options->quantize
 * says, and close its checkpoint; but if options->quantize_cache holds a file for the same weights,
 * bind that instead.  A file is written there if quantising took longer than `patience` seconds;
 * failing to write it is not an error. */
um_status um_model_quantise(um_model *model, const char *path, const um_model_options *options,
                            double patience, um_error *error);

/* The patience of um_model_open. */
#define UM_QUANTISE_PATIENCE 2.0

#endif
