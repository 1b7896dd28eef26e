/* How a request is decoded where its options leave that open. */
#ifndef UM_API_DEFAULTS_H
#define UM_API_DEFAULTS_H

#include "api/internal.h"

/* The algorithm of a model without options. */
const char *um_default_algorithm(const um_model_config *config);

/* Without an algorithm in `options`: choose one, and the options that belong to it where they are
 * not given.
 *
 * Models that see masks get several tokens a step and a cache, the choice that docs/FRONTIER.md
 * measures.  An option of the published schedule (steps, eps, alg_temp) asks for that: then the
 * algorithm is entropy, exactly as published, without a cache unless one is given.  A named
 * algorithm gets nothing that it is not given. */
void um_choose_defaults(const um_model_config *config, um_options *options);

#endif
