#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "model/config_gguf.h"
#include "model/config_internal.h"

const char *um_family_name(um_family family) {
    switch (family) {
#define FAMILY_CASE(name, text)                                                                    \
    case name:                                                                                     \
        return text;
        UM_FAMILY_LIST(FAMILY_CASE)
#undef FAMILY_CASE
    }
    return "unknown";
}

bool um_family_from_name(const char *name, um_family *family) {
#define FAMILY_COMPARE(value, text)                                                                \
    if (strcmp(name, text) == 0) {                                                                 \
        *family = value;                                                                           \
        return true;                                                                               \
    }
    UM_FAMILY_LIST(FAMILY_COMPARE)
#undef FAMILY_COMPARE
    return false;
}

double um_shortest_double(float value) {
    for (int digits = 1; digits < 9; digits++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        const double found = strtod(text, NULL);
        if (!((float)found < value) && !((float)found > value)) {
            return found;
        }
    }
    return (double)value;
}

static const char *const attention_names[] = {
    [UM_ATTENTION_FULL] = "full",
    [UM_ATTENTION_CAUSAL] = "causal",
    [UM_ATTENTION_BLOCK_CAUSAL] = "block-causal",
};

static const char *const alignment_names[] = {
    [UM_LOGITS_AT_POSITION] = "position",
    [UM_LOGITS_SHIFTED] = "shifted",
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static bool find_name(const char *const *names, size_t count, const char *name, size_t *index) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

const char *um_attention_name(um_attention_kind attention) {
    return (size_t)attention < COUNT_OF(attention_names) ? attention_names[attention] : "unknown";
}

const char *um_logit_alignment_name(um_logit_alignment alignment) {
    return (size_t)alignment < COUNT_OF(alignment_names) ? alignment_names[alignment] : "unknown";
}

bool um_attention_from_name(const char *name, um_attention_kind *attention) {
    size_t index = 0;
    const bool found = find_name(attention_names, COUNT_OF(attention_names), name, &index);
    if (found) {
        *attention = (um_attention_kind)index;
    }
    return found;
}

bool um_logit_alignment_from_name(const char *name, um_logit_alignment *alignment) {
    size_t index = 0;
    const bool found = find_name(alignment_names, COUNT_OF(alignment_names), name, &index);
    if (found) {
        *alignment = (um_logit_alignment)index;
    }
    return found;
}

static um_status check_sizes(const um_model_config *config, const char *where, um_error *error) {
    /* Beyond every known model; products of two of these stay far below 2^63. */
    const struct {
        const char *name;
        size_t value;
        size_t maximum;
    } limits[] = {
        {"vocabulary size", config->vocabulary_size, (size_t)1 << 24},
        {"hidden size", config->hidden_size, (size_t)1 << 17},
        {"intermediate size", config->intermediate_size, (size_t)1 << 20},
        {"number of layers", config->layer_count, 4096},
        {"number of heads", config->head_count, 4096},
        {"number of key-value heads", config->kv_head_count, 4096},
        {"head size", config->head_dim, UM_HEAD_DIM_MAXIMUM},
        {"number of positions", config->maximum_positions, (size_t)1 << 30},
    };
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (limits[i].value == 0 || limits[i].value > limits[i].maximum) {
            return UM_RAISE(error, UM_ERR_LIMIT, "%s: %s is %zu, expected 1 to %zu", where,
                            limits[i].name, limits[i].value, limits[i].maximum);
        }
    }
    return UM_OK;
}

static um_status check_heads(const um_model_config *config, const char *where, um_error *error) {
    if (config->head_count % config->kv_head_count != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %zu key-value heads do not divide %zu heads",
                        where, config->kv_head_count, config->head_count);
    }
    if (config->head_dim % 2 != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: head size %zu is odd, rotation needs pairs",
                        where, config->head_dim);
    }
    return UM_OK;
}

