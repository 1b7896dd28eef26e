/* Reads config.json of the covered architectures into a um_model_config.  The common field names
 * are those of Qwen2, Qwen3 and Llama in transformers; LLaDA has its own. */
#include <string.h>

#include "model/config.h"
#include "model/config_internal.h"

/* How the conventions follow from a model_type. */
typedef enum convention {
    CONVENTION_FIXED,          /* as the table says */
    CONVENTION_AUTOREGRESSIVE, /* as the table says, unless the file shows a diffusion model */
    CONVENTION_ADAPTED         /* as the table says, but in blocks if the file has their length */
} convention;

static const struct model_type {
    const char *name;
    um_family family;
    um_attention_kind attention;
    um_logit_alignment alignment;
    convention convention;
} model_types[] = {
    {"Dream", UM_FAMILY_DREAM, UM_ATTENTION_FULL, UM_LOGITS_SHIFTED, CONVENTION_FIXED},
    {"qwen2", UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, CONVENTION_AUTOREGRESSIVE},
    {"qwen3", UM_FAMILY_QWEN3, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, CONVENTION_AUTOREGRESSIVE},
    {"llama", UM_FAMILY_LLAMA, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, CONVENTION_AUTOREGRESSIVE},
    {"a2d-qwen2", UM_FAMILY_QWEN2, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, CONVENTION_ADAPTED},
    {"a2d-qwen3", UM_FAMILY_QWEN3, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, CONVENTION_ADAPTED},
    {"a2d-llama", UM_FAMILY_LLAMA, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, CONVENTION_ADAPTED},
    {"sdar", UM_FAMILY_QWEN3, UM_ATTENTION_BLOCK_CAUSAL, UM_LOGITS_AT_POSITION, CONVENTION_FIXED},
    {"Fast_dLLM_Qwen", UM_FAMILY_QWEN2, UM_ATTENTION_BLOCK_CAUSAL, UM_LOGITS_SHIFTED,
     CONVENTION_FIXED},
    {"llada", UM_FAMILY_LLADA, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, CONVENTION_FIXED},
};

static const struct model_type *find_model_type(const char *name) {
    for (size_t i = 0; i < sizeof model_types / sizeof *model_types; i++) {
        if (strcmp(model_types[i].name, name) == 0) {
            return &model_types[i];
        }
    }
    return NULL;
}

/* A file being read. */
typedef struct source {
    const json_t *root;
    const char *where;
    um_error *error;
} source;

static const json_t *present(const source *from, const char *key) {
    const json_t *value = json_object_get(from->root, key);
    return json_is_null(value) ? NULL : value;
}

static um_status unsupported(const source *from, const char *key, const char *reason) {
    return UM_RAISE(from->error, UM_ERR_UNSUPPORTED, "%s: \"%s\": %s", from->where, key, reason);
}

static um_status read_size(const source *from, const char *key, size_t *out) {
    int64_t value = 0;
    UM_TRY(
        um_json_require_integer(from->root, from->where, key, 1, INT32_MAX, &value, from->error));
    *out = (size_t)value;
    return UM_OK;
}

/* An optional boolean must be `wanted` if it is given. */
static um_status expect_bool(const source *from, const char *key, bool wanted, const char *reason) {
    bool value = wanted;
    UM_TRY(um_json_optional_bool(from->root, from->where, key, &value, from->error));
    return value == wanted ? UM_OK : unsupported(from, key, reason);
}

static um_status require_text(const source *from, const char *key, const char *wanted,
                              const char *reason) {
    const char *value = NULL;
    UM_TRY(um_json_require_string(from->root, from->where, key, &value, from->error));
    return strcmp(value, wanted) == 0 ? UM_OK : unsupported(from, key, reason);
}

/* Refuse fields whose presence means another architecture or storage. */
static um_status refuse_features(const source *from) {
    static const struct {
        const char *key;
        const char *reason;
    } features[] = {
        {"num_experts", "mixture of experts is not covered"},
        {"num_local_experts", "mixture of experts is not covered"},
        {"n_routed_experts", "mixture of experts is not covered"},
        {"moe_intermediate_size", "mixture of experts is not covered"},
        {"quantization_config", "quantised checkpoints are not covered, use the original"},
        {"quantization", "quantised checkpoints are not covered, use the original"},
    };
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        const json_t *value = present(from, features[i].key);
        const bool zero = json_is_integer(value) && json_integer_value(value) == 0;
        if (value && !zero) {
            return unsupported(from, features[i].key, features[i].reason);
        }
    }
    return UM_OK;
}

/* ---- Rotation ---------------------------------------------------------- */

