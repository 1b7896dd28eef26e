/* Shared by the files that implement model/parameters.h. */
#ifndef UM_MODEL_PARAMETERS_INTERNAL_H
#define UM_MODEL_PARAMETERS_INTERNAL_H

#include "model/parameters.h"

/* "model.layers." or its counterpart in other namings: the text before the layer number. */
const char *um_parameters_layer_prefix(um_family family, um_tensor_naming naming);

/* The name of the output projection. */
const char *um_parameters_head_name(um_family family, um_tensor_naming naming);

/* Set *parameters to absent tensors with room for the layers of `config`. */
um_status um_parameters_allocate_layers(um_parameters *parameters, const um_model_config *config,
                                        um_error *error);

/* Check type and shape of a tensor in a file. */
um_status um_parameters_check_stored(const um_stored_tensor *stored, const um_tensor *expected,
                                     um_error *error);

#endif
