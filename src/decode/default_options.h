/* How to decode a model when nobody says how. */
#ifndef UM_DECODE_DEFAULT_OPTIONS_H
#define UM_DECODE_DEFAULT_OPTIONS_H

#include "decode/options.h"
#include "model/config.h"

/* The algorithm for a model when no options are given. */
const char *um_default_algorithm(const um_model_config *config);

/* Choose an algorithm, and those of its options that are not given.
 *
 * Models that see masks get several tokens a step and a cache, the choice that docs/FRONTIER.md
 * measures.  They judge certainty by the model's own distribution (plain_confidence): after a low
 * temperature or top_p, doubtful tokens would pass the threshold too.  Giving an option of a
 * published schedule (steps, eps, alg_temp) selects that schedule: then the algorithm is entropy
 * (low_confidence for LLaDA models, unless an option that it lacks is given), exactly as published,
 * without a cache unless one is given. */
void um_decode_options_choose_defaults(const um_model_config *config, um_decode_options *options);

#endif
