/* The options by which commands choose a model and how to run it. */
#ifndef UM_CLI_MODEL_OPTIONS_H
#define UM_CLI_MODEL_OPTIONS_H

#include "cli/cli.h"

/* Values of options without a letter, above those of a command's own. */
enum {
    UM_OPTION_KERNELS = 700,
    UM_OPTION_ATTENTION,
    UM_OPTION_ATTENTION_BLOCK,
    UM_OPTION_LOGIT_ALIGNMENT,
    UM_OPTION_MASK_TOKEN,
    UM_OPTION_QUANTIZE,
    UM_OPTION_NO_QUANTIZE_CACHE
};

/* Entries for getopt_long; the letters are "m:t:". */
#define UM_CLI_MODEL_OPTIONS                                                                       \
    {"model", required_argument, NULL, 'm'}, {"threads", required_argument, NULL, 't'},            \
        {"kernels", required_argument, NULL, UM_OPTION_KERNELS},                                   \
        {"attention", required_argument, NULL, UM_OPTION_ATTENTION},                               \
        {"attention-block-length", required_argument, NULL, UM_OPTION_ATTENTION_BLOCK},            \
        {"logit-alignment", required_argument, NULL, UM_OPTION_LOGIT_ALIGNMENT},                   \
        {"mask-token", required_argument, NULL, UM_OPTION_MASK_TOKEN},                             \
        {"quantize", required_argument, NULL, UM_OPTION_QUANTIZE}, {                               \
        "no-quantize-cache", no_argument, NULL, UM_OPTION_NO_QUANTIZE_CACHE                        \
    }

/* Lines for help texts about settings that config.json may omit or get wrong. */
#define UM_CLI_CONFIGURATION_HELP                                                                  \
    "settings that config.json may omit or get wrong:\n"                                           \
    "      --mask-token TOKEN           the text or the id of the mask token\n"                    \
    "      --attention KIND             full, causal or block-causal\n"                            \
    "      --attention-block-length N   positions of a block of block-causal attention\n"          \
    "      --logit-alignment KIND       position or shifted\n"

/* Zero-initialise; the texts belong to the command line. */
typedef struct um_model_choice {
    const char *model; /* --model, or NULL */
    um_model_options options;
    bool no_quantize_cache; /* of quantised weights */
    size_t threads;         /* 0: one for each processor */
} um_model_choice;

/* Whether the value that getopt_long returned is that of one of these options. */
bool um_is_model_option(int value);

/* Set that option; UM_EXIT_OK or, after a message, UM_EXIT_USAGE. */
int um_set_model_option(const um_command *command, um_model_choice *choice, int value,
                        const char *text);

#endif
