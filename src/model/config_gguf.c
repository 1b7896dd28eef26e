#include "model/config_gguf.h"

#include <stdio.h>
#include <string.h>

#include "model/config_internal.h"

/* Room for the longest key: an architecture's name and the part that follows it. */
#define KEY_BYTES 128

static const struct architecture {
    const char *name;
    um_family family;
    um_attention_kind attention;
    um_logit_alignment alignment;
} architectures[] = {
    {"dream", UM_FAMILY_DREAM, UM_ATTENTION_FULL, UM_LOGITS_SHIFTED},
    {"llada", UM_FAMILY_LLADA, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION},
    {"qwen2", UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED},
    {"qwen3", UM_FAMILY_QWEN3, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED},
    {"llama", UM_FAMILY_LLAMA, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED},
};

/* A file being read. */
typedef struct source {
    const um_gguf *file;
    const char *architecture; /* static text */
    um_error *error;
} source;

/* "architecture.name" into `key`. */
static const char *own_key(const source *from, char key[KEY_BYTES], const char *name) {
    (void)snprintf(key, KEY_BYTES, "%s.%s", from->architecture, name);
    return key;
}

static const um_gguf_entry *find_own(const source *from, const char *name) {
    char key[KEY_BYTES];
    return um_gguf_find(from->file, own_key(from, key, name));
}

static um_status unsupported(const source *from, const char *name, const char *reason) {
    return UM_RAISE(from->error, UM_ERR_UNSUPPORTED, "metadata \"%s.%s\": %s", from->architecture,
                    name, reason);
}

static const um_gguf_tensor *find_tensor(const um_gguf *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) {
            return &file->tensors[i];
        }
    }
    return NULL;
}

/* ---- Sizes --------------------------------------------------------------- */

/* A size that may be given as one number or as an array with one number for each layer, all equal.
 */
static um_status read_layer_size(const source *from, const char *name, size_t *out) {
    char key[KEY_BYTES];
    const um_gguf_entry *entry = find_own(from, name);
    int64_t value = 0;
    if (!entry || entry->type != UM_GGUF_ARRAY) {
        UM_TRY(um_gguf_require_integer(from->file, own_key(from, key, name), 1, INT32_MAX, &value,
                                       from->error));
        *out = (size_t)value;
        return UM_OK;
    }
    const bool integers =
        entry->element_type == UM_GGUF_INT32 || entry->element_type == UM_GGUF_UINT32;
    if (!integers || entry->count == 0) {
        return unsupported(from, name, "expected a number, or a list of them");
    }
    value = um_gguf_integer_at(entry, 0);
    for (size_t i = 1; i < entry->count; i++) {
        if (um_gguf_integer_at(entry, i) != value) {
            return unsupported(from, name, "layers that differ from each other are not covered");
        }
    }
    if (value < 1 || value > INT32_MAX) {
        return unsupported(from, name, "expected positive numbers");
    }
    *out = (size_t)value;
    return UM_OK;
}

static um_status read_head_dim(const source *from, um_model_config *config) {
    static const char *const names[] = {"attention.key_length", "attention.value_length",
                                        "rope.dimension_count"};
    const bool derived = !find_own(from, names[0]);
    if (derived && config->hidden_size % config->head_count != 0) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "%zu heads do not divide embedding_length %zu, and there is no metadata "
                        "\"%s.%s\"",
                        config->head_count, config->hidden_size, from->architecture, names[0]);
    }
    int64_t size = derived ? (int64_t)(config->hidden_size / config->head_count) : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[KEY_BYTES];
        int64_t value = size;
        UM_TRY(um_gguf_optional_integer(from->file, own_key(from, key, names[i]), 1, INT32_MAX,
                                        &value, from->error));
        size = size == 0 ? value : size;
        if (value != size) {
            return unsupported(from, names[i],
                               "heads whose keys, values and rotation differ in size are not "
                               "covered");
        }
    }
    config->head_dim = (size_t)size;
    return UM_OK;
}

static um_status read_vocabulary_size(const source *from, um_model_config *config) {
    const um_gguf_tensor *embedding = find_tensor(from->file, "token_embd.weight");
    if (!embedding || embedding->rank != 2) {
        return UM_RAISE(from->error, UM_ERR_MISMATCH,
                        "there is no matrix \"token_embd.weight\": not a language model");
    }
    config->vocabulary_size = embedding->shape[0];
    return UM_OK;
}

