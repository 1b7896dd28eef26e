/* unmask inspect: what a model directory holds, and whether it can be used. */
#include <getopt.h>
#include <stdlib.h>

#include "api/parts.h"
#include "base/json.h"
#include "cli/inspect/inspect_tokenizer.h"
#include "cli/request/model_options.h"

static const char help[] =
    "usage: unmask inspect MODEL [options]\n"
    "\n"
    "Describe a model directory or GGUF file (architecture, tensors, memory, tokenizer) and check\n"
    "that its parts fit together.  A broken one is described as far as it can be understood.\n"
    "\n"
    "  -s, --scan             read all weights and look for NaN and infinity\n"
    "      --json             print one JSON object\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_CONVENTION_HELP "\n"
    "exit status: 0 without problems, 1 with problems\n";

typedef struct inspect_settings {
    const char *path;
    um_model_options conventions;
    bool scan;
    bool json;
} inspect_settings;

static um_status print_text(const um_inspect_report *report, const um_tokenizer *tokenizer,
                            um_buffer *output, um_error *error) {
    UM_TRY(um_inspect_description_text(report, output, error));
    UM_TRY(um_cli_tokenizer_text(tokenizer, output, error));
    return um_inspect_findings_text(report, output, error);
}

static um_status print_json(const um_inspect_report *report, const um_tokenizer *tokenizer,
                            um_buffer *output, um_error *error) {
    um_buffer plain = {0};
    json_t *root = NULL;
    um_status status = um_inspect_json(report, &plain, error);
    if (status == UM_OK) {
        status = um_json_load_bytes(plain.data, plain.length, "report", &root, error);
    }
    um_buffer_free(&plain);
    if (status != UM_OK) {
        return status;
    }
    (void)json_object_set_new(root, "tokenizer", um_cli_tokenizer_json(tokenizer));
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(root);
    if (!text) {
        return um_error_memory(error, "report", 0);
    }
    status = um_buffer_append_format(output, error, "%s\n", text);
    free(text);
    return status;
}

static um_status inspect(const inspect_settings *settings, um_buffer *output, size_t *problems,
                         um_error *error) {
    um_model_config_overrides overrides;
    const um_inspect_options options = {.overrides = &overrides, .scan_values = settings->scan};
    um_inspect_report report;
    um_tokenizer *tokenizer = NULL;
    /* A config or tokenizer that cannot be read becomes a problem of the report. */
    um_status status =
        um_model_overrides_read(settings->path, &settings->conventions, &overrides, error);
    if (status == UM_ERR_ARGUMENT) {
        return status;
    }
    UM_TRY(um_inspect(settings->path, &options, &report, error));
    status = um_cli_inspect_tokenizer(&report, overrides.has_mask_token, &tokenizer, error);
    if (status == UM_OK) {
        status = settings->json ? print_json(&report, tokenizer, output, error)
                                : print_text(&report, tokenizer, output, error);
    }
    *problems = report.problem_count;
    um_tokenizer_free(tokenizer);
    um_inspect_free(&report);
    return status;
}

static int parse(const um_command *command, int argc, char **argv, inspect_settings *settings) {
    static const struct option long_options[] = {{"scan", no_argument, NULL, 's'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 UM_CLI_CONVENTION_OPTIONS,
                                                 {NULL, 0, NULL, 0}};
    um_model_choice choice = {0};
    int option = 0;
    int code = UM_EXIT_OK;
    while ((option = um_cli_next_option(command, argc, argv, ":sh", long_options)) != -1) {
        switch (option) {
            case 's':
                settings->scan = true;
                break;
            case 'j':
                settings->json = true;
                break;
            case 'h':
                return UM_PARSE_HELP;
            default:
                code = um_is_model_option(option)
                           ? um_set_model_option(command, &choice, option, optarg)
                           : UM_EXIT_USAGE; /* um_cli_next_option has printed why */
        }
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    if (argc - optind != 1) {
        return um_cli_usage(command, "one model directory or GGUF file is needed");
    }
    settings->path = argv[optind];
    settings->conventions = choice.options;
    return UM_EXIT_OK;
}

static int run(const um_command *command, int argc, char **argv) {
    inspect_settings settings = {0};
    const int code = parse(command, argc, argv, &settings);
    if (code != UM_EXIT_OK) {
        return code == UM_PARSE_HELP ? um_cli_help(command) : code;
    }
    um_error error = {0};
    um_buffer output = {0};
    size_t problems = 0;
    const um_status status = inspect(&settings, &output, &problems, &error);
    if (status == UM_OK) {
        (void)fwrite(um_buffer_text(&output), 1, output.length, stdout);
    }
    um_buffer_free(&output);
    if (status != UM_OK) {
        return um_cli_fail(&error);
    }
    return problems == 0 ? UM_EXIT_OK : UM_EXIT_FAILURE;
}

const um_command um_command_inspect = {
    .name = "inspect", .summary = "describe and check a model", .help = help, .run = run};
