/* unmask train-tokenizer: learn a byte-level BPE vocabulary from text. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/directory.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/terminal/progress_bar.h"
#include "model/save.h"
#include "tokenizer/trainer.h"
#include "tokenizer/vocabulary.h"

#define DEFAULT_SIZE ((size_t)1024)
#define MAXIMUM_SPECIAL 256

static const char help[] =
    "usage: unmask train-tokenizer FILE... --output DIR [options]\n"
    "\n"
    "Learn a byte-level BPE tokenizer like those of the Qwen family and write\n"
    "tokenizer.json and tokenizer_config.json, which other software reads too.  From\n"
    "JSON Lines (files ending in .jsonl, and standard input, -) it reads the texts of\n"
    "\"prompt\", \"completion\", \"suffix\" and of \"messages\"; any other file is one text.\n"
    "\n"
    "  -o, --output DIR           directory to write to, made where it is missing (required)\n"
    "  -n, --vocabulary-size N    tokens in all, special ones among them (default: 1024)\n"
    "  -s, --special TOKEN        one more special token, last; may be repeated.  Every tokenizer\n"
    "                             has <|endoftext|>, <|im_start|>, <|im_end|>, <|fim_prefix|>,\n"
    "                             <|fim_middle|>, <|fim_suffix|>, <|mask|> and <|dlm_pad|>\n"
    "      --min-frequency N      make no token of pairs that are seen less often (default: 1)\n"
    "      --format FORMAT        read all files as jsonl or as text\n"
    "      --invalid-utf8 POLICY  refuse (default): stop with an error that gives the\n"
    "                             place; replace: turn each invalid part into U+FFFD,\n"
    "                             as the tokenizer does\n"
    "  -t, --threads N            threads (default: one a processor); results do not depend on it\n"
    "  -h, --help                 this text\n"
    "\n"
    "example:\n"
    "  unmask train-tokenizer documents.jsonl notes.txt --output base --vocabulary-size 4096\n";

typedef enum input_format { FORMAT_BY_NAME, FORMAT_LINES, FORMAT_TEXT } input_format;

typedef struct tokenizer_options {
    um_tokenizer_training training;
    const char *special[MAXIMUM_SPECIAL];
    const char *output;
    input_format format;
    char **inputs;
    size_t input_count;
} tokenizer_options;

/* The state while the inputs are read. */
typedef struct reading {
    um_tokenizer_trainer *trainer;
    um_watch watch;
    size_t done; /* bytes of all files */
    size_t total;
} reading;

/* ---- Reading ---------------------------------------------------------------- */

/* The bytes of all files; 0 if one of them is not a regular file, so that its size is not known. */
static size_t total_size(const tokenizer_options *options) {
    size_t total = 0;
    for (size_t i = 0; i < options->input_count; i++) {
        struct stat facts;
        if (stat(options->inputs[i], &facts) != 0 || !S_ISREG(facts.st_mode)) {
            return 0;
        }
        total += (size_t)facts.st_size;
    }
    return total;
}

static um_status read_line(void *user, const char *line, size_t length, const char *path,
                           size_t number, um_error *error) {
    reading *work = user;
    UM_TRY(um_tokenizer_trainer_add_line(work->trainer, line, length, path, number, error));
    work->done += length;
    return um_watch_tell(&work->watch, work->done, work->total, error);
}

static bool watch_text(void *user, size_t done, size_t total) {
    const reading *work = user;
    (void)total;
    return work->watch.progress(work->watch.user, work->done + done, work->total);
}

static um_status read_text(reading *work, const char *path, um_error *error) {
    um_buffer contents = {0};
    const char *where = strcmp(path, "-") == 0 ? "standard input" : path;
    const um_watch watch = {watch_text, work};
    um_status status = um_cli_read_file(path, SIZE_MAX / 2, &contents, error);
    if (status == UM_OK) {
        status = um_tokenizer_trainer_add_text(work->trainer, um_buffer_text(&contents),
                                               contents.length, where, &watch, error);
    }
    work->done += contents.length;
    um_buffer_free(&contents);
    return status == UM_OK ? um_watch_tell(&work->watch, work->done, work->total, error) : status;
}

static bool is_lines(const tokenizer_options *options, const char *path) {
    return options->format == FORMAT_LINES ||
           (options->format == FORMAT_BY_NAME &&
            (strcmp(path, "-") == 0 || um_text_ends_with(path, ".jsonl")));
}

static um_status read_inputs(um_tokenizer_trainer *trainer, const tokenizer_options *options,
                             um_error *error) {
    um_progress_bar bar = um_progress_bar_start("reading");
    reading work = {
        .trainer = trainer, .watch = {um_progress_bar_watch, &bar}, .total = total_size(options)};
    um_status status = UM_OK;
    for (size_t i = 0; i < options->input_count && status == UM_OK; i++) {
        const char *path = options->inputs[i];
        status = is_lines(options, path) ? um_cli_each_line(path, read_line, &work, error)
                                         : read_text(&work, path, error);
    }
    um_progress_bar_end(&bar);
    return status;
}

/* ---- The command -------------------------------------------------------------- */

static um_status learn(um_tokenizer_trainer *trainer, um_error *error) {
    um_progress_bar bar = um_progress_bar_start("learning");
    bar.unit = "tokens";
    const um_watch watch = {um_progress_bar_watch, &bar};
    const um_status status = um_tokenizer_trainer_learn(trainer, &watch, error);
    um_progress_bar_end(&bar);
    return status;
}

