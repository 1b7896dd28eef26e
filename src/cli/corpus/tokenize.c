/* unmask tokenize: from a text to the tokens of a model, and back. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "cli/cli.h"
#include "cli/quote.h"
#include "cli/request/model_path.h"
#include "tokenizer/tokenizer.h"

#define TEXT_MAXIMUM ((size_t)256 << 20)

static const char help[] =
    "usage: unmask tokenize [options] [TEXT | -]\n"
    "\n"
    "Show the tokens of a text, one a line with its id, and whether decoding them gives the text\n"
    "again.  Without TEXT, or with -, the text is read from standard input.\n"
    "\n" UM_CLI_MODEL_HELP "  -f, --file FILE        read the text from FILE\n"
    "  -s, --special          recognise special tokens that are written in the text\n"
    "  -i, --ids              print the ids only, on one line\n"
    "  -c, --count            print the number of tokens only\n"
    "  -d, --decode           the text is ids, separated by blanks or commas: print their text\n"
    "      --json             print one JSON object\n"
    "  -h, --help             this text\n"
    "\n"
    "examples:\n"
    "  unmask tokenize --model models/tiny 'def add(a, b):'\n"
    "  unmask tokenize --model models/tiny --ids -f prompt.py |\n"
    "    unmask tokenize --model models/tiny --decode\n";

typedef enum tokenize_form { FORM_TABLE, FORM_IDS, FORM_COUNT, FORM_TEXT, FORM_JSON } tokenize_form;

typedef struct tokenize_options {
    const char *directory;
    const char *file; /* "-" for standard input */
    const char *text; /* NULL: read `file` */
    bool special;
    bool decode;
    size_t form_count; /* options that choose one */
    tokenize_form form;
} tokenize_options;

typedef struct tokenization {
    const um_tokenizer *tokenizer;
    um_buffer text; /* what was given, or what the given ids stand for */
    um_token_list tokens;
    bool round_trip; /* encoding and decoding, in either order, gives the input again */
} tokenization;

/* ---- Output -------------------------------------------------------------- */

static um_status put_ids(const tokenization *work, um_buffer *output, um_error *error) {
    for (size_t i = 0; i < work->tokens.length; i++) {
        UM_TRY(um_buffer_append_format(output, error, i == 0 ? "%d" : " %d",
                                       (int)work->tokens.ids[i]));
    }
    return um_buffer_append_text(output, "\n", error);
}

static um_status put_table(const tokenization *work, um_buffer *output, um_error *error) {
    UM_TRY(um_buffer_append_format(output, error, "%8s  %8s  %s\n", "position", "id", "token"));
    for (size_t i = 0; i < work->tokens.length; i++) {
        const int32_t id = work->tokens.ids[i];
        const char *bytes = NULL;
        size_t length = 0;
        UM_TRY(um_buffer_append_format(output, error, "%8zu  %8d  ", i, (int)id));
        UM_TRY(um_tokenizer_token_bytes(work->tokenizer, id, &bytes, &length)
                   ? um_cli_append_quoted(output, bytes, length, error)
                   : um_buffer_append_text(output, "(unused id)", error));
        UM_TRY(um_buffer_append_text(
            output, um_tokenizer_is_special(work->tokenizer, id) ? "  special\n" : "\n", error));
    }
    return um_buffer_append_format(output, error, "%zu tokens, %zu bytes; round trip: %s\n",
                                   work->tokens.length, work->text.length,
                                   work->round_trip ? "exact"
                                                    : "the text differs (it was normalised, or "
                                                      "is not UTF-8)");
}

static um_status put_json_token(const tokenization *work, int32_t id, um_buffer *output,
                                um_error *error) {
    const char *bytes = "";
    size_t length = 0;
    (void)um_tokenizer_token_bytes(work->tokenizer, id, &bytes, &length);
    UM_TRY(um_buffer_append_format(output, error, "{\"id\": %d, \"text\": ", (int)id));
    UM_TRY(um_json_append_string(output, bytes, length, error));
    UM_TRY(um_buffer_append_text(output, ", \"bytes\": \"", error));
    for (size_t i = 0; i < length; i++) {
        UM_TRY(um_buffer_append_format(output, error, "%02x", (unsigned char)bytes[i]));
    }
    return um_buffer_append_format(output, error, "\", \"special\": %s}",
                                   um_tokenizer_is_special(work->tokenizer, id) ? "true" : "false");
}

