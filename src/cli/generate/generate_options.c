/* The command line of `unmask generate`.  Decoding options come from the library's list, so a
 * new one needs no change here. */
#include "cli/generate/generate.h"
#include "cli/request/batch_size.h"
#include "cli/request/decoding_options.h"

#define SAMPLES_MAXIMUM 1000000
#define LENGTH_MAXIMUM (1 << 24)

/* Values of options without a letter. */
enum {
    OPTION_SYSTEM = 256,
    OPTION_SUFFIX,
    OPTION_PROMPTS,
    OPTION_TRACE,
    OPTION_BATCH,
    OPTION_CHAT,
    OPTION_BOS,
    OPTION_SPECIAL,
    OPTION_JSON,
    OPTION_COMPLETION_ONLY,
    OPTION_LIVE,
    OPTION_NO_LIVE
};

static const struct option own_options[] = {
    UM_CLI_MODEL_OPTIONS,
    {"file", required_argument, NULL, 'f'},
    {"samples", required_argument, NULL, 'n'},
    {"length", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {"system", required_argument, NULL, OPTION_SYSTEM},
    {"suffix", required_argument, NULL, OPTION_SUFFIX},
    {"prompts", required_argument, NULL, OPTION_PROMPTS},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"chat", no_argument, NULL, OPTION_CHAT},
    {"bos", no_argument, NULL, OPTION_BOS},
    {"special", no_argument, NULL, OPTION_SPECIAL},
    {"json", no_argument, NULL, OPTION_JSON},
    {"completion-only", no_argument, NULL, OPTION_COMPLETION_ONLY},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"no-live", no_argument, NULL, OPTION_NO_LIVE},
    {NULL, 0, NULL, 0},
};

/* Where the text of an option that needs no further check goes; NULL for any other option. */
static const char **text_target(um_generate_settings *settings, int option) {
    switch (option) {
        case 'f':
            return &settings->file;
        case OPTION_SYSTEM:
            return &settings->form.system;
        case OPTION_SUFFIX:
            return &settings->form.suffix;
        case OPTION_PROMPTS:
            return &settings->prompts;
        case OPTION_TRACE:
            return &settings->trace;
        default:
            return NULL;
    }
}

static bool set_flag(um_generate_settings *settings, int option) {
    switch (option) {
        case OPTION_CHAT:
            return settings->form.chat = true;
        case OPTION_BOS:
            return settings->form.bos = true;
        case OPTION_SPECIAL:
            return settings->form.special = true;
        case OPTION_JSON:
            return settings->json = true;
        case OPTION_COMPLETION_ONLY:
            return settings->completion_only = true;
        case OPTION_LIVE:
            settings->live = UM_LIVE_ON;
            return true;
        case OPTION_NO_LIVE:
            settings->live = UM_LIVE_OFF;
            return true;
        default:
            return false;
    }
}

static int apply(const um_command *command, um_generate_settings *settings, int option) {
    if (um_is_model_option(option)) {
        return um_set_model_option(command, &settings->model, option, optarg);
    }
    const char **text = text_target(settings, option);
    if (text) {
        *text = optarg;
        return UM_EXIT_OK;
    }
    if (set_flag(settings, option)) {
        return UM_EXIT_OK;
    }
    switch (option) {
        case 'n':
            return um_cli_set_count(command, "--samples", optarg, SAMPLES_MAXIMUM,
                                    &settings->samples);
        case 'l':
            return um_cli_set_count(command, "--length", optarg, LENGTH_MAXIMUM,
                                    &settings->form.length);
        case OPTION_BATCH:
            return um_cli_set_count(command, "--batch", optarg, UM_BATCH_MAXIMUM, &settings->batch);
        case 'h':
            return UM_PARSE_HELP;
        default:
            return um_is_decoding_option(option)
                       ? um_set_decoding_option(command, settings->form.options, option, optarg)
                       : UM_EXIT_USAGE; /* um_cli_next_option has printed why */
    }
}

static int check(const um_command *command, const um_generate_settings *settings) {
    const um_prompt_form *form = &settings->form;
    const int sources =
        (settings->prompt ? 1 : 0) + (settings->file ? 1 : 0) + (settings->prompts ? 1 : 0);
    if (sources > 1) {
        return um_cli_usage(command,
                            "give the prompt only once: as an argument, with --file or with "
                            "--prompts");
    }
    if (form->system && !form->chat) {
        return um_cli_usage(command, "--system is part of a conversation: add --chat");
    }
    if (form->suffix && form->chat) {
        return um_cli_usage(command, "--suffix is for plain text, not for --chat");
    }
    if (form->special && form->chat) {
        return um_cli_usage(command, "--special is for plain text, not for --chat");
    }
    if (settings->live == UM_LIVE_ON &&
        (settings->json || settings->prompts || settings->completion_only)) {
        return um_cli_usage(command, "--live shows the whole text: it cannot be combined with "
                                     "--json, --prompts or --completion-only");
    }
    if (settings->live == UM_LIVE_ON && settings->batch > 1) {
        return um_cli_usage(command, "--live shows one sample at a time: leave --batch out");
    }
    return UM_EXIT_OK;
}

int um_generate_parse(const um_command *command, int argc, char **argv,
                      um_generate_settings *settings) {
    um_error error = {0};
    settings->samples = 1;
    if (um_options_create(&settings->form.options, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    um_long_options long_options;
    um_long_options_fill(&long_options, own_options);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:f:n:l:t:h",
                                        long_options.entries)) != -1) {
        const int code = apply(command, settings, option);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    if (argc - optind > 1) {
        return um_cli_usage(command, "more than one prompt; put the text between quotes");
    }
    settings->prompt = argv[optind];
    return check(command, settings);
}
