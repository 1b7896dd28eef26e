/* Opening the model of a command. */
#ifndef UM_CLI_OPEN_MODEL_H
#define UM_CLI_OPEN_MODEL_H

#include "base/status.h"

/* Lines for help texts about --quantize and --no-quantize-cache. */
#define UM_CLI_QUANTIZE_HELP                                                                       \
    "      --quantize TYPE    quantise the weights of a directory while it is opened: q8_0,\n"     \
    "                         q4_0, q4_k, q6_k or q4_k_m.  When that takes more than 2 s the\n"    \
    "                         result is kept in $XDG_CACHE_HOME/unmask (~/.cache/unmask) for "     \
    "the\n"                                                                                        \
    "                         next time\n"                                                         \
    "      --no-quantize-cache\n"                                                                  \
    "                         neither keep quantised weights nor use kept ones\n"

/* Open the model that `given` (--model, or NULL) names.  Quantising weights shows a progress bar,
 * can be stopped with Ctrl-C and, unless `no_quantize_cache`, uses the user's cache directory. */
um_status um_cli_open_model(const char *given, const um_model_options *options,
                            bool no_quantize_cache, um_model **model, um_error *error);

#endif