static um_status check_paths(const tokenizer_options *options, um_error *error) {
    UM_TRY(
        um_cli_check_read_once((const char *const *)options->inputs, options->input_count, error));
    UM_TRY(um_directory_check(options->output, error));
    if (um_model_directory_has_weights(options->output)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: holds a model, whose tokenizer this would replace; choose another "
                        "directory",
                        options->output);
    }
    for (size_t i = 0; i < options->input_count; i++) {
        UM_TRY(um_cli_check_input(options->inputs[i], error));
    }
    return UM_OK;
}

static um_status train(um_tokenizer_trainer *trainer, const tokenizer_options *options,
                       um_error *error) {
    const double start = um_clock_seconds();
    UM_TRY(check_paths(options, error));
    UM_TRY(read_inputs(trainer, options, error));
    UM_TRY(learn(trainer, error));
    UM_TRY(um_tokenizer_trainer_write(trainer, options->output, error));
    const um_tokenizer_training_counts counts = um_tokenizer_trainer_counts(trainer);
    (void)fprintf(stderr, "%zu tokens from %.1f MB of text, %zu different pieces, %.1f s\n",
                  counts.vocabulary_size, (double)counts.bytes / 1e6, counts.pieces,
                  um_clock_seconds() - start);
    if (counts.vocabulary_size < options->training.vocabulary_size) {
        (void)fprintf(stderr,
                      "note: fewer than the %zu tokens asked for: the text has no more pairs that "
                      "are seen %llu times\n",
                      options->training.vocabulary_size,
                      (unsigned long long)(options->training.minimum_count > 1
                                               ? options->training.minimum_count
                                               : 1));
    }
    return UM_OK;
}

static int run_training(const tokenizer_options *options) {
    um_error error = {0};
    um_tokenizer_trainer *trainer = NULL;
    um_status status = um_tokenizer_trainer_create(&options->training, &trainer, &error);
    if (status == UM_OK) {
        um_cli_catch_interrupts();
        status = train(trainer, options, &error);
    }
    um_tokenizer_trainer_free(trainer);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

/* ---- Options -------------------------------------------------------------------- */

static int set_format(const um_command *command, const char *text, tokenizer_options *options) {
    if (strcmp(text, "jsonl") != 0 && strcmp(text, "text") != 0) {
        return um_cli_usage(command, "--format: \"%.40s\" is neither jsonl nor text", text);
    }
    options->format = strcmp(text, "jsonl") == 0 ? FORMAT_LINES : FORMAT_TEXT;
    return UM_EXIT_OK;
}

static int set_policy(const um_command *command, const char *text, tokenizer_options *options) {
    if (strcmp(text, "refuse") != 0 && strcmp(text, "replace") != 0) {
        return um_cli_usage(command, "--invalid-utf8: \"%.40s\" is neither refuse nor replace",
                            text);
    }
    options->training.replace_ill_formed = strcmp(text, "replace") == 0;
    return UM_EXIT_OK;
}

static int add_special(const um_command *command, const char *text, tokenizer_options *options) {
    if (options->training.special_count == MAXIMUM_SPECIAL) {
        return um_cli_usage(command, "--special: at most %d tokens", MAXIMUM_SPECIAL);
    }
    options->special[options->training.special_count++] = text;
    return UM_EXIT_OK;
}

static int set_frequency(const um_command *command, const char *text, tokenizer_options *options) {
    unsigned long long value = 0;
    if (!um_cli_parse_count(command, "--min-frequency", text, 0, INT64_MAX, &value)) {
        return UM_EXIT_USAGE;
    }
    options->training.minimum_count = value;
    return UM_EXIT_OK;
}

static int set_option(const um_command *command, int option, tokenizer_options *options) {
    um_tokenizer_training *training = &options->training;
    switch (option) {
        case 'o':
            options->output = optarg;
            return UM_EXIT_OK;
        case 'n':
            return um_cli_set_count(command, "--vocabulary-size", optarg,
                                    UM_VOCABULARY_MAXIMUM_SIZE, &training->vocabulary_size);
        case 's':
            return add_special(command, optarg, options);
        case 'F':
            return set_frequency(command, optarg, options);
        case 'f':
            return set_format(command, optarg, options);
        case 'u':
            return set_policy(command, optarg, options);
        case 't':
            return um_cli_set_count(command, "--threads", optarg, 1024, &training->threads);
        default:
            return UM_EXIT_USAGE;
    }
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
                                                 {"vocabulary-size", required_argument, NULL, 'n'},
                                                 {"special", required_argument, NULL, 's'},
                                                 {"min-frequency", required_argument, NULL, 'F'},
                                                 {"format", required_argument, NULL, 'f'},
                                                 {"invalid-utf8", required_argument, NULL, 'u'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    tokenizer_options options = {.training = {.vocabulary_size = DEFAULT_SIZE}};
    options.training.special_tokens = options.special;
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":o:n:s:t:h", long_options)) != -1) {
        if (option == 'h') {
            return um_cli_help(command);
        }
        const int code = set_option(command, option, &options);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    options.inputs = argv + optind;
    options.input_count = (size_t)(argc - optind);
    if (options.input_count == 0 || !options.output || !*options.output) {
        return um_cli_usage(command, "an input file and --output DIR are needed");
    }
    return run_training(&options);
}

const um_command um_command_train_tokenizer = {
    .name = "train-tokenizer", .summary = "learn a tokenizer from text", .help = help, .run = run};