static um_status check_rope_kind(const source *from, const char *key, const json_t *rope) {
    static const char *const kind_keys[] = {"rope_type", "type"};
    if (!json_is_object(rope)) {
        return UM_RAISE(from->error, UM_ERR_FORMAT, "%s: \"%s\" is not an object", from->where,
                        key);
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *kind = json_object_get(rope, kind_keys[i]);
        if (kind && (!json_is_string(kind) || strcmp(json_string_value(kind), "default") != 0)) {
            return unsupported(from, key, "only the default rotation is covered");
        }
    }
    if (json_object_get(rope, "partial_rotary_factor")) {
        return unsupported(from, key, "partial rotation is not covered");
    }
    return UM_OK;
}

/* The base is "rope_theta", or, in files of newer transformers, inside "rope_parameters". */
static um_status read_rope(const source *from, um_model_config *config) {
    const json_t *scaling = present(from, "rope_scaling");
    if (scaling) {
        UM_TRY(check_rope_kind(from, "rope_scaling", scaling));
        if (!json_object_get(scaling, "rope_type") && !json_object_get(scaling, "type")) {
            return unsupported(from, "rope_scaling", "only the default rotation is covered");
        }
    }
    const json_t *parameters = present(from, "rope_parameters");
    if (parameters) {
        UM_TRY(check_rope_kind(from, "rope_parameters", parameters));
    }
    const bool nested = parameters && !present(from, "rope_theta");
    return um_json_require_number(nested ? parameters : from->root, from->where, "rope_theta",
                                  &config->rope_base, from->error);
}

/* ---- Tokens ------------------------------------------------------------ */

/* An id; -1 or null for none; or a list of ids, of which the first counts. */
static um_status read_token(const source *from, const char *key, int32_t *token) {
    const json_t *value = present(from, key);
    if (json_is_array(value)) {
        value = json_array_get(value, 0);
    }
    *token = UM_NO_TOKEN_ID;
    if (!value) {
        return UM_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < -1 ||
        json_integer_value(value) > INT32_MAX) {
        return UM_RAISE(from->error, UM_ERR_FORMAT, "%s: \"%s\" is not a token id", from->where,
                        key);
    }
    *token = (int32_t)json_integer_value(value);
    return UM_OK;
}

static um_status read_tokens(const source *from, um_model_config *config) {
    UM_TRY(read_token(from, "mask_token_id", &config->mask_token));
    UM_TRY(read_token(from, "bos_token_id", &config->bos_token));
    UM_TRY(read_token(from, "eos_token_id", &config->eos_token));
    return read_token(from, "pad_token_id", &config->pad_token);
}

/* ---- Conventions ------------------------------------------------------- */

/* Whether a file with the model_type of an autoregressive model belongs to a diffusion model:
 * it names a mask token, or its model class comes with the checkpoint. */
static bool shows_diffusion(const source *from, const um_model_config *config) {
    const json_t *map = present(from, "auto_map");
    return config->mask_token != UM_NO_TOKEN_ID || json_object_get(map, "AutoModelForCausalLM") ||
           json_object_get(map, "AutoModelForMaskedLM") || json_object_get(map, "AutoModel");
}

static um_status read_block_length(const source *from, um_model_config *config) {
    static const char *const keys[] = {"block_size", "block_length", "bd_size"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys && config->attention_block_length == 0; i++) {
        int64_t value = 0;
        UM_TRY(um_json_optional_integer(from->root, from->where, keys[i], 1, INT32_MAX, &value,
                                        from->error));
        config->attention_block_length = (size_t)value;
    }
    return UM_OK;
}

/* The object "unmask" that um_model_config_format writes. */
static um_status read_own_conventions(const source *from, um_model_config *config) {
    const json_t *own = present(from, "unmask");
    if (!own) {
        return UM_OK;
    }
    const char *attention = NULL;
    const char *alignment = NULL;
    int64_t block_length = 0;
    UM_TRY(um_json_require_string(own, from->where, "attention", &attention, from->error));
    UM_TRY(um_json_require_string(own, from->where, "logit_alignment", &alignment, from->error));
    UM_TRY(um_json_optional_integer(own, from->where, "attention_block_length", 0, INT32_MAX,
                                    &block_length, from->error));
    if (!um_attention_from_name(attention, &config->attention)) {
        return unsupported(from, "attention", "expected full, causal or block-causal");
    }
    if (!um_logit_alignment_from_name(alignment, &config->logit_alignment)) {
        return unsupported(from, "logit_alignment", "expected position or shifted");
    }
    config->attention_block_length = (size_t)block_length;
    config->causal_unless_masked = false;
    return UM_OK;
}

