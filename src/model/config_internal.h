/* What the readers of configurations share. */
#ifndef UM_MODEL_CONFIG_INTERNAL_H
#define UM_MODEL_CONFIG_INTERNAL_H

#include "model/config.h"

/* Replace what `overrides` (or NULL) has; the result is not checked. */
void um_model_config_apply_overrides(um_model_config *config,
                                     const um_model_config_overrides *overrides);

bool um_family_from_name(const char *name, um_family *family);

/* The number with the fewest decimal digits that rounds to `value`: 1e-06 for the f32 nearest to
 * it, so that what was written as f32 comes back as it was in a text. */
double um_shortest_double(float value);

#endif
