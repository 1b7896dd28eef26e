/* The command line of `unmask eval`. */
#include <stdlib.h>
#include <string.h>

#include "cli/decoding_options.h"
#include "cli/eval.h"

#define SAMPLES_MAXIMUM 100000
#define BATCH_MAXIMUM 4096
#define LENGTH_MAXIMUM (1 << 24)
#define DEFAULT_BATCH 8

/* Values of options without a letter. */
enum {
    OPTION_PROBLEMS = 256,
    OPTION_FORM,
    OPTION_INFILLING_LENGTH,
    OPTION_BATCH,
    OPTION_INSTRUCT,
    OPTION_SYSTEM,
    OPTION_SHOTS,
    OPTION_IDS,
    OPTION_COMPARE,
    OPTION_JSON
};

static const struct option own_options[] = {
    UM_CLI_MODEL_OPTIONS,
    UM_CLI_JUDGE_OPTIONS,
    {"problems", required_argument, NULL, OPTION_PROBLEMS},
    {"output", required_argument, NULL, 'o'},
    {"form", required_argument, NULL, OPTION_FORM},
    {"samples", required_argument, NULL, 'n'},
    {"length", required_argument, NULL, 'l'},
    {"infilling-length", required_argument, NULL, OPTION_INFILLING_LENGTH},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"instruct", no_argument, NULL, OPTION_INSTRUCT},
    {"system", required_argument, NULL, OPTION_SYSTEM},
    {"shots", required_argument, NULL, OPTION_SHOTS},
    {"ids", required_argument, NULL, OPTION_IDS},
    {"compare", no_argument, NULL, OPTION_COMPARE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int set_form(const um_command *command, const char *text, um_eval_form *form) {
    if (um_eval_form_from_name(text, form)) {
        return UM_EXIT_OK;
    }
    return um_cli_usage(
        command, "--form: \"%.40s\" is not auto, humaneval, mbpp, infilling or family", text);
}

/* FIRST-LAST */
static int set_ids(const um_command *command, const char *text, um_eval_request *request) {
    const char *dash = strchr(text, '-');
    unsigned long long first = 0;
    unsigned long long last = 0;
    char number[24] = "";
    if (dash && dash > text && (size_t)(dash - text) < sizeof number) {
        memcpy(number, text, (size_t)(dash - text));
        if (um_cli_parse_count(command, "--ids", number, 1, INT32_MAX, &first) &&
            um_cli_parse_count(command, "--ids", dash + 1, first, INT32_MAX, &last)) {
            request->first_id = (size_t)first;
            request->last_id = (size_t)last;
            return UM_EXIT_OK;
        }
        return UM_EXIT_USAGE;
    }
    return um_cli_usage(command, "--ids: \"%.40s\" is not two numbers such as 11-510", text);
}

static int apply_count(const um_command *command, um_eval_request *request, int option) {
    switch (option) {
        case 'n':
            return um_cli_set_count(command, "--samples", optarg, SAMPLES_MAXIMUM,
                                    &request->samples);
        case 'l':
            return um_cli_set_count(command, "--length", optarg, LENGTH_MAXIMUM, &request->length);
        case OPTION_INFILLING_LENGTH:
            return um_cli_set_count(command, "--infilling-length", optarg, LENGTH_MAXIMUM,
                                    &request->infilling_length);
        case OPTION_BATCH:
            return um_cli_set_count(command, "--batch", optarg, BATCH_MAXIMUM, &request->batch);
        default:
            return um_cli_set_count(command, "--shots", optarg, UM_EVAL_MAXIMUM_SHOTS,
                                    &request->shots);
    }
}

static int apply(const um_command *command, um_eval_request *request, int option, bool *compares) {
    if (um_is_model_option(option)) {
        return um_set_model_option(command, &request->model, option, optarg);
    }
    if (um_is_judge_option(option)) {
        return um_set_judge_option(command, &request->judge, option, optarg);
    }
    if (um_is_decoding_option(option)) {
        return um_set_decoding_option(command, request->options, option, optarg);
    }
    switch (option) {
        case 'n':
        case 'l':
        case OPTION_BATCH:
        case OPTION_INFILLING_LENGTH:
        case OPTION_SHOTS:
            return apply_count(command, request, option);
        case 'o':
            request->output = optarg;
            return UM_EXIT_OK;
        case OPTION_PROBLEMS:
            request->problems = optarg;
            return UM_EXIT_OK;
        case OPTION_FORM:
            return set_form(command, optarg, &request->form);
        case OPTION_IDS:
            return set_ids(command, optarg, request);
        case OPTION_SYSTEM:
            request->system = optarg;
            return UM_EXIT_OK;
        case OPTION_INSTRUCT:
            request->instruct = true;
            return UM_EXIT_OK;
        case OPTION_JSON:
            request->json = true;
            return UM_EXIT_OK;
        case OPTION_COMPARE:
            *compares = true;
            return UM_EXIT_OK;
        case 'h':
            return -1;
        default:
            return UM_EXIT_USAGE; /* um_cli_next_option has printed why */
    }
}

static int check(const um_command *command, const um_eval_request *request) {
    if (!request->problems) {
        return um_cli_usage(command, "--problems FILE is needed: what to solve");
    }
    if (strcmp(request->problems, "-") == 0) {
        return um_cli_usage(command, "--problems: standard input cannot be read again by the run "
                                     "that goes on; give a file");
    }
    if (!request->output) {
        return um_cli_usage(command, "--output DIR is needed: where the run is kept");
    }
    if (request->shots > 0 && request->instruct) {
        return um_cli_usage(command, "--shots are for a base model: leave --instruct out");
    }
    return UM_EXIT_OK;
}

/* What is left of the command line are the runs to compare. */
static int take_runs(const um_command *command, int argc, char **argv, bool compares,
                     um_eval_request *request) {
    if (!compares) {
        return argc == optind ? check(command, request)
                              : um_cli_usage(command, "\"%.60s\" is no option", argv[optind]);
    }
    if (argc - optind != 2) {
        return um_cli_usage(command, "--compare needs two run directories");
    }
    if (request->problems || request->output) {
        return um_cli_usage(command, "--compare reads two runs: leave --problems and --output out");
    }
    request->compare[0] = argv[optind];
    request->compare[1] = argv[optind + 1];
    return UM_EXIT_OK;
}

int um_eval_parse(const um_command *command, int argc, char **argv, um_eval_request *request) {
    um_error error = {0};
    bool compares = false;
    *request = (um_eval_request){
        .judge = {.judge = um_judge_default_options(),
                  .ks = {.values = {1, 5, 10, 25, 50, 100}, .count = 6}},
        .samples = 1,
        .batch = DEFAULT_BATCH,
    };
    if (um_options_create(&request->options, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    um_long_options long_options;
    um_long_options_fill(&long_options, own_options);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:t:o:n:l:h",
                                        long_options.entries)) != -1) {
        const int code = apply(command, request, option, &compares);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    return take_runs(command, argc, argv, compares, request);
}
