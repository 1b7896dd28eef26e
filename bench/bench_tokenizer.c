/* How fast a tokenizer loads and encodes, and its ids for comparison with other programs.
 *
 *   bench_tokenizer DIRECTORY FILE          times, as text
 *   bench_tokenizer --ids DIRECTORY FILE    the ids as native int32, on standard output
 *   bench_tokenizer --plain DIRECTORY FILE  the same, added tokens read as text
 *   bench_tokenizer --decode DIRECTORY FILE the text of those ids again
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mapped_file.h"
#include "tokenizer/tokenizer.h"

#define TEXT_MAXIMUM ((size_t)1 << 30)
#define REPETITIONS 5

static um_status write_output(const void *bytes, size_t length, um_error *error) {
    if (fwrite(bytes, 1, length, stdout) != length) {
        return UM_RAISE(error, UM_ERR_IO, "standard output: cannot write");
    }
    return UM_OK;
}

static um_status write_decoded(const um_tokenizer *tokenizer, const um_token_list *ids,
                               um_error *error) {
    um_buffer decoded = {0};
    um_status status =
        um_tokenizer_decode(tokenizer, ids->ids, ids->length, false, &decoded, error);
    if (status == UM_OK) {
        status = write_output(um_buffer_text(&decoded), decoded.length, error);
    }
    um_buffer_free(&decoded);
    return status;
}

static um_status write_result(const um_tokenizer *tokenizer, const um_buffer *text,
                              const char *mode, um_error *error) {
    um_token_list ids = {0};
    const bool parse_special = strcmp(mode, "--plain") != 0;
    um_status status = um_tokenizer_encode(tokenizer, um_buffer_text(text), text->length,
                                           parse_special, &ids, error);
    if (status == UM_OK) {
        status = strcmp(mode, "--decode") == 0
                     ? write_decoded(tokenizer, &ids, error)
                     : write_output(ids.ids, ids.length * sizeof *ids.ids, error);
    }
    um_token_list_free(&ids);
    return status;
}

/* The seconds of the fastest of several runs, each with its own encoder. */
static um_status time_encode(const um_tokenizer *tokenizer, const um_buffer *text, double *best,
                             size_t *count, um_error *error) {
    um_token_list ids = {0};
    um_status status = UM_OK;
    *best = 1e9;
    for (int i = 0; i < REPETITIONS && status == UM_OK; i++) {
        um_token_list_clear(&ids);
        const double start = um_clock_seconds();
        status =
            um_tokenizer_encode(tokenizer, um_buffer_text(text), text->length, true, &ids, error);
        const double seconds = um_clock_seconds() - start;
        *best = seconds < *best ? seconds : *best;
    }
    *count = ids.length;
    um_token_list_free(&ids);
    return status;
}

static um_status run(const char *mode, const char *directory, const char *file, um_buffer *text,
                     um_tokenizer **tokenizer, um_error *error) {
    UM_TRY(um_file_read(file, TEXT_MAXIMUM, text, error));
    const double start = um_clock_seconds();
    UM_TRY(um_tokenizer_load(directory, tokenizer, error));
    const double load = um_clock_seconds() - start;
    if (mode) {
        return write_result(*tokenizer, text, mode, error);
    }
    double encode = 0;
    size_t count = 0;
    UM_TRY(time_encode(*tokenizer, text, &encode, &count, error));
    printf("load %.3f s, encode %.3f s: %zu bytes, %zu tokens, %.1f MB/s\n", load, encode,
           text->length, count, (double)text->length / encode * 1e-6);
    return UM_OK;
}

int main(int argc, char **argv) {
    const bool mode =
        argc == 4 && (strcmp(argv[1], "--ids") == 0 || strcmp(argv[1], "--plain") == 0 ||
                      strcmp(argv[1], "--decode") == 0);
    if (argc != 3 && !mode) {
        (void)fprintf(stderr, "usage: %s [--ids | --plain | --decode] DIRECTORY FILE\n", argv[0]);
        return 2;
    }
    um_error error = {0};
    um_buffer text = {0};
    um_tokenizer *tokenizer = NULL;
    const um_status status =
        run(mode ? argv[1] : NULL, argv[argc - 2], argv[argc - 1], &text, &tokenizer, &error);
    if (status != UM_OK) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], error.message);
    }
    um_tokenizer_free(tokenizer);
    um_buffer_free(&text);
    return status == UM_OK ? 0 : 1;
}
