/* The files that a model directory has besides weights and config.json: its tokenizer's, and the
 * code that "auto_map" of Dream and LLaDA configs names. */
#ifndef UM_MODEL_TOKENIZER_COPY_H
#define UM_MODEL_TOKENIZER_COPY_H

#include "model/config.h"

/* Copy those of the directory `from` that exist to the directory `to`, each whole or not at all.
 *
 * They are copied byte for byte, unless the model has got another pad token than the config.json of
 * `from` names: then the "pad_token" of tokenizer_config.json and special_tokens_map.json and the
 * "pad_token_id" of generation_config.json become the model's; other members, and their order,
 * stay. A file that names none, or is no JSON object, is left as it is; so are those that name it
 * by its text where no added token has its id. */
um_status um_model_copy_tokenizer(const um_model_config *config, const char *from, const char *to,
                                  um_error *error);

#endif
