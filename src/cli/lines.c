#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/cli.h"

/* Bytes asked for at a time. */
#define PIECE_SIZE 65536

/* Far above any line of JSON Lines; a file without line feeds would otherwise fill the memory. */
#define LINE_MAXIMUM ((size_t)256 << 20)

typedef struct line_reading {
    int descriptor;
    bool waits; /* for somebody, as with a pipe or a terminal */
    const char *path;
    um_line_visitor *visitor;
    void *user;
    um_buffer line;
    size_t number; /* of the line in `line`, from 1 */
} line_reading;

static bool may_wait(int descriptor) {
    struct stat state;
    return fstat(descriptor, &state) != 0 || !S_ISREG(state.st_mode);
}

static um_status visit(line_reading *reading, um_error *error) {
    const um_status status =
        reading->visitor(reading->user, um_buffer_text(&reading->line), reading->line.length,
                         reading->path, reading->number, error);
    um_buffer_clear(&reading->line);
    reading->number++;
    return status;
}

static um_status add_to_line(line_reading *reading, const char *bytes, size_t length,
                             um_error *error) {
    if (length > LINE_MAXIMUM - reading->line.length) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s, line %zu: more than %zu MiB; is it JSON Lines?",
                        reading->path, reading->number, LINE_MAXIMUM >> 20);
    }
    return um_buffer_append(&reading->line, bytes, length, error);
}

static um_status split(line_reading *reading, const char *piece, size_t length, um_error *error) {
    while (length > 0) {
        const char *feed = memchr(piece, '\n', length);
        const size_t part = feed ? (size_t)(feed - piece) + 1 : length;
        UM_TRY(add_to_line(reading, piece, part, error));
        if (feed) {
            UM_TRY(visit(reading, error));
        }
        piece += part;
        length -= part;
    }
    return UM_OK;
}

/* *length is 0 at the end of the file. */
static um_status read_piece(const line_reading *reading, char piece[PIECE_SIZE], size_t *length,
                            um_error *error) {
    ssize_t count = -1;
    do {
        const bool stopped =
            reading->waits ? !um_cli_wait_for_input(reading->descriptor, -1) : um_cli_interrupted();
        if (stopped) {
            return UM_RAISE(error, UM_ERR_CANCELLED, "%s: interrupted", reading->path);
        }
        count = read(reading->descriptor, piece, PIECE_SIZE);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    *length = count > 0 ? (size_t)count : 0;
    return count < 0 ? um_error_set_errno(error, errno, "%s: cannot read", reading->path) : UM_OK;
}

static um_status read_all(line_reading *reading, char piece[PIECE_SIZE], um_error *error) {
    size_t length = 0;
    do {
        UM_TRY(read_piece(reading, piece, &length, error));
        UM_TRY(split(reading, piece, length, error));
    } while (length > 0);
    return reading->line.length > 0 ? visit(reading, error) : UM_OK;
}

static um_status read_lines(int descriptor, const char *path, um_line_visitor *visitor, void *user,
                            um_error *error) {
    line_reading reading = {.descriptor = descriptor,
                            .waits = may_wait(descriptor),
                            .path = path,
                            .visitor = visitor,
                            .user = user,
                            .number = 1};
    char piece[PIECE_SIZE];
    const um_status status = read_all(&reading, piece, error);
    um_buffer_free(&reading.line);
    return status;
}

um_status um_cli_check_standard_input(size_t reads, um_error *error) {
    return reads > 1 ? UM_RAISE(error, UM_ERR_ARGUMENT, "-: standard input can be read only once")
                     : UM_OK;
}

um_status um_cli_each_line(const char *path, um_line_visitor *visitor, void *user,
                           um_error *error) {
    if (strcmp(path, "-") == 0) {
        return read_lines(STDIN_FILENO, "standard input", visitor, user, error);
    }
    if (!*path) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "the path to read from is empty");
    }
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const um_status status = read_lines(descriptor, path, visitor, user, error);
    (void)close(descriptor);
    return status;
}
