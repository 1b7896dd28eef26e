/* A small Dream model with random weights and a tokenizer of the golden files. */
#ifndef UM_TESTS_RANDOM_MODEL_H
#define UM_TESTS_RANDOM_MODEL_H

#include "base/rng.h"
#include "model/save.h"

#define RANDOM_MODEL_CONTEXT 96

/* The ids are those of tests/golden/tokenizer/qwen_style. */
static inline um_model_config random_model_config(void) {
    return (um_model_config){.family = UM_FAMILY_DREAM,
                             .vocabulary_size = 820,
                             .hidden_size = 16,
                             .intermediate_size = 32,
                             .layer_count = 2,
                             .head_count = 4,
                             .kv_head_count = 2,
                             .head_dim = 4,
                             .maximum_positions = RANDOM_MODEL_CONTEXT,
                             .rms_norm_epsilon = 1e-6,
                             .rope_base = 10000,
                             .qkv_bias = true,
                             .attention = UM_ATTENTION_FULL,
                             .logit_alignment = UM_LOGITS_SHIFTED,
                             .mask_token = 804,
                             .bos_token = UM_NO_TOKEN_ID,
                             .eos_token = 800,
                             .pad_token = 800};
}

/* Write the model to `directory`, with the tokenizer files of `tokenizer`. */
static inline um_status random_model_write(const um_model_config *config, const char *tokenizer,
                                           const char *directory, um_error *error) {
    um_parameters parameters = {0};
    float *block = NULL;
    size_t count = 0;
    UM_TRY(um_parameters_lay_out(&parameters, config, &block, &count, error));
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, 0, 0, (uint32_t)i};
        block[i] = (float)(0.5 * um_rng_normal(1, place));
    }
    const um_status status =
        um_model_directory_write(config, &parameters, UM_DTYPE_F32, tokenizer, directory, error);
    um_parameters_free(&parameters);
    return status;
}

#endif
