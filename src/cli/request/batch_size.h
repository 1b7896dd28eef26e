/* How many samples are decoded at a time. */
#ifndef UM_CLI_REQUEST_BATCH_SIZE_H
#define UM_CLI_REQUEST_BATCH_SIZE_H

#include "unmask.h"

/* The usual number, and the most that --batch takes. */
#define UM_BATCH_USUAL 8
#define UM_BATCH_MAXIMUM 4096

/* `given` by --batch, unless it is 0; else `most`, or as many (at least 1) as keep the keys and
 * values of long prompts within this process's share of a quarter of the memory, where as many as
 * `processes` on this machine do the same. */
size_t um_cli_batch_size(const um_model_info *info, size_t given, size_t most, size_t processes);

#endif
