/* unmask inspect: what a model directory holds, and whether it can be used. */
#include <getopt.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/inspect_tokenizer.h"

static const char help[] =
    "usage: unmask inspect MODEL [options]\n"
    "\n"
    "Describe a model directory or GGUF file (architecture, tensors, memory, tokenizer) and check\n"
    "that its parts fit together.  A broken one is described as far as it can be understood.\n"
    "\n"
    "  -s, --scan             read all weights and look for NaN and infinity\n"
    "      --json             print one JSON object\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 without problems, 1 with problems\n";

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

static um_status inspect(const char *directory, bool scan, bool json, um_buffer *output,
                         size_t *problems, um_error *error) {
    const um_inspect_options options = {.scan_values = scan};
    um_inspect_report report;
    UM_TRY(um_inspect(directory, &options, &report, error));
    um_tokenizer *tokenizer = NULL;
    um_status status = um_cli_inspect_tokenizer(&report, &tokenizer, error);
    if (status == UM_OK) {
        status = json ? print_json(&report, tokenizer, output, error)
                      : print_text(&report, tokenizer, output, error);
    }
    *problems = report.problem_count;
    um_tokenizer_free(tokenizer);
    um_inspect_free(&report);
    return status;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"scan", no_argument, NULL, 's'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    bool scan = false;
    bool json = false;
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":sh", long_options)) != -1) {
        switch (option) {
            case 's':
                scan = true;
                break;
            case 'j':
                json = true;
                break;
            case 'h':
                return um_cli_help(command);
            default:
                return UM_EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        return um_cli_usage(command, "one model directory or GGUF file is needed");
    }
    um_error error = {0};
    um_buffer output = {0};
    size_t problems = 0;
    const um_status status = inspect(argv[optind], scan, json, &output, &problems, &error);
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