static um_status put_json(const tokenization *work, um_buffer *output, um_error *error) {
    UM_TRY(um_buffer_append_text(output, "{\"text\": ", error));
    UM_TRY(um_json_append_string(output, um_buffer_text(&work->text), work->text.length, error));
    UM_TRY(um_buffer_append_format(output, error,
                                   ", \"count\": %zu, \"round_trip\": %s,\n"
                                   " \"tokens\": [",
                                   work->tokens.length, work->round_trip ? "true" : "false"));
    for (size_t i = 0; i < work->tokens.length; i++) {
        UM_TRY(um_buffer_append_text(output, i == 0 ? "\n  " : ",\n  ", error));
        UM_TRY(put_json_token(work, work->tokens.ids[i], output, error));
    }
    return um_buffer_append_text(output, "]}\n", error);
}

static um_status put(const tokenization *work, tokenize_form form, um_buffer *output,
                     um_error *error) {
    switch (form) {
        case FORM_IDS:
            return put_ids(work, output, error);
        case FORM_COUNT:
            return um_buffer_append_format(output, error, "%zu\n", work->tokens.length);
        case FORM_TEXT:
            return um_buffer_append(output, work->text.data, work->text.length, error);
        case FORM_JSON:
            return put_json(work, output, error);
        case FORM_TABLE:
            break;
    }
    return put_table(work, output, error);
}

/* ---- Input --------------------------------------------------------------- */

static bool is_separator(char character) {
    return character != '\0' && strchr(" \t\r\n,[]", character);
}

/* "1, 2 3" or "[1, 2, 3]" into ids. */
static um_status parse_ids(const um_buffer *text, const um_tokenizer *tokenizer, um_token_list *ids,
                           um_error *error) {
    const size_t vocabulary_size = um_tokenizer_vocabulary_size(tokenizer);
    const char *at = um_buffer_text(text);
    const char *end = at + text->length;
    while (at < end) {
        if (is_separator(*at)) {
            at++;
            continue;
        }
        char *after = NULL;
        errno = 0;
        const unsigned long id = strtoul(at, &after, 10);
        const bool number = *at >= '0' && *at <= '9' && errno == 0;
        if (!number || (after < end && !is_separator(*after))) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "--decode: \"%.20s\" is not a token id", at);
        }
        if (id >= vocabulary_size) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "--decode: id %lu is not below the vocabulary's size %zu", id,
                            vocabulary_size);
        }
        UM_TRY(um_token_list_append(ids, (int32_t)id, error));
        at = after;
    }
    return UM_OK;
}

static um_status read_text(const tokenize_options *options, um_buffer *text, um_error *error) {
    if (options->text) {
        return um_buffer_append_text(text, options->text, error);
    }
    return um_file_read(options->file, TEXT_MAXIMUM, text, error);
}

/* The input is ids: put their text in its place. */
static um_status decode(tokenization *work, um_error *error) {
    UM_TRY(parse_ids(&work->text, work->tokenizer, &work->tokens, error));
    um_buffer_clear(&work->text);
    UM_TRY(um_tokenizer_decode(work->tokenizer, work->tokens.ids, work->tokens.length, false,
                               &work->text, error));
    um_token_list again = {0};
    const um_status status = um_tokenizer_encode(work->tokenizer, um_buffer_text(&work->text),
                                                 work->text.length, true, &again, error);
    work->round_trip = again.length == work->tokens.length &&
                       (again.length == 0 ||
                        memcmp(again.ids, work->tokens.ids, again.length * sizeof *again.ids) == 0);
    um_token_list_free(&again);
    return status;
}

