/* Decoding options as a recipe writes them: a JSON object with "algorithm" and the options of
 * decode/options.h under their names. */
#ifndef UM_TRAIN_RECIPE_ROLLOUT_OPTIONS_H
#define UM_TRAIN_RECIPE_ROLLOUT_OPTIONS_H

#include "base/json.h"
#include "decode/options.h"
#include "model/config.h"
#include "train/recipe/problem_options.h"

/* Store `object` as text.  UM_ERR_ARGUMENT: it is not an object of known options, or gives a seed,
 * which is the recipe's; UM_ERR_LIMIT: it is too long.  `where` names it in messages. */
um_status um_rollout_text_from_json(const json_t *object, const char *where,
                                    char text[UM_ROLLOUT_TEXT_SIZE], um_error *error);

/* Set one option of a text, as a command line does: key "steps", value "32". */
um_status um_rollout_text_set(char text[UM_ROLLOUT_TEXT_SIZE], const char *key, const char *value,
                              um_error *error);

/* The options that the text gives.  If it names no algorithm, decode/default_options.h chooses
 * that, and the options that are not given, for the model. */
um_status um_rollout_options_parse_for_model(const char text[UM_ROLLOUT_TEXT_SIZE],
                                             const um_model_config *config,
                                             um_decode_options *options, um_error *error);

/* The options that the text gives.  `temperature` and `top_p` each apply if the text does not give
 * that option and the algorithm knows it. */
um_status um_rollout_options_parse(const char text[UM_ROLLOUT_TEXT_SIZE], double temperature,
                                   double top_p, um_decode_options *options, um_error *error);

#endif
