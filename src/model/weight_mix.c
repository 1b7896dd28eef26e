#include "model/weight_mix.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool um_weight_mix_from_name(const char *name, um_weight_mix *mix) {
#define MIX_COMPARE(value, text, dtype, number)                                                    \
    if (strcmp(name, text) == 0) {                                                                 \
        *mix = value;                                                                              \
        return true;                                                                               \
    }
    UM_WEIGHT_MIX_LIST(MIX_COMPARE)
#undef MIX_COMPARE
    return false;
}

const char *um_weight_mix_name(um_weight_mix mix) {
    switch (mix) {
#define MIX_CASE(value, text, dtype, number)                                                       \
    case value:                                                                                    \
        return text;
        UM_WEIGHT_MIX_LIST(MIX_CASE)
#undef MIX_CASE
    }
    return "unknown";
}

um_dtype um_weight_mix_main_type(um_weight_mix mix) {
    switch (mix) {
#define MIX_CASE(value, text, dtype, number)                                                       \
    case value:                                                                                    \
        return dtype;
        UM_WEIGHT_MIX_LIST(MIX_CASE)
#undef MIX_CASE
    }
    return UM_DTYPE_F32;
}

uint32_t um_weight_mix_file_type(um_weight_mix mix) {
    switch (mix) {
#define MIX_CASE(value, text, dtype, number)                                                       \
    case value:                                                                                    \
        return number;
        UM_WEIGHT_MIX_LIST(MIX_CASE)
#undef MIX_CASE
    }
    return 0;
}

static bool has_finer_head(um_weight_mix mix) {
    return mix == UM_MIX_Q4_0 || mix == UM_MIX_Q4_K || mix == UM_MIX_Q4_K_M;
}

static bool is_head(const um_model_config *config, const char *name) {
    return strcmp(name, config->tied_head ? "token_embd.weight" : "output.weight") == 0;
}

static bool wants_more_bits(size_t layer, size_t layers) {
    const size_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

static um_dtype wanted_type(um_weight_mix mix, const um_model_config *config, const char *name) {
    static const char layer_prefix[] = "blk.";
    if (has_finer_head(mix) && is_head(config, name)) {
        return UM_DTYPE_Q6_K;
    }
    const bool fine_part =
        um_text_ends_with(name, ".attn_v.weight") || um_text_ends_with(name, ".ffn_down.weight");
    if (mix == UM_MIX_Q4_K_M && fine_part &&
        strncmp(name, layer_prefix, sizeof layer_prefix - 1) == 0) {
        const size_t layer = strtoul(name + sizeof layer_prefix - 1, NULL, 10);
        return wants_more_bits(layer, config->layer_count) ? UM_DTYPE_Q6_K : UM_DTYPE_Q4_K;
    }
    return um_weight_mix_main_type(mix);
}

um_dtype um_weight_mix_type(um_weight_mix mix, const um_model_config *config, const char *gguf_name,
                            size_t columns, bool *fell_back) {
    const um_dtype wanted = wanted_type(mix, config, gguf_name);
    *fell_back = columns % um_dtype_block(wanted) != 0;
    if (!*fell_back) {
        return wanted;
    }
    return columns % um_dtype_block(UM_DTYPE_Q8_0) == 0 ? UM_DTYPE_Q8_0 : UM_DTYPE_F16;
}
