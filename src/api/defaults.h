/* How a request is decoded where its options leave that open. */
#ifndef UM_API_DEFAULTS_H
#define UM_API_DEFAULTS_H

#include "api/internal.h"

/* Without an algorithm in `options`: choose one, and what belongs to it, as
 * decode/default_options.h says.  A named algorithm gets nothing that it is not given. */
void um_choose_defaults(const um_model_config *config, um_options *options);

#endif
