/* The files of a model directory besides weights and config.json: those of its tokenizer, and the
 * code that "auto_map" in Dream and LLaDA configs names. */
#ifndef UM_MODEL_TOKENIZER_COPY_H
#define UM_MODEL_TOKENIZER_COPY_H

#include "model/config.h"

/* The name of file `index` of these, from 0; NULL past the last. */
const char *um_model_tokenizer_file(size_t index);

/* Copy those that exist in the directory `from` to the directory `to`, each whole or not at all.
 *
 * They are copied byte for byte, unless the model's pad or mask token is not the one that the
 * config.json of `from` names: then the "pad_token" or "mask_token" of tokenizer_config.json and
 * special_tokens_map.json and the "pad_token_id" or "mask_token_id" of generation_config.json
 * become the model's; other members, and their order, stay.  A file that names no such token, or is
 * not a JSON object, is copied unchanged; so is one that names it by its text, if no added token
 * has its id. */
um_status um_model_copy_tokenizer(const um_model_config *config, const char *from, const char *to,
                                  um_error *error);

#endif
