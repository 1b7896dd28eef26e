/* unmask pack: documents as JSON Lines into a token shard. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "train/pack.h"

/* Seconds before the first line of progress, and between the lines where they stay. */
#define PATIENCE 2.0
#define LINE_INTERVAL 30.0

static const char help[] =
    "usage: unmask pack FILE.jsonl... --tokenizer DIR --output FILE.shard\n"
    "\n"
    "Tokenise documents for `unmask train`.  Each line is an object with \"completion\" and, "
    "where\n"
    "there is one, \"prompt\"; the tokenizer's end-of-text token is put behind.  Files are read "
    "in\n"
    "the order given; - is standard input.\n"
    "\n"
    "  -m, --tokenizer PATH   directory with tokenizer.json, or GGUF file (required)\n"
    "  -o, --output FILE      the shard to write (required)\n"
    "  -h, --help             this text\n"
    "\n"
    "example:\n"
    "  unmask pack train.jsonl --tokenizer models/tiny --output train.shard\n";

typedef struct pack_options {
    const char *directory;
    const char *output;
    char **inputs;
    size_t input_count;
} pack_options;

typedef struct progress {
    bool terminal;
    bool shown;
    double next; /* clock */
} progress;

static void print_progress(progress *state, const um_packer *packer) {
    const double now = um_clock_seconds();
    if (now < state->next) {
        return;
    }
    state->next = now + (state->terminal ? 0.5 : LINE_INTERVAL);
    state->shown = true;
    (void)fprintf(stderr, "%s%zu documents, %zu tokens ...%s", state->terminal ? "\r\033[K" : "",
                  um_packer_document_count(packer), um_packer_token_count(packer),
                  state->terminal ? "" : "\n");
}

static void end_progress(const progress *state) {
    if (state->terminal && state->shown) {
        (void)fputs("\r\033[K", stderr);
    }
}

/* What packing the lines of a file goes on with. */
typedef struct packing {
    um_packer *packer;
    progress progress;
} packing;

static um_status pack_line(void *user, const char *line, size_t length, const char *path,
                           size_t number, um_error *error) {
    packing *work = user;
    UM_TRY(um_packer_add_line(work->packer, line, length, path, number, error));
    print_progress(&work->progress, work->packer);
    return UM_OK;
}

static um_status pack_files(um_packer *packer, const pack_options *options, um_error *error) {
    packing work = {.packer = packer,
                    .progress = {.terminal = isatty(STDERR_FILENO) == 1,
                                 .next = um_clock_seconds() + PATIENCE}};
    um_status status = UM_OK;
    for (size_t i = 0; i < options->input_count && status == UM_OK; i++) {
        status = um_cli_each_line(options->inputs[i], pack_line, &work, error);
    }
    end_progress(&work.progress);
    UM_TRY(status);
    um_cli_catch_interrupts(); /* a kill would leave a temporary file */
    UM_TRY(um_packer_write(packer, options->output, error));
    (void)fprintf(stderr, "%zu documents, %zu tokens\n", um_packer_document_count(packer),
                  um_packer_token_count(packer));
    return UM_OK;
}

static um_status pack(const pack_options *options, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    um_packer *packer = NULL;
    UM_TRY(um_tokenizer_load(options->directory, &tokenizer, error));
    um_status status = um_packer_create(tokenizer, &packer, error);
    if (status != UM_OK) {
        (void)um_error_prefix(error, status, "%s", options->directory);
    } else {
        status = pack_files(packer, options, error);
    }
    um_packer_free(packer);
    um_tokenizer_free(tokenizer);
    return status;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"tokenizer", required_argument, NULL, 'm'},
                                                 {"output", required_argument, NULL, 'o'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    pack_options options = {0};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:o:h", long_options)) != -1) {
        switch (option) {
            case 'm':
                options.directory = optarg;
                break;
            case 'o':
                options.output = optarg;
                break;
            case 'h':
                return um_cli_help(command);
            default:
                return UM_EXIT_USAGE;
        }
    }
    options.inputs = argv + optind;
    options.input_count = (size_t)(argc - optind);
    if (options.input_count == 0 || !options.directory || !options.output) {
        return um_cli_usage(command, "an input file, --tokenizer and --output are needed");
    }
    um_error error = {0};
    return pack(&options, &error) == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_pack = {
    .name = "pack", .summary = "tokenise documents for training", .help = help, .run = run};
