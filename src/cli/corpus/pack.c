/* unmask pack: from documents in JSON Lines to a token shard. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/terminal/terminal.h"
#include "train/corpus/pack.h"

/* Seconds before the first line of progress, and between lines if they stay (no terminal). */
#define PATIENCE 2.0
#define LINE_INTERVAL 30.0

/* The default of --shard-tokens, the tokens of a shard: up to 1 GiB of memory. */
#define DEFAULT_SHARD_TOKENS ((size_t)1 << 28)
#define COUNT_MAXIMUM ((size_t)1 << 40)
#define REPEAT_MAXIMUM 1000000

static const char help[] =
    "usage: unmask pack FILE.jsonl[*N]... --tokenizer DIR --output FILE.shard\n"
    "\n"
    "Tokenise documents for `unmask train`.  Each line is an object of one of three forms:\n"
    "\n"
    "  {\"prompt\": TEXT, \"completion\": TEXT}                   completion; the prompt may be "
    "missing\n"
    "  {\"prompt\": TEXT, \"completion\": TEXT, \"suffix\": TEXT}   infilling\n"
    "  {\"messages\": [{\"role\": ..., \"content\": TEXT}, ...]}   chat; the last message is the "
    "answer\n"
    "\n"
    "Each answer is closed by the tokenizer's end-of-text token, or in a chat by its\n"
    "end-of-turn token.  Files are read in the order given, FILE*3 three times; - is\n"
    "standard input.\n"
    "\n"
    "  -m, --tokenizer PATH     directory with tokenizer.json, or GGUF file (required)\n"
    "  -o, --output FILE        the shard to write (required)\n"
    "      --infilling FORM     canvas: the hole between prompt and suffix, for diffusion\n"
    "                           (default); fim: prefix, suffix and middle with their tokens, for\n"
    "                           left-to-right models; none: leave infilling documents out\n"
    "      --shard-tokens N     begin another shard after N tokens, and write an index of the\n"
    "                           shards to FILE, which `unmask train` reads like one (default:\n"
    "                           268435456); memory holds one shard\n"
    "      --context-length N   count the documents that have more than N tokens\n"
    "  -h, --help               this text\n"
    "\n"
    "examples:\n"
    "  unmask pack train.jsonl --tokenizer models/tiny --output train.shard\n"
    "  unmask pack code.jsonl 'tasks.jsonl*3' -m models/tiny --infilling fim -o causal.shard\n";

typedef struct command_options {
    const char *directory;
    um_pack_options pack;
    char **inputs;
    size_t input_count;
} command_options;

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
    const um_pack_counts counts = um_packer_counts(packer);
    state->next = now + (state->terminal ? 0.5 : LINE_INTERVAL);
    state->shown = true;
    (void)fprintf(stderr, "%s%zu documents, %zu tokens ...%s", state->terminal ? "\r\033[K" : "",
                  counts.documents, counts.tokens, state->terminal ? "" : "\n");
}

static void end_progress(const progress *state) {
    if (state->terminal && state->shown) {
        (void)fputs("\r\033[K", stderr);
    }
}

/* The state while the lines of a file are packed. */
typedef struct packing {
    um_packer *packer;
    progress progress;
} packing;

static um_status pack_line(void *user, const char *line, size_t length, const char *path,
                           size_t number, um_error *error) {
    packing *work = user;
    if (um_cli_interrupted()) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "stopped; nothing was written");
    }
    UM_TRY(um_packer_add_line(work->packer, line, length, path, number, error));
    print_progress(&work->progress, work->packer);
    return UM_OK;
}

/* ---- Inputs ------------------------------------------------------------------- */

/* Split "FILE*N", unless a file has exactly that name; `name` becomes FILE. */
static um_status split_repeats(char *name, size_t *repeats, um_error *error) {
    char *star = strrchr(name, '*');
    *repeats = 1;
    if (!star || star[1] < '0' || star[1] > '9' || access(name, F_OK) == 0) {
        return UM_OK;
    }
    char *end = NULL;
    const unsigned long long number = strtoull(star + 1, &end, 10);
    if (*end) {
        return UM_OK;
    }
    if (number == 0 || number > REPEAT_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: a file is read 1 to %d times", name,
                        REPEAT_MAXIMUM);
    }
    *star = '\0';
    *repeats = (size_t)number;
    return UM_OK;
}

/* Checked before hours of packing, not after them. */
static um_status check_paths(const command_options *options, um_error *error) {
    um_status status = um_cli_check_output_file(options->pack.output, error);
    size_t reads_of_standard_input = 0;
    for (size_t i = 0; i < options->input_count && status == UM_OK; i++) {
        size_t repeats = 0;
        char *name = strdup(options->inputs[i]);
        if (!name) {
            return um_error_memory(error, "path", strlen(options->inputs[i]));
        }
        status = split_repeats(name, &repeats, error);
        if (status == UM_OK) {
            reads_of_standard_input += strcmp(name, "-") == 0 ? repeats : 0;
            status = um_cli_check_input(name, error);
        }
        if (status == UM_OK) {
            const char *const inputs[] = {name};
            status = um_cli_check_not_an_input(options->pack.output, inputs, 1, error);
        }
        free(name);
    }
    UM_TRY(status);
    return um_cli_check_standard_input(reads_of_standard_input, error);
}