static um_status read_sizes(const source *from, um_model_config *config) {
    UM_TRY(read_vocabulary_size(from, config));
    UM_TRY(read_layer_size(from, "embedding_length", &config->hidden_size));
    UM_TRY(read_layer_size(from, "feed_forward_length", &config->intermediate_size));
    UM_TRY(read_layer_size(from, "block_count", &config->layer_count));
    UM_TRY(read_layer_size(from, "attention.head_count", &config->head_count));
    config->kv_head_count = config->head_count;
    if (find_own(from, "attention.head_count_kv")) {
        UM_TRY(read_layer_size(from, "attention.head_count_kv", &config->kv_head_count));
    }
    UM_TRY(read_layer_size(from, "context_length", &config->maximum_positions));
    return read_head_dim(from, config);
}

/* ---- Features ------------------------------------------------------------ */

static um_status refuse_numbers(const source *from) {
    static const struct {
        const char *name;
        int64_t harmless;
        const char *reason;
    } features[] = {
        {"expert_count", 0, "mixture of experts is not covered"},
        {"attention.sliding_window", 0, "a sliding window is not covered"},
        {"attention.q_lora_rank", 0, "low-rank queries are not covered"},
        {"leading_dense_block_count", 0, "mixture of experts is not covered"},
    };
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        char key[KEY_BYTES];
        int64_t value = features[i].harmless;
        UM_TRY(um_gguf_optional_integer(from->file, own_key(from, key, features[i].name), INT64_MIN,
                                        INT64_MAX, &value, from->error));
        if (value != features[i].harmless) {
            return unsupported(from, features[i].name, features[i].reason);
        }
    }
    return UM_OK;
}

static um_status refuse_scaled_rotation(const source *from) {
    char key[KEY_BYTES];
    um_gguf_string kind = {"none", 4};
    UM_TRY(um_gguf_optional_string(from->file, own_key(from, key, "rope.scaling.type"), &kind,
                                   from->error));
    if (!um_gguf_string_is(kind, "none")) {
        return unsupported(from, "rope.scaling.type", "only the unscaled rotation is covered");
    }
    static const char *const factors[] = {"rope.scaling.factor", "rope.scale_linear"};
    for (size_t i = 0; i < 2; i++) {
        double factor = 1;
        if (find_own(from, factors[i])) {
            UM_TRY(um_gguf_require_number(from->file, own_key(from, key, factors[i]), &factor,
                                          from->error));
        }
        if (factor < 1 || factor > 1) {
            return unsupported(from, factors[i], "only the unscaled rotation is covered");
        }
    }
    if (find_tensor(from->file, "rope_freqs.weight")) {
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        "tensor rope_freqs.weight: only the unscaled rotation is covered");
    }
    return UM_OK;
}

/* If the base is not given, it is the format's default. */
static um_status read_numbers(const source *from, um_model_config *config) {
    char key[KEY_BYTES];
    config->rope_base = 10000;
    if (find_own(from, "rope.freq_base")) {
        UM_TRY(um_gguf_require_number(from->file, own_key(from, key, "rope.freq_base"),
                                      &config->rope_base, from->error));
    }
    UM_TRY(um_gguf_require_number(from->file,
                                  own_key(from, key, "attention.layer_norm_rms_epsilon"),
                                  &config->rms_norm_epsilon, from->error));
    /* Stored as f32: 1e-6 must come back as the number in config.json. */
    config->rms_norm_epsilon = um_shortest_double((float)config->rms_norm_epsilon);
    config->rope_base = um_shortest_double((float)config->rope_base);
    return UM_OK;
}

/* ---- Tokens and conventions ---------------------------------------------- */

static um_status read_token(const source *from, const char *key, int32_t *token) {
    int64_t value = UM_NO_TOKEN_ID;
    UM_TRY(um_gguf_optional_integer(from->file, key, 0, UINT32_MAX, &value, from->error));
    if (value == UINT32_MAX) { /* some writers mean by this that there is none */
        value = UM_NO_TOKEN_ID;
    }
    if (value > INT32_MAX) {
        return UM_RAISE(from->error, UM_ERR_FORMAT, "metadata \"%s\" is %lld, not a token id", key,
                        (long long)value);
    }
    *token = (int32_t)value;
    return UM_OK;
}

static um_status read_tokens(const source *from, um_model_config *config) {
    UM_TRY(read_token(from, "tokenizer.ggml.mask_token_id", &config->mask_token));
    UM_TRY(read_token(from, "tokenizer.ggml.bos_token_id", &config->bos_token));
    UM_TRY(read_token(from, "tokenizer.ggml.eos_token_id", &config->eos_token));
    return read_token(from, "tokenizer.ggml.padding_token_id", &config->pad_token);
}

/* The short string of one of our own keys as text; "" if it is missing. */
static um_status read_own_name(const source *from, const char *key, char text[32]) {
    um_gguf_string string = {"", 0};
    UM_TRY(um_gguf_optional_string(from->file, key, &string, from->error));
    (void)snprintf(text, 32, "%.*s", (int)(string.length < 31 ? string.length : 31), string.text);
    return UM_OK;
}

