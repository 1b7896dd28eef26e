/* What can be checked about an output before the work for it is done. */
#ifndef UM_CLI_OUTPUT_CHECK_H
#define UM_CLI_OUTPUT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Whether a file can be written at `path` (see um_atomic_file_open); what is there stays as it
 * is. */
um_status um_cli_check_output_file(const char *path, um_error *error);

/* Whether two outputs, which need not exist, have the same folder and name. */
bool um_cli_is_same_output(const char *one, const char *other);

/* UM_ERR_ARGUMENT if `output` is the same file as one of the inputs, by whatever path, and would
 * replace it.  Inputs that do not exist and "-" are skipped. */
um_status um_cli_check_not_an_input(const char *output, const char *const *inputs, size_t count,
                                    um_error *error);

#endif