static um_status encode(tokenization *work, bool special, um_error *error) {
    UM_TRY(um_tokenizer_encode(work->tokenizer, um_buffer_text(&work->text), work->text.length,
                               special, &work->tokens, error));
    um_buffer again = {0};
    const um_status status = um_tokenizer_decode(work->tokenizer, work->tokens.ids,
                                                 work->tokens.length, false, &again, error);
    work->round_trip =
        again.length == work->text.length &&
        (again.length == 0 || memcmp(again.data, work->text.data, again.length) == 0);
    um_buffer_free(&again);
    return status;
}

static um_status tokenize(const tokenize_options *options, um_buffer *output, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    const char *directory = NULL;
    UM_TRY(um_cli_model_path(options->directory, &directory, error));
    UM_TRY(um_tokenizer_load(directory, &tokenizer, error));
    tokenization work = {.tokenizer = tokenizer};
    um_status status = read_text(options, &work.text, error);
    if (status == UM_OK) {
        status = options->decode ? decode(&work, error) : encode(&work, options->special, error);
    }
    if (status == UM_OK) {
        status = put(&work, options->form, output, error);
    }
    um_token_list_free(&work.tokens);
    um_buffer_free(&work.text);
    um_tokenizer_free(tokenizer);
    return status;
}

/* ---- Command line -------------------------------------------------------- */

static void set_form(tokenize_options *options, tokenize_form form) {
    options->form_count += options->form == form ? 0 : 1;
    options->form = form;
}

/* False for a wrong option, which um_cli_next_option has explained. */
static bool read_option(tokenize_options *options, int option) {
    switch (option) {
        case 'm':
            options->directory = optarg;
            break;
        case 'f':
            options->file = optarg;
            break;
        case 's':
            options->special = true;
            break;
        case 'i':
            set_form(options, FORM_IDS);
            break;
        case 'c':
            set_form(options, FORM_COUNT);
            break;
        case 'd':
            options->decode = true;
            break;
        case 'j':
            set_form(options, FORM_JSON);
            break;
        default:
            return false;
    }
    return true;
}

static int check_options(const um_command *command, tokenize_options *options, int argc,
                         char **argv) {
    if (argc - optind > 1) {
        return um_cli_usage(command, "one text is expected: put it in quotes");
    }
    if (options->decode && options->special) {
        return um_cli_usage(command, "--special is for text, not for --decode");
    }
    if (options->form_count > 1) {
        return um_cli_usage(command, "only one of --ids, --count and --json");
    }
    if (argc - optind == 1 && options->file) {
        return um_cli_usage(command, "either TEXT or --file, not both");
    }
    if (argc - optind == 1 && strcmp(argv[optind], "-") != 0) {
        options->text = argv[optind];
    }
    if (!options->file) {
        options->file = "-";
    }
    if (options->decode && options->form == FORM_TABLE) {
        options->form = FORM_TEXT;
    }
    return UM_EXIT_OK;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"model", required_argument, NULL, 'm'},
                                                 {"file", required_argument, NULL, 'f'},
                                                 {"special", no_argument, NULL, 's'},
                                                 {"ids", no_argument, NULL, 'i'},
                                                 {"count", no_argument, NULL, 'c'},
                                                 {"decode", no_argument, NULL, 'd'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    tokenize_options options = {0};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:f:sicdh", long_options)) != -1) {
        if (option == 'h') {
            return um_cli_help(command);
        }
        if (!read_option(&options, option)) {
            return UM_EXIT_USAGE;
        }
    }
    const int code = check_options(command, &options, argc, argv);
    if (code != UM_EXIT_OK) {
        return code;
    }
    um_error error = {0};
    um_buffer output = {0};
    const um_status status = tokenize(&options, &output, &error);
    if (status == UM_OK) {
        (void)fwrite(um_buffer_text(&output), 1, output.length, stdout);
    }
    um_buffer_free(&output);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_tokenize = {
    .name = "tokenize", .summary = "show the tokens of a text", .help = help, .run = run};
