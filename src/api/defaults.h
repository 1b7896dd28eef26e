/* How a request is decoded if its options leave that open. */
#ifndef UM_API_DEFAULTS_H
#define UM_API_DEFAULTS_H

#include "api/internal.h"

/* If `options` names no algorithm, choose one and its settings as decode/default_options.h says.  A
 * named algorithm gets no settings that were not given. */
void um_choose_defaults(const um_model_config *config, um_options *options);

#endif
