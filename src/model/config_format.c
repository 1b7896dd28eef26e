/* Writes a um_model_config as the config.json of the software that the family comes from. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"

/* The object being written; `first` holds until a member has been written. */
typedef struct writer {
    um_buffer *json;
    um_error *error;
    um_status status; /* of the first failure; later calls do nothing */
    bool first;
} writer;

static void put_raw(writer *out, const char *key, const char *value) {
    if (out->status == UM_OK) {
        out->status = um_buffer_append_format(out->json, out->error, "%s\n  \"%s\": %s",
                                              out->first ? "" : ",", key, value);
        out->first = false;
    }
}

static void put_size(writer *out, const char *key, size_t value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", value);
    put_raw(out, key, text);
}

static void put_bool(writer *out, const char *key, bool value) {
    put_raw(out, key, value ? "true" : "false");
}

/* A text that reads back as `value`, of 15 digits if possible, recognisable as a real number. */
static void put_real(writer *out, const char *key, double value) {
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", value);
    if (memcmp(&(double){strtod(text, NULL)}, &value, sizeof value) != 0) {
        (void)snprintf(text, sizeof text, "%.17g", value);
    }
    if (!strpbrk(text, ".en")) {
        (void)strncat(text, ".0", sizeof text - strlen(text) - 1);
    }
    put_raw(out, key, text);
}

static void put_token(writer *out, const char *key, int32_t token) {
    if (token == UM_NO_TOKEN_ID) {
        put_raw(out, key, "null");
    } else {
        put_size(out, key, (size_t)token);
    }
}

static void put_tokens(writer *out, const um_model_config *config) {
    put_token(out, "bos_token_id", config->bos_token);
    put_token(out, "eos_token_id", config->eos_token);
    put_token(out, "pad_token_id", config->pad_token);
    if (config->mask_token != UM_NO_TOKEN_ID) {
        put_token(out, "mask_token_id", config->mask_token);
    }
}

static bool plain_head_dim(const um_model_config *config) {
    return config->hidden_size == config->head_count * config->head_dim;
}

static void put_transformers_fields(writer *out, const um_model_config *config) {
    put_size(out, "vocab_size", config->vocabulary_size);
    put_size(out, "hidden_size", config->hidden_size);
    put_size(out, "intermediate_size", config->intermediate_size);
    put_size(out, "num_hidden_layers", config->layer_count);
    put_size(out, "num_attention_heads", config->head_count);
    put_size(out, "num_key_value_heads", config->kv_head_count);
    if (config->family == UM_FAMILY_QWEN3 || !plain_head_dim(config)) {
        put_size(out, "head_dim", config->head_dim);
    }
    put_raw(out, "hidden_act", "\"silu\"");
    put_size(out, "max_position_embeddings", config->maximum_positions);
    put_raw(out, "initializer_range", "0.02");
    put_real(out, "rms_norm_eps", config->rms_norm_epsilon);
    put_real(out, "rope_theta", config->rope_base);
    put_raw(out, "rope_scaling", "null");
    put_raw(out, "attention_dropout", "0.0");
    put_bool(out, "tie_word_embeddings", config->tied_head);
}

static void put_qwen_fields(writer *out, const um_model_config *config) {
    put_transformers_fields(out, config);
    put_raw(out, "sliding_window", "null");
    put_bool(out, "use_sliding_window", false);
    put_size(out, "max_window_layers", config->layer_count);
}

static void put_dream(writer *out, const um_model_config *config) {
    put_raw(out, "architectures", "[\"DreamModel\"]");
    put_raw(out, "auto_map",
            "{\n    \"AutoConfig\": \"configuration_dream.DreamConfig\",\n"
            "    \"AutoModel\": \"modeling_dream.DreamModel\"\n  }");
    put_raw(out, "model_type", "\"Dream\"");
    put_qwen_fields(out, config);
    put_bool(out, "use_mrope", false);
    put_bool(out, "use_cache", false);
}

static void put_qwen2(writer *out, const um_model_config *config) {
    put_raw(out, "architectures", "[\"Qwen2ForCausalLM\"]");
    put_raw(out, "model_type", "\"qwen2\"");
    put_qwen_fields(out, config);
    put_bool(out, "use_cache", true);
}

static void put_qwen3(writer *out, const um_model_config *config) {
    put_raw(out, "architectures", "[\"Qwen3ForCausalLM\"]");
    put_raw(out, "model_type", "\"qwen3\"");
    put_qwen_fields(out, config);
    put_bool(out, "attention_bias", false);
    put_bool(out, "use_cache", true);
}

static void put_llama(writer *out, const um_model_config *config) {
    put_raw(out, "architectures", "[\"LlamaForCausalLM\"]");
    put_raw(out, "model_type", "\"llama\"");
    put_transformers_fields(out, config);
    put_bool(out, "attention_bias", false);
    put_bool(out, "mlp_bias", false);
    put_raw(out, "pretraining_tp", "1");
    put_bool(out, "use_cache", true);
}