static um_status read_conventions(const source *from, const struct model_type *type,
                                  um_model_config *config) {
    config->attention = type->attention;
    config->logit_alignment = type->alignment;
    if (type->convention == CONVENTION_AUTOREGRESSIVE) {
        config->causal_unless_masked = !shows_diffusion(from, config);
        config->attention = config->causal_unless_masked ? UM_ATTENTION_CAUSAL : UM_ATTENTION_FULL;
    }
    if (config->attention == UM_ATTENTION_BLOCK_CAUSAL || type->convention == CONVENTION_ADAPTED) {
        UM_TRY(read_block_length(from, config));
    }
    if (config->attention_block_length > 0) {
        config->attention = UM_ATTENTION_BLOCK_CAUSAL;
    }
    return read_own_conventions(from, config);
}

/* ---- Fields of transformers -------------------------------------------- */

/* "head_dim" if given.  Qwen3 must give it, because its default there is not hidden / heads. */
static um_status read_head_dim(const source *from, um_model_config *config) {
    if (config->family == UM_FAMILY_QWEN3 || present(from, "head_dim")) {
        return read_size(from, "head_dim", &config->head_dim);
    }
    if (config->hidden_size % config->head_count != 0) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "%s: %zu heads do not divide hidden_size %zu, and there is no \"head_dim\"",
                        from->where, config->head_count, config->hidden_size);
    }
    config->head_dim = config->hidden_size / config->head_count;
    return UM_OK;
}

static um_status check_window(const source *from) {
    const json_t *use = present(from, "use_sliding_window");
    if (use && !json_is_false(use)) {
        return unsupported(from, "use_sliding_window", "a sliding window is not covered");
    }
    if (!use && present(from, "sliding_window")) {
        return unsupported(from, "sliding_window", "a sliding window is not covered");
    }
    const json_t *types = present(from, "layer_types");
    size_t index = 0;
    json_t *type = NULL;
    json_array_foreach (types, index, type) {
        if (!json_is_string(type) || strcmp(json_string_value(type), "full_attention") != 0) {
            return unsupported(from, "layer_types", "only full_attention is covered");
        }
    }
    return UM_OK;
}

static um_status check_common_features(const source *from, const um_model_config *config) {
    UM_TRY(require_text(from, "hidden_act", "silu", "only silu is covered"));
    UM_TRY(expect_bool(from, "attention_bias", config->qkv_bias,
                       config->qkv_bias ? "this family has query, key and value biases"
                                        : "biases of the projections are not covered"));
    UM_TRY(expect_bool(from, "mlp_bias", false, "biases of the MLP are not covered"));
    UM_TRY(expect_bool(from, "use_mrope", false, "multimodal rotation is not covered"));
    return check_window(from);
}

static um_status parse_common(const source *from, um_model_config *config) {
    config->qkv_bias = config->family == UM_FAMILY_DREAM || config->family == UM_FAMILY_QWEN2;
    config->qk_norm = config->family == UM_FAMILY_QWEN3;
    UM_TRY(read_size(from, "vocab_size", &config->vocabulary_size));
    UM_TRY(read_size(from, "hidden_size", &config->hidden_size));
    UM_TRY(read_size(from, "intermediate_size", &config->intermediate_size));
    UM_TRY(read_size(from, "num_hidden_layers", &config->layer_count));
    UM_TRY(read_size(from, "num_attention_heads", &config->head_count));
    UM_TRY(read_size(from, "num_key_value_heads", &config->kv_head_count));
    UM_TRY(read_head_dim(from, config));
    UM_TRY(read_size(from, "max_position_embeddings", &config->maximum_positions));
    UM_TRY(um_json_require_number(from->root, from->where, "rms_norm_eps",
                                  &config->rms_norm_epsilon, from->error));
    UM_TRY(um_json_optional_bool(from->root, from->where, "tie_word_embeddings", &config->tied_head,
                                 from->error));
    UM_TRY(read_rope(from, config));
    return check_common_features(from, config);
}

/* ---- Fields of LLaDA --------------------------------------------------- */

static um_status check_llada_features(const source *from) {
    static const struct {
        const char *key;
        const char *reason;
    } refused[] = {
        {"alibi", "ALiBi is not covered"},
        {"attention_layer_norm", "layer norm of queries and keys is not covered"},
        {"input_emb_norm", "scaled embeddings are not covered"},
        {"scale_logits", "scaled logits are not covered"},
        {"include_bias", "biases of the projections are not covered"},
        {"bias_for_layer_norm", "biases of the norms are not covered"},
        {"multi_query_attention", "give n_kv_heads instead"},
    };
    UM_TRY(require_text(from, "block_type", "llama", "only llama blocks are covered"));
    UM_TRY(require_text(from, "activation_type", "silu", "only silu is covered"));
    UM_TRY(require_text(from, "layer_norm_type", "rms", "only rms is covered"));
    bool rope = false;
    UM_TRY(um_json_require_bool(from->root, from->where, "rope", &rope, from->error));
    if (!rope) {
        return unsupported(from, "rope", "only rotary positions are covered");
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        UM_TRY(expect_bool(from, refused[i].key, false, refused[i].reason));
    }
    int64_t group = 1;
    UM_TRY(um_json_optional_integer(from->root, from->where, "block_group_size", 1, INT32_MAX,
                                    &group, from->error));
    return group == 1 ? UM_OK : unsupported(from, "block_group_size", "only 1 is covered");
}