static um_status check_numbers(const um_model_config *config, const char *where, um_error *error) {
    if (!(config->rms_norm_epsilon > 0 && config->rms_norm_epsilon < 1)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: RMS norm epsilon %g is not between 0 and 1",
                        where, config->rms_norm_epsilon);
    }
    if (!(config->rope_base > 1 && config->rope_base < 1e30)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: rotation base %g is not between 1 and 1e30",
                        where, config->rope_base);
    }
    return UM_OK;
}

static um_status check_attention(const um_model_config *config, const char *where,
                                 um_error *error) {
    if (config->attention == UM_ATTENTION_BLOCK_CAUSAL &&
        (config->attention_block_length == 0 ||
         config->attention_block_length > config->maximum_positions)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: block-causal attention needs a block length of 1 to %zu, got %zu "
                        "(give it as an option)",
                        where, config->maximum_positions, config->attention_block_length);
    }
    return UM_OK;
}

static um_status check_tokens(const um_model_config *config, const char *where, um_error *error) {
    const struct {
        const char *name;
        int32_t id;
    } tokens[] = {{"mask", config->mask_token},
                  {"bos", config->bos_token},
                  {"eos", config->eos_token},
                  {"pad", config->pad_token}};
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        const int32_t id = tokens[i].id;
        if (id != UM_NO_TOKEN_ID && (id < 0 || (size_t)id >= config->vocabulary_size)) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: %s token %d is outside the vocabulary of %zu", where,
                            tokens[i].name, (int)id, config->vocabulary_size);
        }
    }
    return UM_OK;
}

um_status um_model_config_check(const um_model_config *config, const char *where, um_error *error) {
    UM_TRY(check_sizes(config, where, error));
    UM_TRY(check_heads(config, where, error));
    UM_TRY(check_numbers(config, where, error));
    UM_TRY(check_attention(config, where, error));
    return check_tokens(config, where, error);
}

static um_status read_gguf(const char *path, const um_model_config_overrides *overrides,
                           um_model_config *config, um_error *error) {
    um_gguf_file file;
    UM_TRY(um_gguf_open(path, &file, error));
    const um_status status =
        um_model_config_from_gguf(&file.contents, path, overrides, config, error);
    um_gguf_close(&file);
    return status;
}

static um_status read_generation_mask(const char *directory, um_model_config *config,
                                      um_error *error) {
    static const char name[] = "generation_config.json";
    char path[4096];
    json_t *root = NULL;
    if (!um_file_exists(directory, name)) {
        return UM_OK;
    }
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    UM_TRY(um_json_load_file(path, &root, error));
    int64_t mask = UM_NO_TOKEN_ID;
    const um_status status =
        um_json_optional_integer(root, path, "mask_token_id", UM_NO_TOKEN_ID,
                                 (int64_t)config->vocabulary_size - 1, &mask, error);
    json_decref(root);
    um_model_config_set_mask(config, status == UM_OK ? (int32_t)mask : UM_NO_TOKEN_ID);
    return status;
}

um_status um_model_config_read_with(const char *model, const um_model_config_overrides *overrides,
                                    um_model_config *config, um_error *error) {
    char path[4096];
    if (um_gguf_is_path(model)) {
        return read_gguf(model, overrides, config, error);
    }
    UM_TRY(um_path_join(path, sizeof path, model, "config.json", error));
    json_t *root = NULL;
    UM_TRY(um_json_load_file(path, &root, error));
    const um_status status = um_model_config_parse_with(root, path, overrides, config, error);
    json_decref(root);
    UM_TRY(status);
    const bool wanted =
        config->mask_token == UM_NO_TOKEN_ID && !(overrides && overrides->forgets_mask_token);
    return wanted ? read_generation_mask(model, config, error) : UM_OK;
}

um_status um_model_config_read(const char *model, um_model_config *config, um_error *error) {
    return um_model_config_read_with(model, NULL, config, error);
}
