#include "api/defaults.h"

#include "decode/default_options.h"

void um_choose_defaults(const um_model_config *config, um_options *options) {
    if (!options->has_algorithm) {
        um_decode_options_choose_defaults(config, &options->decode);
    }
}