static um_status pack_input(packing *work, const char *input, um_error *error) {
    char *name = strdup(input);
    if (!name) {
        return um_error_memory(error, input, strlen(input));
    }
    size_t repeats = 0;
    um_status status = split_repeats(name, &repeats, error);
    for (size_t i = 0; i < repeats && status == UM_OK; i++) {
        status = um_cli_each_line(name, pack_line, work, error);
    }
    free(name);
    return status;
}

static void print_counts(const um_pack_options *options, const um_pack_counts *counts) {
    (void)fprintf(stderr, "%zu documents, %zu tokens, %zu in the longest\n", counts->documents,
                  counts->tokens, counts->longest);
    if (counts->infillings + counts->chats > 0) {
        (void)fprintf(stderr, "of these %zu infilling, %zu chat\n", counts->infillings,
                      counts->chats);
    }
    if (counts->left_out > 0) {
        (void)fprintf(stderr, "left out %zu infilling documents\n", counts->left_out);
    }
    if (options->context_length > 0) {
        (void)fprintf(stderr, "%zu documents have more than %zu tokens\n", counts->too_long,
                      options->context_length);
    }
    if (counts->shards > 0) {
        (void)fprintf(stderr, "%s: index of %zu shards beside it\n", options->output,
                      counts->shards);
    }
}

static um_status pack_files(um_packer *packer, const command_options *options, um_error *error) {
    packing work = {.packer = packer,
                    .progress = {.terminal = um_terminal_probe(STDERR_FILENO).is_live,
                                 .next = um_clock_seconds() + PATIENCE}};
    um_status status = UM_OK;
    for (size_t i = 0; i < options->input_count && status == UM_OK; i++) {
        status = pack_input(&work, options->inputs[i], error);
    }
    end_progress(&work.progress);
    UM_TRY(status);
    UM_TRY(um_packer_commit(packer, error));
    const um_pack_counts counts = um_packer_counts(packer);
    print_counts(&options->pack, &counts);
    return UM_OK;
}

/* ---- The command ---------------------------------------------------------------- */

static um_status pack(const command_options *options, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    um_packer *packer = NULL;
    UM_TRY(check_paths(options, error));
    UM_TRY(um_tokenizer_load(options->directory, &tokenizer, error));
    um_status status = um_packer_create(tokenizer, &options->pack, &packer, error);
    if (status != UM_OK) {
        (void)um_error_prefix(error, status, "%s", options->directory);
    } else {
        um_cli_catch_interrupts(); /* a kill would leave a temporary file */
        status = pack_files(packer, options, error);
    }
    um_packer_free(packer);
    um_tokenizer_free(tokenizer);
    return status;
}

static bool parse_infilling(const um_command *command, const char *text, um_infilling *infilling) {
    static const char *const names[] = {
        [UM_INFILLING_CANVAS] = "canvas", [UM_INFILLING_FIM] = "fim", [UM_INFILLING_NONE] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *infilling = (um_infilling)i;
            return true;
        }
    }
    (void)um_cli_usage(command, "--infilling: \"%s\" is unknown, expected canvas, fim or none",
                       text);
    return false;
}

/* UM_EXIT_OK or, after a message, UM_EXIT_USAGE. */
static int read_option(const um_command *command, int option, command_options *options) {
    switch (option) {
        case 'm':
            options->directory = optarg;
            return UM_EXIT_OK;
        case 'o':
            options->pack.output = optarg;
            return UM_EXIT_OK;
        case 'i':
            return parse_infilling(command, optarg, &options->pack.infilling) ? UM_EXIT_OK
                                                                              : UM_EXIT_USAGE;
        case 's':
            return um_cli_set_count(command, "--shard-tokens", optarg, COUNT_MAXIMUM,
                                    &options->pack.shard_tokens);
        case 'c':
            return um_cli_set_count(command, "--context-length", optarg, COUNT_MAXIMUM,
                                    &options->pack.context_length);
        default:
            return UM_EXIT_USAGE;
    }
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"tokenizer", required_argument, NULL, 'm'},
                                                 {"output", required_argument, NULL, 'o'},
                                                 {"infilling", required_argument, NULL, 'i'},
                                                 {"shard-tokens", required_argument, NULL, 's'},
                                                 {"context-length", required_argument, NULL, 'c'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    command_options options = {.pack.shard_tokens = DEFAULT_SHARD_TOKENS};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:o:h", long_options)) != -1) {
        if (option == 'h') {
            return um_cli_help(command);
        }
        if (read_option(command, option, &options) != UM_EXIT_OK) {
            return UM_EXIT_USAGE;
        }
    }
    options.inputs = argv + optind;
    options.input_count = (size_t)(argc - optind);
    if (options.input_count == 0 || !options.directory || !options.pack.output) {
        return um_cli_usage(command, "an input file, --tokenizer and --output are needed");
    }
    um_error error = {0};
    return pack(&options, &error) == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_pack = {
    .name = "pack", .summary = "tokenise documents for training", .help = help, .run = run};
