/* Opening the model of a command. */
#ifndef UM_CLI_REQUEST_OPEN_MODEL_H
#define UM_CLI_REQUEST_OPEN_MODEL_H

#include "cli/request/model_options.h"

/* Open the chosen model.  Quantising weights shows a progress bar, can be stopped with Ctrl-C and,
 * unless choice->no_quantize_cache, uses the user's cache directory. */
um_status um_cli_open_model(const um_model_choice *choice, um_model **model, um_error *error);

#endif