static void put_llada(writer *out, const um_model_config *config) {
    put_raw(out, "architectures", "[\"LLaDAModelLM\"]");
    put_raw(out, "auto_map",
            "{\n    \"AutoConfig\": \"configuration_llada.LLaDAConfig\",\n"
            "    \"AutoModel\": \"modeling_llada.LLaDAModelLM\",\n"
            "    \"AutoModelForCausalLM\": \"modeling_llada.LLaDAModelLM\"\n  }");
    put_raw(out, "model_type", "\"llada\"");
    put_size(out, "vocab_size", config->vocabulary_size);
    put_size(out, "embedding_size", config->vocabulary_size);
    put_size(out, "d_model", config->hidden_size);
    put_size(out, "mlp_hidden_size", config->intermediate_size);
    put_size(out, "n_layers", config->layer_count);
    put_size(out, "n_heads", config->head_count);
    put_size(out, "n_kv_heads", config->kv_head_count);
    put_size(out, "max_sequence_length", config->maximum_positions);
    put_real(out, "rms_norm_eps", config->rms_norm_epsilon);
    put_real(out, "rope_theta", config->rope_base);
    put_bool(out, "weight_tying", config->tied_head);
    put_bool(out, "include_qkv_bias", config->qkv_bias);
    put_raw(out, "activation_type", "\"silu\"");
    put_raw(out, "block_type", "\"llama\"");
    put_raw(out, "block_group_size", "1");
    put_raw(out, "layer_norm_type", "\"rms\"");
    put_bool(out, "layer_norm_with_affine", true);
    put_bool(out, "rope", true);
    put_bool(out, "rope_full_precision", true);
    static const char *const off[] = {
        "alibi",        "attention_layer_norm", "input_emb_norm",  "scale_logits",
        "include_bias", "bias_for_layer_norm",  "flash_attention", "use_cache"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        put_bool(out, off[i], false);
    }
    put_raw(out, "attention_dropout", "0.0");
    put_raw(out, "embedding_dropout", "0.0");
    put_raw(out, "residual_dropout", "0.0");
    put_raw(out, "init_device", "\"cpu\"");
}

/* The conventions that the model_type alone does not say. */
static void put_own_conventions(writer *out, const um_model_config *config) {
    char text[160];
    char block_length[48] = "";
    if (config->attention == UM_ATTENTION_BLOCK_CAUSAL) {
        (void)snprintf(block_length, sizeof block_length, ",\n    \"attention_block_length\": %zu",
                       config->attention_block_length);
    }
    (void)snprintf(text, sizeof text,
                   "{\n    \"attention\": \"%s\",\n    \"logit_alignment\": \"%s\"%s\n  }",
                   um_attention_name(config->attention),
                   um_logit_alignment_name(config->logit_alignment), block_length);
    put_raw(out, "unmask", text);
}

/* The family's software builds the model from these fields alone, so they must suffice. */
static um_status check_family(const um_model_config *config, um_error *error) {
    const bool bias = config->family == UM_FAMILY_DREAM || config->family == UM_FAMILY_QWEN2;
    const bool norm = config->family == UM_FAMILY_QWEN3;
    const bool free_bias = config->family == UM_FAMILY_LLADA;
    if (config->qk_norm != norm || (config->qkv_bias != bias && !free_bias)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "a config.json of the %s family cannot say: %s biases, %s query-key norms",
                        um_family_name(config->family), config->qkv_bias ? "with" : "without",
                        config->qk_norm ? "with" : "without");
    }
    const bool derived = config->family == UM_FAMILY_DREAM || config->family == UM_FAMILY_LLADA;
    if (derived && !plain_head_dim(config)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "a config.json of the %s family cannot say: %zu heads of %zu in %zu",
                        um_family_name(config->family), config->head_count, config->head_dim,
                        config->hidden_size);
    }
    return UM_OK;
}

static void put_family(writer *out, const um_model_config *config) {
    switch (config->family) {
        case UM_FAMILY_DREAM:
            put_dream(out, config);
            break;
        case UM_FAMILY_QWEN2:
            put_qwen2(out, config);
            break;
        case UM_FAMILY_QWEN3:
            put_qwen3(out, config);
            break;
        case UM_FAMILY_LLAMA:
            put_llama(out, config);
            break;
        case UM_FAMILY_LLADA:
            put_llada(out, config);
            break;
    }
}

static const char *torch_name(const char *dtype_name) {
    if (strcmp(dtype_name, "F16") == 0) {
        return "\"float16\"";
    }
    return strcmp(dtype_name, "BF16") == 0 ? "\"bfloat16\"" : "\"float32\"";
}

um_status um_model_config_format_with_dtype(const um_model_config *config, const char *dtype_name,
                                            um_buffer *json, um_error *error) {
    UM_TRY(um_model_config_check(config, "model", error));
    UM_TRY(check_family(config, error));
    UM_TRY(um_buffer_append_text(json, "{", error));
    writer out = {.json = json, .error = error, .status = UM_OK, .first = true};
    put_family(&out, config);
    put_tokens(&out, config);
    if (dtype_name) {
        put_raw(&out, "torch_dtype", torch_name(dtype_name));
    }
    put_own_conventions(&out, config);
    UM_TRY(out.status);
    return um_buffer_append_text(json, "\n}\n", error);
}

um_status um_model_config_format(const um_model_config *config, um_buffer *json, um_error *error) {
    return um_model_config_format_with_dtype(config, NULL, json, error);
}
