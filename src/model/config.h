/* The shape and conventions of a model: everything by which one dense masked-diffusion or
 * autoregressive transformer differs from another.  One forward reads this; there is no
 * code path a family. */
#ifndef UM_MODEL_CONFIG_H
#define UM_MODEL_CONFIG_H

#include "base/json.h"
#include "base/status.h"

/* Enumerator, text for people.  A family decides tensor names and how config.json is read. */
#define UM_FAMILY_LIST(X)                                                          \
    X(UM_FAMILY_DREAM, "dream") /* Dream, DiffuCoder, Dream-Coder: Qwen2 blocks */ \
    X(UM_FAMILY_QWEN2, "qwen2")                                                    \
    X(UM_FAMILY_QWEN3, "qwen3")                                                    \
    X(UM_FAMILY_LLAMA, "llama")                                                    \
    X(UM_FAMILY_LLADA, "llada")

typedef enum um_family {
#define UM_FAMILY_ENUMERATOR(name, text) name,
    UM_FAMILY_LIST(UM_FAMILY_ENUMERATOR)
#undef UM_FAMILY_ENUMERATOR
} um_family;

/* Which rows a row attends to. */
typedef enum um_attention_kind {
    UM_ATTENTION_FULL,        /* every row of its sequence */
    UM_ATTENTION_CAUSAL,      /* itself and the rows before it */
    UM_ATTENTION_BLOCK_CAUSAL /* its own block and the blocks before it */
} um_attention_kind;

/* Which row's logits predict the token at position i. */
typedef enum um_logit_alignment {
    UM_LOGITS_AT_POSITION, /* row i */
    UM_LOGITS_SHIFTED      /* row i - 1 (row 0 for position 0): Dream, and every causal model */
} um_logit_alignment;

#define UM_NO_TOKEN (-1)

typedef struct um_model_config {
    um_family family;
    size_t vocabulary_size;
    size_t hidden_size;
    size_t intermediate_size;
    size_t layer_count;
    size_t head_count;
    size_t kv_head_count; /* divides head_count */
    size_t head_dim;      /* even; not always hidden_size / head_count */
    size_t maximum_positions;
    double rms_norm_epsilon;
    double rope_base;
    bool qkv_bias;
    bool qk_norm;   /* RMS norm of each query and key head before the rotation */
    bool tied_head; /* the output projection is the embedding */
    um_attention_kind attention;
    size_t attention_block_length; /* for UM_ATTENTION_BLOCK_CAUSAL */
    um_logit_alignment logit_alignment;
    int32_t mask_token; /* UM_NO_TOKEN where config.json does not tell, as for the three below */
    int32_t bos_token;
    int32_t eos_token;
    int32_t pad_token;
} um_model_config;

const char *um_family_name(um_family family);

/* Read directory/config.json.  Every field is required: nothing falls back to a default of
 * some library.  UM_ERR_UNSUPPORTED names an architecture or feature that is not covered. */
um_status um_model_config_read(const char *directory, um_model_config *config, um_error *error);

/* The same from a parsed object; `where` names it in messages. */
um_status um_model_config_parse(const json_t *root, const char *where, um_model_config *config,
                                um_error *error);

/* Check that sizes are positive, divide each other and stay below limits that keep every later
 * product within size_t. */
um_status um_model_config_check(const um_model_config *config, const char *where, um_error *error);

/* The config.json text by which other software loads such a model. */
um_status um_model_config_format(const um_model_config *config, um_buffer *json, um_error *error);

#endif
