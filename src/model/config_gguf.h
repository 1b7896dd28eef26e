/* The metadata of a GGUF file to a um_model_config, and back. */
#ifndef UM_MODEL_CONFIG_GGUF_H
#define UM_MODEL_CONFIG_GGUF_H

#include "model/config.h"
#include "weights/gguf_writer.h"

/* Read the config of a file, which `where` names in messages; `overrides` may be NULL.
 *
 * Architectures are dream, llada, qwen2, qwen3 and llama, with the conventions that config.json has
 * for the same family.  diffusion.shift_logits, attention.causal and the "unmask." keys that
 * um_model_config_to_gguf writes take precedence over these.  UM_ERR_UNSUPPORTED names an
 * architecture or a feature (scaled rotation, experts, windows ...) that is not covered. */
um_status um_model_config_from_gguf(const um_gguf *file, const char *where,
                                    const um_model_config_overrides *overrides,
                                    um_model_config *config, um_error *error);

/* Put the metadata of a file with weights of the main type `file_type` (llama.cpp's number):
 * architecture, sizes, conventions, token ids.  A Qwen2 model that is not causal gets the
 * architecture "dream", by which llama.cpp runs the same blocks.  Keys that begin with "unmask."
 * say what the architecture does not.  `name` becomes the model's name. */
um_status um_model_config_to_gguf(const um_model_config *config, const char *name,
                                  uint32_t file_type, um_gguf_writer *writer, um_error *error);

#endif
