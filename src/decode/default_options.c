#include "decode/default_options.h"

#include "decode/algorithm.h"

/* Compared with one token a step, models/tiny passes 0.2 points less with the canvases that it
 * learnt from (docs/RESULTS.md) and 0.3 more with shorter ones (docs/FRONTIER.md).  Blocks of 8
 * pass as many and 5.7 less, in more forwards. */
#define DEFAULT_THRESHOLD 0.95
#define DEFAULT_BLOCK_LENGTH 16

const char *um_default_algorithm(const um_model_config *config) {
    return config->attention == UM_ATTENTION_CAUSAL ? um_algorithm_autoregressive.name
                                                    : um_algorithm_threshold.name;
}

/* A model with block-causal attention was trained to have its attention blocks decided one after
 * the other. */
static size_t block_length_for(const um_model_config *config) {
    return config->attention == UM_ATTENTION_BLOCK_CAUSAL ? config->attention_block_length
                                                          : DEFAULT_BLOCK_LENGTH;
}

static void choose_threshold(const um_model_config *config, um_decode_options *decode) {
    if (!um_decode_options_is_given(decode, UM_OPTION_CONFIDENCE_THRESHOLD)) {
        decode->confidence_threshold = DEFAULT_THRESHOLD;
    }
    if (!um_decode_options_is_given(decode, UM_OPTION_PLAIN_CONFIDENCE)) {
        decode->plain_confidence = true;
    }
    if (!um_decode_options_is_given(decode, UM_OPTION_BLOCK_LENGTH)) {
        decode->block_length = block_length_for(config);
        um_decode_options_mark(decode, UM_OPTION_BLOCK_LENGTH);
    }
    if (!um_decode_options_is_given(decode, UM_OPTION_CACHE)) {
        decode->cache = UM_CACHE_DUAL;
    }
}

/* The published sampler of the model's family, unless an option is given that only the other one
 * has. */
static const char *published_algorithm(const um_model_config *config, uint64_t given) {
    const bool suits_llada = (given & ~um_algorithm_low_confidence.options) == 0;
    return config->family == UM_FAMILY_LLADA && suits_llada ? um_algorithm_low_confidence.name
                                                            : um_algorithm_entropy.name;
}

void um_decode_options_choose_defaults(const um_model_config *config, um_decode_options *options) {
    options->algorithm = um_default_algorithm(config);
    options->is_default_algorithm = true;
    if (config->attention == UM_ATTENTION_CAUSAL) {
        return;
    }
    if ((options->given & UM_SCHEDULE_OPTIONS) != 0) {
        options->algorithm = published_algorithm(config, options->given);
    } else {
        choose_threshold(config, options);
    }
}
