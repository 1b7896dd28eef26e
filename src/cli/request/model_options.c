#include "cli/request/model_options.h"

#define BLOCK_MAXIMUM (1 << 24)
#define THREADS_MAXIMUM 1024

bool um_is_model_option(int value) {
    return value == 'm' || value == 't' ||
           (value >= UM_OPTION_KERNELS && value <= UM_OPTION_NO_QUANTIZE_CACHE);
}

int um_set_model_option(const um_command *command, um_model_choice *choice, int value,
                        const char *text) {
    switch (value) {
        case 'm':
            choice->model = text;
            return UM_EXIT_OK;
        case 't':
            return um_cli_set_count(command, "--threads", text, THREADS_MAXIMUM, &choice->threads);
        case UM_OPTION_KERNELS:
            choice->options.kernels = text;
            return UM_EXIT_OK;
        case UM_OPTION_ATTENTION:
            choice->options.attention = text;
            return UM_EXIT_OK;
        case UM_OPTION_ATTENTION_BLOCK:
            return um_cli_set_count(command, "--attention-block-length", text, BLOCK_MAXIMUM,
                                    &choice->options.attention_block_length);
        case UM_OPTION_LOGIT_ALIGNMENT:
            choice->options.logit_alignment = text;
            return UM_EXIT_OK;
        case UM_OPTION_MASK_TOKEN:
            choice->options.mask_token = text;
            return UM_EXIT_OK;
        case UM_OPTION_QUANTIZE:
            choice->options.quantize = text;
            return UM_EXIT_OK;
        default:
            choice->no_quantize_cache = true;
            return UM_EXIT_OK;
    }
}