/* The rows of the embedding: "embedding_size" if given, which pads the vocabulary. */
static um_status read_llada_vocabulary(const source *from, um_model_config *config) {
    const bool padded = present(from, "embedding_size") != NULL;
    return read_size(from, padded ? "embedding_size" : "vocab_size", &config->vocabulary_size);
}

static um_status parse_llada(const source *from, um_model_config *config) {
    UM_TRY(read_llada_vocabulary(from, config));
    UM_TRY(read_size(from, "d_model", &config->hidden_size));
    UM_TRY(read_size(from, "mlp_hidden_size", &config->intermediate_size));
    UM_TRY(read_size(from, "n_layers", &config->layer_count));
    UM_TRY(read_size(from, "n_heads", &config->head_count));
    UM_TRY(read_size(from, "n_kv_heads", &config->kv_head_count));
    UM_TRY(read_head_dim(from, config));
    UM_TRY(read_size(from, "max_sequence_length", &config->maximum_positions));
    UM_TRY(um_json_require_number(from->root, from->where, "rms_norm_eps",
                                  &config->rms_norm_epsilon, from->error));
    UM_TRY(um_json_require_number(from->root, from->where, "rope_theta", &config->rope_base,
                                  from->error));
    UM_TRY(um_json_require_bool(from->root, from->where, "weight_tying", &config->tied_head,
                                from->error));
    UM_TRY(um_json_optional_bool(from->root, from->where, "include_qkv_bias", &config->qkv_bias,
                                 from->error));
    return check_llada_features(from);
}

/* ---- All --------------------------------------------------------------- */

void um_model_config_set_mask(um_model_config *config, int32_t mask_token) {
    if (mask_token == UM_NO_TOKEN_ID) {
        return;
    }
    config->mask_token = mask_token;
    if (config->causal_unless_masked) {
        config->attention = UM_ATTENTION_FULL;
        config->causal_unless_masked = false;
    }
}

void um_model_config_apply_overrides(um_model_config *config,
                                     const um_model_config_overrides *overrides) {
    if (!overrides) {
        return;
    }
    if (overrides->has_attention) {
        config->attention = overrides->attention;
        config->causal_unless_masked = false;
    }
    if (overrides->attention_block_length != 0) {
        config->attention_block_length = overrides->attention_block_length;
    }
    if (overrides->has_logit_alignment) {
        config->logit_alignment = overrides->logit_alignment;
    }
    if (overrides->forgets_mask_token) {
        config->mask_token = UM_NO_TOKEN_ID;
    }
    if (overrides->has_mask_token) {
        um_model_config_set_mask(config, overrides->mask_token);
    }
}

um_status um_model_config_override(um_model_config *config,
                                   const um_model_config_overrides *overrides, um_error *error) {
    um_model_config changed = *config;
    um_model_config_apply_overrides(&changed, overrides);
    UM_TRY(um_model_config_check(&changed, "model options", error));
    *config = changed;
    return UM_OK;
}

um_status um_model_config_parse_with(const json_t *root, const char *where,
                                     const um_model_config_overrides *overrides,
                                     um_model_config *config, um_error *error) {
    const source from = {root, where, error};
    *config = (um_model_config){0};
    const char *name = NULL;
    UM_TRY(um_json_require_string(root, where, "model_type", &name, error));
    UM_TRY(refuse_features(&from));
    const struct model_type *type = find_model_type(name);
    if (!type) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "%s: \"model_type\": \"%.60s\" is not covered",
                        where, name);
    }
    config->family = type->family;
    UM_TRY(type->family == UM_FAMILY_LLADA ? parse_llada(&from, config)
                                           : parse_common(&from, config));
    UM_TRY(read_tokens(&from, config));
    UM_TRY(read_conventions(&from, type, config));
    um_model_config_apply_overrides(config, overrides);
    return um_model_config_check(config, where, error);
}

um_status um_model_config_parse(const json_t *root, const char *where, um_model_config *config,
                                um_error *error) {
    return um_model_config_parse_with(root, where, NULL, config, error);
}
