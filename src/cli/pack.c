/* unmask pack: documents as JSON Lines into a token shard. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "tokenizer/tokenizer.h"
#include "train/shard.h"

static const char help[] =
    "usage: unmask pack FILE.jsonl --tokenizer DIR --output FILE.shard\n"
    "\n"
    "Tokenise documents for `unmask train`.  Each line is an object with \"prompt\" (may be left\n"
    "out) and \"completion\"; the end-of-text token of the tokenizer is put behind it.  FILE may "
    "be\n"
    "- for standard input.\n"
    "\n"
    "  -m, --tokenizer DIR    directory with tokenizer.json (required)\n"
    "  -o, --output FILE      the shard to write (required)\n"
    "  -h, --help             this text\n";

typedef struct packer {
    um_encoder *encoder;
    um_shard_writer *writer;
    um_token_list tokens;
    int32_t end;
} packer;

static um_status pack_document(packer *state, const json_t *document, const char *where,
                               um_error *error) {
    const char *prompt = "";
    const char *completion = NULL;
    UM_TRY(um_json_optional_string(document, where, "prompt", &prompt, error));
    UM_TRY(um_json_require_string(document, where, "completion", &completion, error));
    um_token_list_clear(&state->tokens);
    UM_TRY(um_encoder_encode(state->encoder, prompt, strlen(prompt), false, &state->tokens, error));
    const size_t prompt_length = state->tokens.length;
    UM_TRY(um_encoder_encode(state->encoder, completion, strlen(completion), false, &state->tokens,
                             error));
    UM_TRY(um_token_list_append(&state->tokens, state->end, error));
    return um_shard_writer_add(state->writer, state->tokens.ids, state->tokens.length,
                               prompt_length, error);
}

static um_status pack_lines(packer *state, FILE *input, const char *path, um_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    um_status status = UM_OK;
    for (size_t number = 1; status == UM_OK; number++) {
        const ssize_t length = getline(&line, &capacity, input);
        if (length < 0) {
            break;
        }
        char where[1100];
        (void)snprintf(where, sizeof where, "%.1000s: line %zu", path, number);
        json_t *document = NULL;
        status = um_json_load_bytes(line, (size_t)length, where, &document, error);
        if (status == UM_OK) {
            status = pack_document(state, document, where, error);
        }
        json_decref(document);
    }
    free(line);
    if (status == UM_OK && ferror(input)) {
        status = um_error_set_errno(error, errno, "%s", path);
    }
    return status;
}

static um_status pack_file(packer *state, const char *path, um_error *error) {
    FILE *input = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!input) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const um_status status = pack_lines(state, input, path, error);
    if (input != stdin) {
        (void)fclose(input);
    }
    return status;
}

static um_status pack(const char *path, const char *directory, const char *output,
                      const um_tokenizer *tokenizer, um_error *error) {
    packer state = {.end = um_tokenizer_eos(tokenizer)};
    if (state.end < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: tokenizer_config.json names no \"eos_token\" that the vocabulary has",
                        directory);
    }
    um_status status = um_encoder_create(tokenizer, &state.encoder, error);
    if (status == UM_OK) {
        status =
            um_shard_writer_create(um_tokenizer_vocabulary_size(tokenizer), &state.writer, error);
    }
    if (status == UM_OK) {
        status = pack_file(&state, path, error);
    }
    if (status == UM_OK) {
        status = um_shard_writer_commit(state.writer, output, error);
    }
    if (status == UM_OK) {
        (void)fprintf(stderr, "%zu documents, %zu tokens\n",
                      um_shard_writer_document_count(state.writer),
                      um_shard_writer_token_count(state.writer));
    }
    um_shard_writer_free(state.writer);
    um_encoder_free(state.encoder);
    um_token_list_free(&state.tokens);
    return status;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"tokenizer", required_argument, NULL, 'm'},
                                                 {"output", required_argument, NULL, 'o'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    const char *directory = NULL;
    const char *output = NULL;
    int option = 0;
    while ((option = getopt_long(argc, argv, "m:o:h", long_options, NULL)) != -1) {
        switch (option) {
            case 'm':
                directory = optarg;
                break;
            case 'o':
                output = optarg;
                break;
            case 'h':
                return um_cli_help(command);
            default:
                return UM_EXIT_USAGE;
        }
    }
    if (argc - optind != 1 || !directory || !output) {
        return um_cli_usage(command, "one input file, --tokenizer and --output are needed");
    }
    um_error error = {0};
    um_tokenizer *tokenizer = NULL;
    um_status status = um_tokenizer_load(directory, &tokenizer, &error);
    if (status == UM_OK) {
        status = pack(argv[optind], directory, output, tokenizer, &error);
    }
    um_tokenizer_free(tokenizer);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_pack = {
    .name = "pack", .summary = "tokenise documents for training", .help = help, .run = run};
