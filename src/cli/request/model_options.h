/* The options by which commands choose a model and how to run it: one list, and one help text. */
#ifndef UM_CLI_REQUEST_MODEL_OPTIONS_H
#define UM_CLI_REQUEST_MODEL_OPTIONS_H

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

/* Entries for getopt_long: conventions that a model's files may omit or get wrong, */
#define UM_CLI_CONVENTION_OPTIONS                                                                  \
    {"attention", required_argument, NULL, UM_OPTION_ATTENTION},                                   \
        {"attention-block-length", required_argument, NULL, UM_OPTION_ATTENTION_BLOCK},            \
        {"logit-alignment", required_argument, NULL, UM_OPTION_LOGIT_ALIGNMENT}, {                 \
        "mask-token", required_argument, NULL, UM_OPTION_MASK_TOKEN                                \
    }

/* and all options of a command that opens a model; the letters are "m:t:". */
#define UM_CLI_MODEL_OPTIONS                                                                       \
    {"model", required_argument, NULL, 'm'}, {"threads", required_argument, NULL, 't'},            \
        {"kernels", required_argument, NULL, UM_OPTION_KERNELS}, UM_CLI_CONVENTION_OPTIONS,        \
        {"quantize", required_argument, NULL, UM_OPTION_QUANTIZE}, {                               \
        "no-quantize-cache", no_argument, NULL, UM_OPTION_NO_QUANTIZE_CACHE                        \
    }

/* Lines for help texts about the conventions, */
#define UM_CLI_CONVENTION_HELP                                                                     \
    "settings that config.json may omit or get wrong:\n"                                           \
    "      --mask-token TOKEN           the text or the id of the mask token\n"                    \
    "      --attention KIND             full, causal or block-causal\n"                            \
    "      --attention-block-length N   positions of a block of block-causal attention\n"          \
    "      --logit-alignment KIND       position or shifted\n"

/* and about all options but --model (UM_CLI_MODEL_HELP). */
#define UM_CLI_OPENING_HELP                                                                        \
    "how the model is opened and run:\n"                                                           \
    "      --quantize TYPE    quantise the weights of a directory while it is opened: q8_0,\n"     \
    "                         q4_0, q4_k, q6_k or q4_k_m.  When that takes more than 2 s the\n"    \
    "                         result is kept in $XDG_CACHE_HOME/unmask (~/.cache/unmask) for "     \
    "the\n"                                                                                        \
    "                         next time\n"                                                         \
    "      --no-quantize-cache\n"                                                                  \
    "                         neither keep quantised weights nor use kept ones\n"                  \
    "  -t, --threads N        threads (default: one a processor); results do not depend on it\n"   \
    "      --kernels NAME     reference, portable, avx2, avx512 (default: fastest)\n"              \
    "\n" UM_CLI_CONVENTION_HELP

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