static um_status read_own_conventions(const source *from, um_model_config *config) {
    char attention[32];
    char alignment[32];
    char family[32];
    UM_TRY(read_own_name(from, "unmask.attention", attention));
    UM_TRY(read_own_name(from, "unmask.logit_alignment", alignment));
    UM_TRY(read_own_name(from, "unmask.family", family));
    int64_t block_length = 0;
    UM_TRY(um_gguf_optional_integer(from->file, "unmask.attention_block_length", 0, INT32_MAX,
                                    &block_length, from->error));
    config->attention_block_length = (size_t)block_length;
    config->causal_unless_masked = config->causal_unless_masked && !*attention;
    if ((*attention && !um_attention_from_name(attention, &config->attention)) ||
        (*alignment && !um_logit_alignment_from_name(alignment, &config->logit_alignment)) ||
        (*family && !um_family_from_name(family, &config->family))) {
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        "metadata \"unmask\": attention \"%s\", logit_alignment \"%s\", family "
                        "\"%s\": not known to this version",
                        attention, alignment, family);
    }
    return UM_OK;
}

/* "attention.causal" decides if it is given; otherwise a causal architecture with a mask token is a
 * diffusion model, as for config.json, even if the caller names that token. */
static um_status read_conventions(const source *from, const struct architecture *known,
                                  um_model_config *config) {
    char key[KEY_BYTES];
    bool causal = known->attention == UM_ATTENTION_CAUSAL && config->mask_token == UM_NO_TOKEN_ID;
    bool shifted = known->alignment == UM_LOGITS_SHIFTED;
    UM_TRY(um_gguf_optional_bool(from->file, own_key(from, key, "attention.causal"), &causal,
                                 from->error));
    UM_TRY(um_gguf_optional_bool(from->file, "diffusion.shift_logits", &shifted, from->error));
    config->attention = causal ? UM_ATTENTION_CAUSAL : UM_ATTENTION_FULL;
    config->causal_unless_masked = causal && !find_own(from, "attention.causal");
    config->logit_alignment = shifted ? UM_LOGITS_SHIFTED : UM_LOGITS_AT_POSITION;
    return read_own_conventions(from, config);
}

/* ---- All ----------------------------------------------------------------- */

static um_status find_architecture(const um_gguf *file, const struct architecture **known,
                                   um_error *error) {
    um_gguf_string name;
    UM_TRY(um_gguf_require_string(file, "general.architecture", &name, error));
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
        if (um_gguf_string_is(name, architectures[i].name)) {
            *known = &architectures[i];
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                    "architecture \"%.*s\" is not covered; dream, llada, qwen2, qwen3 and llama "
                    "are",
                    (int)(name.length < 60 ? name.length : 60), name.text);
}

/* The first of several files has all the metadata, but not all tensors. */
static um_status refuse_parts(const um_gguf *file, um_error *error) {
    int64_t parts = 1;
    UM_TRY(um_gguf_optional_integer(file, "split.count", 0, UINT16_MAX, &parts, error));
    return parts <= 1
               ? UM_OK
               : UM_RAISE(error, UM_ERR_UNSUPPORTED,
                          "one of %lld parts of a model (split.count); join them first, with "
                          "llama-gguf-split --merge",
                          (long long)parts);
}

static um_status read_config(const um_gguf *file, um_model_config *config, um_error *error) {
    const struct architecture *known = NULL;
    UM_TRY(refuse_parts(file, error));
    UM_TRY(find_architecture(file, &known, error));
    const source from = {file, known->name, error};
    config->family = known->family;
    UM_TRY(read_sizes(&from, config));
    UM_TRY(refuse_numbers(&from));
    UM_TRY(refuse_scaled_rotation(&from));
    UM_TRY(read_numbers(&from, config));
    UM_TRY(read_tokens(&from, config));
    UM_TRY(read_conventions(&from, known, config));
    const bool has_bias = find_tensor(file, "blk.0.attn_q.bias") != NULL;
    config->qkv_bias = config->family == UM_FAMILY_DREAM || config->family == UM_FAMILY_QWEN2 ||
                       (config->family == UM_FAMILY_LLADA && has_bias);
    config->qk_norm = config->family == UM_FAMILY_QWEN3;
    config->tied_head = !find_tensor(file, "output.weight");
    return UM_OK;
}

um_status um_model_config_from_gguf(const um_gguf *file, const char *where,
                                    const um_model_config_overrides *overrides,
                                    um_model_config *config, um_error *error) {
    *config = (um_model_config){0};
    const um_status status = read_config(file, config, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", where);
    }
    um_model_config_apply_overrides(config, overrides);
    return um_model_config_check(config, where, error);
}
