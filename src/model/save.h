/* Write a model as a Hugging Face directory. */
#ifndef UM_MODEL_SAVE_H
#define UM_MODEL_SAVE_H

#include "base/watch.h"
#include "model/parameters.h"

/* The empty file that says that a directory was written to its end. */
#define UM_MODEL_DONE_FILE "DONE"

/* Whether a directory contains a model's weights, in one file or in several. */
bool um_model_directory_has_weights(const char *directory);

/* Remove what killed writers have left beside the files that um_model_directory_write makes. */
um_status um_model_directory_remove_leftovers(const char *directory, um_error *error);

/* Write model.safetensors with weights stored as `dtype`, config.json, and the tokenizer files and
 * generation_config.json of `tokenizer_source_directory` (NULL for none; see tokenizer_copy.h), to
 * `target_directory`, which is created if it does not exist (its parent must).  Each file appears
 * whole or not at all; UM_MODEL_DONE_FILE is removed first and written last.  A Dream model without
 * generation_config.json gets one with its token ids, because the code of DreamModel needs that
 * file.  UM_ERR_ARGUMENT if the target contains a sharded checkpoint, which this does not replace.
 */
um_status um_model_directory_write(const um_model_config *config, const um_parameters *parameters,
                                   um_dtype dtype, const char *tokenizer_source_directory,
                                   const char *target_directory, um_error *error);

/* The same for callers that want to be told of progress (`watch` may be NULL). */
um_status um_model_directory_write_watched(const um_model_config *config,
                                           const um_parameters *parameters, um_dtype dtype,
                                           const char *tokenizer_source_directory,
                                           const char *target_directory, const um_watch *watch,
                                           um_error *error);

#endif
