/* The command line of `unmask analyze`. */
#include <stdlib.h>
#include <string.h>

#include "cli/analyze/analyze.h"
#include "cli/request/batch_size.h"
#include "cli/request/decoding_options.h"
#include "decode/options.h"

#define DEFAULT_SHOW 4
#define SHOW_MAXIMUM 100
#define SAMPLES_MAXIMUM 100000
#define PROMPTS_MAXIMUM 1000000
#define LENGTH_MAXIMUM (1 << 24)

/* Values of options without a letter. */
enum {
    OPTION_SVG = 256,
    OPTION_JSON,
    OPTION_COMPARE,
    OPTION_UNTIL_END,
    OPTION_SHOW,
    OPTION_INTERVAL_SEED,
    OPTION_PROMPTS,
    OPTION_LIMIT,
    OPTION_TEMPERATURES,
    OPTION_TRACE,
    OPTION_BATCH,
    OPTION_CHAT
};

static const struct option own_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"svg", required_argument, NULL, OPTION_SVG},
    {"json", no_argument, NULL, OPTION_JSON},
    {"compare", no_argument, NULL, OPTION_COMPARE},
    {"until-end", no_argument, NULL, OPTION_UNTIL_END},
    {"show", required_argument, NULL, OPTION_SHOW},
    {"interval-seed", required_argument, NULL, OPTION_INTERVAL_SEED},
    {"prompts", required_argument, NULL, OPTION_PROMPTS},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"samples", required_argument, NULL, 'n'},
    {"length", required_argument, NULL, 'l'},
    {"temperatures", required_argument, NULL, OPTION_TEMPERATURES},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"chat", no_argument, NULL, OPTION_CHAT},
    UM_CLI_MODEL_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Where the text of an option that needs no further check goes; NULL for any other option. */
static const char **text_target(um_analyze_settings *settings, int option) {
    switch (option) {
        case 'o':
            return &settings->output;
        case OPTION_SVG:
            return &settings->svg;
        case OPTION_PROMPTS:
            return &settings->prompts;
        case OPTION_TRACE:
            return &settings->trace;
        default:
            return NULL;
    }
}

static bool set_flag(um_analyze_settings *settings, int option) {
    switch (option) {
        case OPTION_JSON:
            return settings->json = true;
        case OPTION_COMPARE:
            return settings->compare = true;
        case OPTION_UNTIL_END:
            return settings->until_end = true;
        case OPTION_CHAT:
            return settings->form.chat = true;
        default:
            return false;
    }
}

static int set_temperatures(const um_command *command, um_analyze_settings *settings) {
    um_error error = {0};
    return um_number_list_read(optarg, UM_TEMPERATURE_MAXIMUM, UM_ORDER_SETS,
                               &settings->temperatures, &error) == UM_OK
               ? UM_EXIT_OK
               : um_cli_usage(command, "--temperatures: %s", error.message);
}

static int set_number(const um_command *command, um_analyze_settings *settings, int option) {
    unsigned long long value = 0;
    switch (option) {
        case 'n':
            return um_cli_set_count(command, "--samples", optarg, SAMPLES_MAXIMUM,
                                    &settings->samples);
        case 'l':
            return um_cli_set_count(command, "--length", optarg, LENGTH_MAXIMUM,
                                    &settings->form.length);
        case OPTION_LIMIT:
            return um_cli_set_count(command, "--limit", optarg, PROMPTS_MAXIMUM, &settings->limit);
        case OPTION_BATCH:
            return um_cli_set_count(command, "--batch", optarg, UM_BATCH_MAXIMUM, &settings->batch);
        case OPTION_SHOW:
            if (!um_cli_parse_count(command, "--show", optarg, 0, SHOW_MAXIMUM, &value)) {
                return UM_EXIT_USAGE;
            }
            settings->show = (size_t)value;
            return UM_EXIT_OK;
        case OPTION_INTERVAL_SEED:
            if (!um_cli_parse_count(command, "--interval-seed", optarg, 0, UINT64_MAX, &value)) {
                return UM_EXIT_USAGE;
            }
            settings->interval_seed = value;
            return UM_EXIT_OK;
        default:
            return UM_EXIT_USAGE; /* um_cli_next_option has printed why */
    }
}

static int set_decoding(const um_command *command, um_analyze_settings *settings, int option,
                        const um_long_options *names) {
    for (const struct option *entry = names->entries; entry->name; entry++) {
        if (entry->val == option) {
            settings->has_algorithm |= strcmp(entry->name, "algorithm") == 0;
            settings->has_temperature |= strcmp(entry->name, "temperature") == 0;
        }
    }
    settings->has_decoding = true;
    return um_set_decoding_option(command, settings->form.options, option, optarg);
}

static int apply(const um_command *command, um_analyze_settings *settings, int option,
                 const um_long_options *names) {
    if (um_is_model_option(option)) {
        settings->has_model_option |= option != 'm';
        return um_set_model_option(command, &settings->model, option, optarg);
    }
    const char **text = text_target(settings, option);
    if (text) {
        *text = optarg;
        return UM_EXIT_OK;
    }
    if (option == 'h') {
        return UM_PARSE_HELP;
    }
    if (option == OPTION_TEMPERATURES) {
        return set_temperatures(command, settings);
    }
    if (um_is_decoding_option(option)) {
        return set_decoding(command, settings, option, names);
    }
    return set_flag(settings, option) ? UM_EXIT_OK : set_number(command, settings, option);
}

/* Refuse options that make no sense for traces that exist already. */
static int check_reading(const um_command *command, const um_analyze_settings *settings) {
    if (settings->path_count == 0) {
        return um_cli_usage(command, "give trace files to read, or --prompts FILE to make traces");
    }
    if (settings->has_decoding || settings->temperatures.count > 0 || settings->samples > 0 ||
        settings->form.length > 0 || settings->limit > 0 || settings->batch > 0 ||
        settings->form.chat || settings->trace || settings->has_model_option) {
        return um_cli_usage(command, "decoding options need --prompts; these traces are already "
                                     "decoded");
    }
    if (settings->compare && settings->path_count > UM_ORDER_SETS) {
        return um_cli_usage(command, "--compare: %zu files, at most %d are shown side by side",
                            settings->path_count, UM_ORDER_SETS);
    }
    return UM_EXIT_OK;
}

static int check(const um_command *command, um_analyze_settings *settings) {
    if (!settings->prompts) {
        return check_reading(command, settings);
    }
    if (settings->path_count > 0) {
        return um_cli_usage(command, "give trace files or --prompts, not both");
    }
    if (settings->compare) {
        return um_cli_usage(command, "--compare is for trace files; --temperatures compares "
                                     "temperatures");
    }
    if (settings->has_temperature && settings->temperatures.count > 0) {
        return um_cli_usage(command, "--temperature and --temperatures exclude each other");
    }
    settings->samples = settings->samples > 0 ? settings->samples : 1;
    return UM_EXIT_OK;
}

int um_analyze_parse(const um_command *command, int argc, char **argv,
                     um_analyze_settings *settings) {
    um_error error = {0};
    settings->show = DEFAULT_SHOW;
    if (um_options_create(&settings->form.options, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    um_long_options long_options;
    um_long_options_fill(&long_options, own_options);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":o:m:n:l:t:h",
                                        long_options.entries)) != -1) {
        const int code = apply(command, settings, option, &long_options);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    settings->paths = argv + optind;
    settings->path_count = (size_t)(argc - optind);
    return check(command, settings);
}

void um_analyze_settings_free(um_analyze_settings *settings) {
    um_options_free(settings->form.options);
}
