/* The shape and conventions of a model: everything by which one dense masked-diffusion or
 * autoregressive transformer differs from another.  A single forward pass reads this; no family
 * has a code path of its own. */
#ifndef UM_MODEL_CONFIG_H
#define UM_MODEL_CONFIG_H

#include "base/json.h"
#include "base/status.h"

/* Enumerator, text for people.  A family decides tensor names and how config.json is read. */
#define UM_FAMILY_LIST(X)                                                                          \
    X(UM_FAMILY_DREAM, "dream") /* Dream, DiffuCoder, Dream-Coder: Qwen2 blocks */                 \
    X(UM_FAMILY_QWEN2, "qwen2")                                                                    \
    X(UM_FAMILY_QWEN3, "qwen3")                                                                    \
    X(UM_FAMILY_LLAMA, "llama")                                                                    \
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
    int32_t mask_token; /* UM_NO_TOKEN_ID if the file names none; so for the three below */
    int32_t bos_token;
    int32_t eos_token;
    int32_t pad_token;
    /* Attention is causal only for want of a mask token: the files do not say whether the model is
     * autoregressive or a diffusion model (um_model_config_set_mask). */
    bool causal_unless_masked;
} um_model_config;

/* What config.json may leave open or state wrongly; zero-initialise to change nothing. */
typedef struct um_model_config_overrides {
    bool has_attention;
    um_attention_kind attention;
    size_t attention_block_length; /* 0: as read */
    bool has_logit_alignment;
    um_logit_alignment logit_alignment;
    bool forgets_mask_token; /* that of the files is not looked at: the caller knows another */
    bool has_mask_token;
    int32_t mask_token;
} um_model_config_overrides;

/* "qwen2".  The names below are those of command-line options and of config.json's "unmask". */
const char *um_family_name(um_family family);
/* "full", "causal", "block-causal". */
const char *um_attention_name(um_attention_kind attention);
/* "position", "shifted". */
const char *um_logit_alignment_name(um_logit_alignment alignment);
/* The reverse; false if `name` is none of them. */
bool um_attention_from_name(const char *name, um_attention_kind *attention);
bool um_logit_alignment_from_name(const char *name, um_logit_alignment *alignment);

/* Read config.json of the directory `model`, or the metadata of the GGUF file `model`
 * (um_model_config_from_gguf).  No field falls back to the default of some library: config.json
 * needs them all except tie_word_embeddings, which the weights decide, and GGUF all but those to
 * which its format gives a default.  UM_ERR_UNSUPPORTED names an architecture or feature that is
 * not covered.
 *
 * Attention and alignment follow from "model_type": Dream is full and shifted, a2d-* and llada full
 * and unshifted, sdar block-causal and unshifted, Fast_dLLM_Qwen block-causal and shifted; a2d-*
 * with a block length (block_size, block_length or bd_size) is block-causal (dllm's bd3lm).  qwen2,
 * qwen3 and llama are causal and shifted, unless the file has a "mask_token_id" or an "auto_map" to
 * a model class of its own (Open-dCoder): then they are full and shifted, as also when a mask token
 * is found later.  An object "unmask", as um_model_config_format writes it, overrides all of this.
 *
 * The mask token is "mask_token_id" of config.json, else of generation_config.json in the same
 * directory; with neither it may still be in the tokenizer. */
um_status um_model_config_read(const char *model, um_model_config *config, um_error *error);

/* As um_model_config_read, with the conventions that the caller sets; `overrides` may be NULL. */
um_status um_model_config_read_with(const char *model, const um_model_config_overrides *overrides,
                                    um_model_config *config, um_error *error);

/* The same from a parsed object; `where` names it in messages. */
um_status um_model_config_parse(const json_t *root, const char *where, um_model_config *config,
                                um_error *error);

/* As um_model_config_parse, with overrides (or NULL) applied before the result is checked. */
um_status um_model_config_parse_with(const json_t *root, const char *where,
                                     const um_model_config_overrides *overrides,
                                     um_model_config *config, um_error *error);

/* Apply `overrides` (or NULL) to a complete config, which stays as it was if the result does not
 * pass um_model_config_check. */
um_status um_model_config_override(um_model_config *config,
                                   const um_model_config_overrides *overrides, um_error *error);

/* Set the mask token to one that the tokenizer or the caller names; UM_NO_TOKEN_ID changes nothing.
 * A model with causal_unless_masked thereby becomes a diffusion model with full attention.  The
 * result is not checked. */
void um_model_config_set_mask(um_model_config *config, int32_t mask_token);

/* The largest head_dim that um_model_config_check accepts. */
#define UM_HEAD_DIM_MAXIMUM 1024

/* Check that sizes are positive, that they divide each other where they must, and that they stay
 * below limits that keep every later product within size_t. */
um_status um_model_config_check(const um_model_config *config, const char *where, um_error *error);

/* The config.json text with which other software loads the model: model_type "qwen2", "qwen3" or
 * "llama" for transformers, and the form of the published Dream and LLaDA configs.  Conventions
 * that these files cannot express are added as an object "unmask", which other software ignores.
 * UM_ERR_UNSUPPORTED for biases, norms or head sizes that the family does not have. */
um_status um_model_config_format(const um_model_config *config, um_buffer *json, um_error *error);

/* The same with "torch_dtype" for weights stored as `dtype_name`, "F32", "F16" or "BF16". */
um_status um_model_config_format_with_dtype(const um_model_config *config, const char *dtype_name,
                                            um_buffer *json, um_error *error);

#endif
