/* The command line of `unmask bench`. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/bench/bench.h"
#include "cli/request/decoding_options.h"

#define COUNT_MAXIMUM (1 << 24)
#define REPETITIONS_MAXIMUM 10000

#define DEFAULT_PROMPT "def add(a, b):\n    \"\"\"Return the sum of a and b.\"\"\"\n"
#define DEFAULT_QUIET_LIMIT 0.1
#define DEFAULT_REPETITIONS 5
#define DEFAULT_PATIENCE 60.0 /* seconds for one measurement, unless --repetitions is given */

/* Values of options without a letter. */
enum {
    OPTION_PROMPT = 256,
    OPTION_ONLY,
    OPTION_ROWS,
    OPTION_CONTEXT,
    OPTION_QUIET_LIMIT,
    OPTION_AGAINST,
    OPTION_AGAINST_TOKENS,
    OPTION_OURS,
    OPTION_OURS_TOKENS,
    OPTION_JSON,
    OPTION_SAVE
};

static const struct option own_options[] = {
    UM_CLI_MODEL_OPTIONS,
    {"length", required_argument, NULL, 'l'},
    {"repetitions", required_argument, NULL, 'r'},
    {"help", no_argument, NULL, 'h'},
    {"prompt", required_argument, NULL, OPTION_PROMPT},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"rows", required_argument, NULL, OPTION_ROWS},
    {"context", required_argument, NULL, OPTION_CONTEXT},
    {"quiet-limit", required_argument, NULL, OPTION_QUIET_LIMIT},
    {"against", required_argument, NULL, OPTION_AGAINST},
    {"against-tokens", required_argument, NULL, OPTION_AGAINST_TOKENS},
    {"ours", required_argument, NULL, OPTION_OURS},
    {"ours-tokens", required_argument, NULL, OPTION_OURS_TOKENS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"save", required_argument, NULL, OPTION_SAVE},
    {NULL, 0, NULL, 0},
};

/* What the checks of combinations need to know about the command line. */
typedef struct parse_state {
    const um_command *command;
    um_bench_settings *settings;
    const um_long_options *names;
    bool has_model_options; /* how the model is opened */
    bool has_run_options;   /* what a whole run does */
} parse_state;

um_repetitions um_bench_repetitions(const um_bench_settings *settings) {
    const bool chosen = settings->repetitions > 0;
    return (um_repetitions){.wanted = chosen ? settings->repetitions : DEFAULT_REPETITIONS,
                            .quiet_limit = settings->quiet_limit,
                            .patience = chosen ? 0 : DEFAULT_PATIENCE};
}

void um_bench_settings_free(um_bench_settings *settings) {
    for (size_t i = 0; i < settings->argument_count; i++) {
        free(settings->arguments[i]);
    }
    free(settings->arguments);
    um_options_free(settings->options);
}

/* ---- Single options --------------------------------------------------------- */

/* Keep "--name=value", or "--name", for `unmask generate`, which has an option of the same name. */
static int remember(const parse_state *state, int option) {
    um_bench_settings *settings = state->settings;
    const struct option *entry = state->names->entries;
    while (entry->name && entry->val != option) {
        entry++;
    }
    um_error error = {0};
    um_buffer argument = {0};
    if (um_grow(&settings->arguments, &settings->argument_capacity, settings->argument_count + 1,
                sizeof *settings->arguments, "options", &error) != UM_OK ||
        um_buffer_append_format(&argument, &error, "--%s%s%s", entry->name, optarg ? "=" : "",
                                optarg ? optarg : "") != UM_OK) {
        return um_cli_fail(&error);
    }
    settings->arguments[settings->argument_count++] = argument.data;
    return UM_EXIT_OK;
}

