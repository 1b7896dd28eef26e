#include "decode/default_options.h"

#include <math.h>

#include "decode/algorithm.h"

/* The cost in points of pass@1, compared with one token a step: 0.2 with the canvases that
 * models/tiny learnt from (docs/RESULTS.md), 5.7 with shorter ones (docs/FRONTIER.md), none with an
 * earlier model. */
#define DEFAULT_THRESHOLD 0.95
#define DEFAULT_BLOCK_LENGTH 8

/* Options that mean something only with a number of steps. */
#define SCHEDULE_OPTIONS                                                                           \
    (UM_OPTION_BIT(UM_OPTION_STEPS) | UM_OPTION_BIT(UM_OPTION_EPS) |                               \
     UM_OPTION_BIT(UM_OPTION_ALG_TEMP))

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

/* Confidence is a probability after the division by the temperature.  Of two tokens with the odds
 * o, a temperature T makes o^(1/T), so at low temperatures the threshold has the same certainty
 * only if its own odds are raised alike.  Above 1 the threshold stays. */
static double threshold_for(double temperature) {
    const double odds = DEFAULT_THRESHOLD / (1 - DEFAULT_THRESHOLD);
    const bool sharpens = temperature > 0 && temperature < 1;
    return sharpens ? 1 / (1 + pow(odds, -1 / temperature)) : DEFAULT_THRESHOLD;
}

static void choose_threshold(const um_model_config *config, um_decode_options *decode) {
    if (!um_decode_options_is_given(decode, UM_OPTION_CONFIDENCE_THRESHOLD)) {
        decode->confidence_threshold = threshold_for(decode->temperature);
    }
    if (!um_decode_options_is_given(decode, UM_OPTION_BLOCK_LENGTH)) {
        decode->block_length = block_length_for(config);
        um_decode_options_mark(decode, UM_OPTION_BLOCK_LENGTH);
    }
    if (!um_decode_options_is_given(decode, UM_OPTION_CACHE)) {
        decode->cache = UM_CACHE_DUAL;
    }
}

void um_decode_options_choose_defaults(const um_model_config *config, um_decode_options *options) {
    options->algorithm = um_default_algorithm(config);
    if (config->attention == UM_ATTENTION_CAUSAL) {
        return;
    }
    if ((options->given & SCHEDULE_OPTIONS) != 0) {
        options->algorithm = um_algorithm_entropy.name;
    } else {
        choose_threshold(config, options);
    }
}
