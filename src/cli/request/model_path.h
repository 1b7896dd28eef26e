/* Which model a command uses. */
#ifndef UM_CLI_REQUEST_MODEL_PATH_H
#define UM_CLI_REQUEST_MODEL_PATH_H

#include "base/status.h"

/* Lines for help texts about --model. */
#define UM_CLI_MODEL_HELP                                                                          \
    "  -m, --model PATH       model directory or GGUF file (default: UNMASK_MODEL, else the\n"     \
    "                         installed model, else ./models/tiny)\n"

/* The directory or GGUF file to open: `given` by --model, else the environment variable
 * UNMASK_MODEL, else the installed one, else ./models/tiny.  *path is `given`, or belongs to the
 * program.  The message of UM_ERR_IO says where it was looked for. */
um_status um_cli_model_path(const char *given, const char **path, um_error *error);

#endif