static int set_rows(const parse_state *state) {
    um_bench_settings *settings = state->settings;
    char text[512];
    if (strlen(optarg) >= sizeof text) {
        return um_cli_usage(state->command, "--rows: the list is too long");
    }
    (void)snprintf(text, sizeof text, "%s", optarg);
    settings->row_count = 0;
    char *rest = text;
    while (rest) {
        char *item = rest;
        rest = strchr(rest, ',');
        if (rest) {
            *rest++ = '\0';
        }
        if (settings->row_count == UM_BENCH_ROWS_MAXIMUM) {
            return um_cli_usage(state->command, "--rows: at most %d numbers are possible",
                                UM_BENCH_ROWS_MAXIMUM);
        }
        const int code = um_cli_set_count(state->command, "--rows", item, COUNT_MAXIMUM,
                                          &settings->rows[settings->row_count++]);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    return UM_EXIT_OK;
}

static int set_part(const parse_state *state) {
    if (strcmp(optarg, "run") == 0) {
        state->settings->part = UM_BENCH_RUN;
    } else if (strcmp(optarg, "forward") == 0) {
        state->settings->part = UM_BENCH_FORWARD;
    } else {
        return um_cli_usage(state->command, "--only: \"%.40s\" is neither run nor forward", optarg);
    }
    return UM_EXIT_OK;
}

static int set_quiet_limit(const parse_state *state) {
    unsigned long long percent = 0;
    if (!um_cli_parse_count(state->command, "--quiet-limit", optarg, 0, 100, &percent)) {
        return UM_EXIT_USAGE;
    }
    state->settings->quiet_limit = (double)percent / 100;
    return UM_EXIT_OK;
}

/* Where the text of an option that needs no further check goes; NULL for any other option. */
static const char **text_target(um_bench_settings *settings, int option) {
    switch (option) {
        case OPTION_PROMPT:
            return &settings->prompt;
        case OPTION_AGAINST:
            return &settings->against;
        case OPTION_OURS:
            return &settings->ours;
        case OPTION_SAVE:
            return &settings->save;
        default:
            return NULL;
    }
}

/* Where the count of an option goes; NULL for any other option. */
static size_t *count_target(um_bench_settings *settings, int option, size_t *maximum) {
    *maximum = COUNT_MAXIMUM;
    switch (option) {
        case 'r':
            *maximum = REPETITIONS_MAXIMUM;
            return &settings->repetitions;
        case 'l':
            return &settings->length;
        case OPTION_CONTEXT:
            return &settings->context;
        case OPTION_AGAINST_TOKENS:
            return &settings->against_tokens;
        case OPTION_OURS_TOKENS:
            return &settings->ours_tokens;
        default:
            return NULL;
    }
}

static const char *name_of(const parse_state *state, int option, char *text, size_t size) {
    for (const struct option *entry = state->names->entries; entry->name; entry++) {
        if (entry->val == option) {
            (void)snprintf(text, size, "--%s", entry->name);
            break;
        }
    }
    return text;
}

static int set_value(const parse_state *state, int option) {
    um_bench_settings *settings = state->settings;
    size_t maximum = 0;
    if (um_is_model_option(option)) {
        return um_set_model_option(state->command, &settings->model, option, optarg);
    }
    const char **text = text_target(settings, option);
    size_t *count = count_target(settings, option, &maximum);
    if (text) {
        *text = optarg;
        return UM_EXIT_OK;
    }
    if (count) {
        char name[40] = "";
        return um_cli_set_count(state->command, name_of(state, option, name, sizeof name), optarg,
                                maximum, count);
    }
    switch (option) {
        case OPTION_ROWS:
            return set_rows(state);
        case OPTION_ONLY:
            return set_part(state);
        case OPTION_QUIET_LIMIT:
            return set_quiet_limit(state);
        case OPTION_JSON:
            settings->json = true;
            return UM_EXIT_OK;
        case 'h':
            return UM_PARSE_HELP;
        default:
            return um_is_decoding_option(option)
                       ? um_set_decoding_option(state->command, settings->options, option, optarg)
                       : UM_EXIT_USAGE; /* um_cli_next_option has printed why */
    }
}

static int apply(parse_state *state, int option) {
    const bool opens_model = um_is_model_option(option);
    const bool shapes_run = option == 'l' || um_is_decoding_option(option);
    state->has_model_options = state->has_model_options || opens_model;
    state->has_run_options = state->has_run_options || shapes_run || option == OPTION_PROMPT;
    const int code = set_value(state, option);
    return code == UM_EXIT_OK && (opens_model || shapes_run) ? remember(state, option) : code;
}

/* ---- Combinations ------------------------------------------------------------ */

static int check_comparison(const parse_state *state) {
    const um_command *command = state->command;
    const um_bench_settings *settings = state->settings;
    if (!settings->against) {
        const char *given = settings->ours             ? "--ours"
                            : settings->ours_tokens    ? "--ours-tokens"
                            : settings->against_tokens ? "--against-tokens"
                                                       : NULL;
        return given
                   ? um_cli_usage(command, "%s is for a comparison: add --against 'COMMAND'", given)
                   : UM_EXIT_OK;
    }
    if (*settings->against == '\0' || (settings->ours && *settings->ours == '\0')) {
        return um_cli_usage(command, "%s: the command is empty",
                            *settings->against == '\0' ? "--against" : "--ours");
    }
    if (settings->row_count > 0 || settings->context > 0 || settings->part != UM_BENCH_ALL) {
        return um_cli_usage(command,
                            "%s is not for --against, which compares whole runs: leave it "
                            "out, or measure forwards without --against",
                            settings->row_count > 0 ? "--rows"
                            : settings->context > 0 ? "--context"
                                                    : "--only");
    }
    if (settings->ours && (state->has_model_options || state->has_run_options)) {
        return um_cli_usage(command, "--ours is a whole command: put options of model, threads, "
                                     "prompt and decoding into it");
    }
    if (settings->ours_tokens > 0 && !settings->ours) {
        return um_cli_usage(command,
                            "--ours-tokens needs --ours: unmask's own run reports its token "
                            "count");
    }
    return UM_EXIT_OK;
}

static int check(const parse_state *state) {
    const um_bench_settings *settings = state->settings;
    if (settings->part == UM_BENCH_RUN && (settings->row_count > 0 || settings->context > 0)) {
        return um_cli_usage(state->command,
                            "%s is about single forwards: leave it out, or use "
                            "--only forward",
                            settings->row_count > 0 ? "--rows" : "--context");
    }
    if (settings->part == UM_BENCH_FORWARD && state->has_run_options) {
        return um_cli_usage(state->command, "prompt, length and decoding options are about whole "
                                            "runs: leave them out, or use --only run");
    }
    if (settings->prompt && *settings->prompt == '\0') {
        return um_cli_usage(state->command, "--prompt: the text is empty");
    }
    return check_comparison(state);
}

int um_bench_parse(const um_command *command, int argc, char **argv, um_bench_settings *settings) {
    um_error error = {0};
    settings->quiet_limit = DEFAULT_QUIET_LIMIT;
    if (um_options_create(&settings->options, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    um_long_options names;
    um_long_options_fill(&names, own_options);
    parse_state state = {.command = command, .settings = settings, .names = &names};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:t:l:r:h", names.entries)) != -1) {
        const int code = apply(&state, option);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    if (optind < argc) {
        return um_cli_usage(command, "\"%.40s\" is not an option; use --prompt to give a prompt",
                            argv[optind]);
    }
    const int code = check(&state);
    settings->prompt = settings->prompt ? settings->prompt : DEFAULT_PROMPT;
    return code;
}
