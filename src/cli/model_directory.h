/* Which model a command uses. */
#ifndef UM_CLI_MODEL_DIRECTORY_H
#define UM_CLI_MODEL_DIRECTORY_H

#include "base/status.h"

/* The lines about --model for help texts. */
#define UM_CLI_MODEL_HELP                                                                          \
    "  -m, --model PATH       model directory or GGUF file (default: UNMASK_MODEL, else the\n"     \
    "                         installed model, else ./models/tiny)\n"

/* The directory or GGUF file to open: `given` by --model, else the environment variable
 * UNMASK_MODEL, else the installed one, else ./models/tiny.  *directory is `given`, or belongs to
 * the program.  UM_ERR_IO says where it was looked for. */
um_status um_cli_model_directory(const char *given, const char **directory, um_error *error);

#endif
