/* The command line of `unmask sweep`. */
#include <string.h>

#include "cli/sweep/sweep.h"

#define DEFAULT_TEMPERATURES "0,0.2,0.5,0.7,1.0,1.2,1.5"
#define DEFAULT_SHARES "1,1/2,1/4"

/* Values of options without a letter. */
enum { OPTION_TEMPERATURES = 256, OPTION_STEPS };

static const struct option own_options[] = {
    {"temperatures", required_argument, NULL, OPTION_TEMPERATURES},
    {"steps", required_argument, NULL, OPTION_STEPS}, /* hides the later decoding option */
    UM_CLI_EVAL_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int add_model(const um_command *command, um_sweep_request *request) {
    if (request->model_count == UM_SWEEP_MODELS) {
        return um_cli_usage(command, "--model: more than %d", UM_SWEEP_MODELS);
    }
    request->models[request->model_count++] = optarg;
    return UM_EXIT_OK;
}

static int set_axis(const um_command *command, um_sweep_request *request, int option) {
    um_error error = {0};
    const bool is_steps = option == OPTION_STEPS;
    const um_status status = is_steps ? um_sweep_read_shares(optarg, &request->axes, &error)
                                      : um_sweep_read_temperatures(optarg, &request->axes, &error);
    return status == UM_OK ? UM_EXIT_OK
                           : um_cli_usage(command, "--%s: %s", is_steps ? "steps" : "temperatures",
                                          error.message);
}

/* Unless --k is given, the largest k is the number of samples: pass@N of N samples says most. */
static void add_k(um_sweep_request *request) {
    um_pass_ks *ks = &request->eval.judge.ks;
    size_t at = 0;
    while (at < ks->count && ks->values[at] < request->eval.samples) {
        at++;
    }
    ks->count = at;
    if (ks->count < UM_PASS_KS) {
        ks->values[ks->count++] = request->eval.samples;
    }
}

/* Add pass@1, which a sweep shows of every point whatever --k says. */
static int add_pass_at_1(const um_command *command, um_pass_ks *ks) {
    for (size_t i = 0; i < ks->count; i++) {
        if (ks->values[i] == 1) {
            return UM_EXIT_OK;
        }
    }
    if (ks->count == UM_PASS_KS) {
        return um_cli_usage(
            command, "--k: a sweep adds pass@1, which makes one value too many: leave one out");
    }
    memmove(ks->values + 1, ks->values, ks->count * sizeof *ks->values);
    ks->values[0] = 1;
    ks->count++;
    return UM_EXIT_OK;
}

static int apply(const um_command *command, um_sweep_request *request, int option) {
    const char *decoding = um_decoding_option_name(option);
    if (decoding && strcmp(decoding, "temperature") == 0) {
        return um_cli_usage(command, "--temperature: use --temperatures LIST for a sweep");
    }
    switch (option) {
        case 'm':
            return add_model(command, request);
        case OPTION_TEMPERATURES:
        case OPTION_STEPS:
            return set_axis(command, request, option);
        default:
            return um_eval_set_option(command, &request->eval, option);
    }
}

static int check(const um_command *command, int argc, char **argv,
                 const um_sweep_request *request) {
    if (argc != optind) {
        return um_cli_usage(command, "\"%.60s\" is not an option", argv[optind]);
    }
    if (request->model_count == 0) {
        return um_cli_usage(command, "--model PATH is needed, once for each model to compare");
    }
    return um_eval_check_request(command, &request->eval);
}

int um_sweep_parse(const um_command *command, int argc, char **argv, um_sweep_request *request) {
    *request = (um_sweep_request){.eval = um_eval_default_request()};
    (void)um_sweep_read_temperatures(DEFAULT_TEMPERATURES, &request->axes, NULL);
    (void)um_sweep_read_shares(DEFAULT_SHARES, &request->axes, NULL);
    um_long_options long_options;
    um_long_options_fill(&long_options, own_options);
    bool has_ks = false;
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, UM_CLI_EVAL_LETTERS,
                                        long_options.entries)) != -1) {
        const int code = apply(command, request, option);
        has_ks = has_ks || option == UM_OPTION_K;
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    if (!has_ks) {
        add_k(request);
    }
    const int code = add_pass_at_1(command, &request->eval.judge.ks);
    return code == UM_EXIT_OK ? check(command, argc, argv, request) : code;
}
