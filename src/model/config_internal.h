/* Shared by the readers of configurations. */
#ifndef UM_MODEL_CONFIG_INTERNAL_H
#define UM_MODEL_CONFIG_INTERNAL_H

#include "model/config.h"

/* Replace what `overrides` (or NULL) sets; the result is not checked. */
void um_model_config_apply_overrides(um_model_config *config,
                                     const um_model_config_overrides *overrides);

bool um_family_from_name(const char *name, um_family *family);

/* The number with the fewest decimal digits, at most eight, that rounds to `value`, or `value`
 * itself: 1e-06 for the f32 nearest to it, so that a number that was stored as f32 comes back as it
 * was in a text. */
double um_shortest_double(float value);

#endif
