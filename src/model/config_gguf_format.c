/* Writes a um_model_config as the metadata of a GGUF file. */
#include <stdio.h>
#include <string.h>

#include "model/config_gguf.h"

#define QUANTISATION_VERSION 2

/* Entries are put until the first failure, which `status` keeps. */
typedef struct writing {
    um_gguf_writer *writer;
    const char *architecture;
    um_error *error;
    um_status status;
} writing;

static void put_text(writing *out, const char *key, const char *text) {
    if (out->status == UM_OK) {
        out->status = um_gguf_put_string(out->writer, key, text, strlen(text), out->error);
    }
}

static void put_number(writing *out, const char *key, size_t value) {
    if (out->status == UM_OK) {
        out->status = um_gguf_put_uint32(out->writer, key, (uint32_t)value, out->error);
    }
}

static void put_bool(writing *out, const char *key, bool value) {
    if (out->status == UM_OK) {
        out->status = um_gguf_put_bool(out->writer, key, value, out->error);
    }
}

/* "architecture.name". */
static const char *own_key(const writing *out, char key[128], const char *name) {
    (void)snprintf(key, 128, "%s.%s", out->architecture, name);
    return key;
}

static void put_size(writing *out, const char *name, size_t value) {
    char key[128];
    put_number(out, own_key(out, key, name), value);
}

static void put_real(writing *out, const char *name, double value) {
    char key[128];
    if (out->status == UM_OK) {
        out->status =
            um_gguf_put_float32(out->writer, own_key(out, key, name), (float)value, out->error);
    }
}

static void put_token(writing *out, const char *key, int32_t token) {
    if (token != UM_NO_TOKEN_ID) {
        put_number(out, key, (size_t)token);
    }
}

static const char *architecture_of(const um_model_config *config) {
    switch (config->family) {
        case UM_FAMILY_DREAM:
            return "dream";
        case UM_FAMILY_QWEN2:
            return config->attention == UM_ATTENTION_CAUSAL ? "qwen2" : "dream";
        case UM_FAMILY_QWEN3:
            return "qwen3";
        case UM_FAMILY_LLAMA:
            return "llama";
        case UM_FAMILY_LLADA:
            return "llada";
    }
    return "unknown";
}

static void put_sizes(writing *out, const um_model_config *config) {
    put_size(out, "vocab_size", config->vocabulary_size);
    put_size(out, "context_length", config->maximum_positions);
    put_size(out, "embedding_length", config->hidden_size);
    put_size(out, "block_count", config->layer_count);
    put_size(out, "feed_forward_length", config->intermediate_size);
    put_size(out, "attention.head_count", config->head_count);
    put_size(out, "attention.head_count_kv", config->kv_head_count);
    put_size(out, "attention.key_length", config->head_dim);
    put_size(out, "attention.value_length", config->head_dim);
    put_size(out, "rope.dimension_count", config->head_dim);
    put_real(out, "rope.freq_base", config->rope_base);
    put_real(out, "attention.layer_norm_rms_epsilon", config->rms_norm_epsilon);
}

static void put_conventions(writing *out, const um_model_config *config) {
    char key[128];
    const bool causal = config->attention == UM_ATTENTION_CAUSAL;
    put_bool(out, own_key(out, key, "attention.causal"), causal);
    if (!causal) {
        put_bool(out, "diffusion.shift_logits", config->logit_alignment == UM_LOGITS_SHIFTED);
    }
    put_text(out, "unmask.family", um_family_name(config->family));
    put_text(out, "unmask.attention", um_attention_name(config->attention));
    put_text(out, "unmask.logit_alignment", um_logit_alignment_name(config->logit_alignment));
    if (config->attention == UM_ATTENTION_BLOCK_CAUSAL) {
        put_number(out, "unmask.attention_block_length", config->attention_block_length);
    }
}

um_status um_model_config_to_gguf(const um_model_config *config, const char *name,
                                  uint32_t file_type, um_gguf_writer *writer, um_error *error) {
    UM_TRY(um_model_config_check(config, "model", error));
    writing out = {writer, architecture_of(config), error, UM_OK};
    put_text(&out, "general.architecture", out.architecture);
    put_text(&out, "general.type", "model");
    put_text(&out, "general.name", name);
    put_number(&out, "general.file_type", file_type);
    put_number(&out, "general.quantization_version", QUANTISATION_VERSION);
    put_sizes(&out, config);
    put_conventions(&out, config);
    put_token(&out, "tokenizer.ggml.bos_token_id", config->bos_token);
    put_token(&out, "tokenizer.ggml.eos_token_id", config->eos_token);
    put_token(&out, "tokenizer.ggml.padding_token_id", config->pad_token);
    put_token(&out, "tokenizer.ggml.mask_token_id", config->mask_token);
    return out.status;
}
