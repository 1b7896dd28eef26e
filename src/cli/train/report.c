/* unmask report: what training runs did, as a page. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/training_report.h"
#include "base/atomic_file.h"
#include "cli/cli.h"
#include "cli/output_check.h"
#include "cli/quote.h"

static const char help[] =
    "usage: unmask report RUN... [options]\n"
    "\n"
    "Draw training runs over one another: curves, final numbers, recipes and samples\n"
    "on one self-contained HTML page, and a summary on standard output.  A RUN is the\n"
    "output directory of `unmask train` or a file of metrics (docs/METRICS.md),\n"
    "finished or not.\n"
    "\n"
    "  -o, --output FILE      where the page goes (default: report.html)\n"
    "      --json             print a summary as JSON; a page only with --output\n"
    "  -h, --help             this text\n"
    "\n"
    "A run that cannot be read is left out: the others are shown, and the exit status is 1.\n"
    "\n"
    "example:\n"
    "  unmask report run/first run/second --output comparison.html\n";

typedef struct report_options {
    const char *output;
    bool json;
    char **paths;
    size_t path_count;
} report_options;

typedef struct report_inputs {
    um_run_log logs[UM_REPORT_RUNS];
    um_report_run runs[UM_REPORT_RUNS];
    char *names[UM_REPORT_RUNS];
    size_t count;
    bool complete; /* every run could be read */
} report_inputs;

static int parse_options(const um_command *command, int argc, char **argv,
                         report_options *options) {
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":o:h", long_options)) != -1) {
        switch (option) {
            case 'o':
                options->output = optarg;
                break;
            case 'j':
                options->json = true;
                break;
            case 'h':
                return UM_PARSE_HELP;
            default:
                return UM_EXIT_USAGE;
        }
    }
    options->paths = argv + optind;
    options->path_count = (size_t)(argc - optind);
    if (options->path_count == 0) {
        return um_cli_usage(command, "at least one run is needed");
    }
    if (options->path_count > UM_REPORT_RUNS) {
        return um_cli_usage(command, "%zu runs, at most %d are shown", options->path_count,
                            UM_REPORT_RUNS);
    }
    if (!options->output && !options->json) {
        options->output = "report.html";
    }
    return UM_EXIT_OK;
}

/* The path without trailing slashes, made printable. */
static um_status name_run(const char *path, char **name, um_error *error) {
    um_buffer text = {0};
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    UM_TRY(um_cli_append_printable(&text, path, length, error));
    *name = text.data;
    return UM_OK;
}

static um_status add_run(report_inputs *inputs, const char *path, um_error *error) {
    um_run_log *log = &inputs->logs[inputs->count];
    um_status status = um_run_log_read(path, log, error);
    for (size_t i = 0; i < log->problem_count && i < UM_RUN_LOG_PROBLEMS && status == UM_OK; i++) {
        (void)fprintf(stderr, "unmask: warning: %s\n", log->problems[i]);
    }
    if (status == UM_OK) {
        status = name_run(path, &inputs->names[inputs->count], error);
    }
    if (status != UM_OK) {
        um_run_log_free(log);
        return status;
    }
    inputs->runs[inputs->count] = (um_report_run){.log = log, .name = inputs->names[inputs->count]};
    inputs->count++;
    return UM_OK;
}

static void read_runs(report_inputs *inputs, const report_options *options) {
    inputs->complete = true;
    for (size_t i = 0; i < options->path_count; i++) {
        um_error error = {0};
        if (add_run(inputs, options->paths[i], &error) != UM_OK) {
            (void)um_cli_fail(&error);
            inputs->complete = false;
        }
    }
}

static void free_runs(report_inputs *inputs) {
    for (size_t i = 0; i < inputs->count; i++) {
        um_run_log_free(&inputs->logs[i]);
        free(inputs->names[i]);
    }
    free(inputs);
}

static um_status write_page(const report_inputs *inputs, const char *path, um_error *error) {
    um_buffer page = {0};
    UM_TRY(um_cli_check_output_file(path, error));
    for (size_t i = 0; i < inputs->count; i++) {
        const char *const files[] = {inputs->logs[i].path};
        UM_TRY(um_cli_check_not_an_input(path, files, 1, error));
    }
    um_status status = um_report_page(inputs->runs, inputs->count, &page, error);
    if (status == UM_OK) {
        status = um_file_write(path, um_buffer_text(&page), page.length, error);
    }
    um_buffer_free(&page);
    return status;
}

static um_status print_summary(const report_inputs *inputs, bool json, um_error *error) {
    um_buffer text = {0};
    const um_status status = json ? um_report_json(inputs->runs, inputs->count, &text, error)
                                  : um_report_text(inputs->runs, inputs->count, &text, error);
    if (status == UM_OK) {
        (void)fputs(um_buffer_text(&text), stdout);
    }
    um_buffer_free(&text);
    return status;
}

static int report(const report_inputs *inputs, const report_options *options) {
    um_error error = {0};
    if (inputs->count == 0) {
        return UM_EXIT_FAILURE;
    }
    if (print_summary(inputs, options->json, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    if (options->output) {         /* last: a full disk must not lose the summary */
        um_cli_catch_interrupts(); /* a kill would leave a temporary file */
        if (write_page(inputs, options->output, &error) != UM_OK) {
            return um_cli_fail(&error);
        }
        (void)fprintf(stderr, "wrote %s\n", options->output);
    }
    return inputs->complete ? UM_EXIT_OK : UM_EXIT_FAILURE;
}

static int run(const um_command *command, int argc, char **argv) {
    report_options options = {0};
    const int code = parse_options(command, argc, argv, &options);
    if (code != UM_EXIT_OK) {
        return code == UM_PARSE_HELP ? um_cli_help(command) : code;
    }
    report_inputs *inputs = calloc(1, sizeof *inputs);
    if (!inputs) {
        um_error error = {0};
        (void)um_error_memory(&error, "report", sizeof *inputs);
        return um_cli_fail(&error);
    }
    read_runs(inputs, &options);
    const int result = report(inputs, &options);
    free_runs(inputs);
    return result;
}

const um_command um_command_report = {
    .name = "report", .summary = "draw the curves of training runs", .help = help, .run = run};
