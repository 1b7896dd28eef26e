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

typedef struct input {
    int descriptor;
    bool waits; /* for somebody, as with a pipe or a terminal */
    const char *path;
} input;

typedef struct line_reading {
    input from;
    um_line_visitor *visitor;
    void *user;
    um_buffer line;
    size_t number; /* of the line in `line`, from 1 */
} line_reading;

/* ---- Inputs ----------------------------------------------------------------- */

static bool may_wait(int descriptor) {
    struct stat state;
    return fstat(descriptor, &state) != 0 || !S_ISREG(state.st_mode);
}

/* Opened without waiting for somebody who writes to a named pipe: read_piece waits for that. */
static um_status open_input(const char *path, input *from, um_error *error) {
    *from = (input){.descriptor = STDIN_FILENO, .path = "standard input"};
    if (strcmp(path, "-") != 0) {
        if (!*path) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "the path to read from is empty");
        }
        from->path = path;
        from->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (from->descriptor < 0) {
            return um_error_set_errno(error, errno, "%s", path);
        }
        const int flags = fcntl(from->descriptor, F_GETFL);
        (void)fcntl(from->descriptor, F_SETFL, flags & ~O_NONBLOCK);
    }
    from->waits = may_wait(from->descriptor);
    return UM_OK;
}

static void close_input(const input *from) {
    if (from->descriptor != STDIN_FILENO) {
        (void)close(from->descriptor);
    }
}

/* *length is 0 at the end of the file. */
static um_status read_piece(const input *from, char piece[PIECE_SIZE], size_t *length,
                            um_error *error) {
    ssize_t count = -1;
    do {
        const bool stopped =
            from->waits ? !um_cli_wait_for_input(from->descriptor, -1) : um_cli_interrupted();
        if (stopped) {
            return UM_RAISE(error, UM_ERR_CANCELLED, "%s: interrupted", from->path);
        }
        count = read(from->descriptor, piece, PIECE_SIZE);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    *length = count > 0 ? (size_t)count : 0;
    return count < 0 ? um_error_set_errno(error, errno, "%s: cannot read", from->path) : UM_OK;
}

/* ---- Lines ------------------------------------------------------------------ */

static um_status visit(line_reading *reading, um_error *error) {
    const um_status status =
        reading->visitor(reading->user, um_buffer_text(&reading->line), reading->line.length,
                         reading->from.path, reading->number, error);
    um_buffer_clear(&reading->line);
    reading->number++;
    return status;
}

static um_status add_to_line(line_reading *reading, const char *bytes, size_t length,
                             um_error *error) {
    if (length > LINE_MAXIMUM - reading->line.length) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s, line %zu: more than %zu MiB; is it JSON Lines?",
                        reading->from.path, reading->number, LINE_MAXIMUM >> 20);
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

static um_status read_all(line_reading *reading, char piece[PIECE_SIZE], um_error *error) {
    size_t length = 0;
    do {
        UM_TRY(read_piece(&reading->from, piece, &length, error));
        UM_TRY(split(reading, piece, length, error));
    } while (length > 0);
    return reading->line.length > 0 ? visit(reading, error) : UM_OK;
}

um_status um_cli_check_input(const char *path, um_error *error) {
    const bool is_file = *path && strcmp(path, "-") != 0;
    return !is_file || access(path, R_OK) == 0 ? UM_OK
                                               : um_error_set_errno(error, errno, "%s", path);
}

um_status um_cli_check_standard_input(size_t reads, um_error *error) {
    return reads > 1 ? UM_RAISE(error, UM_ERR_ARGUMENT, "-: standard input can be read only once")
                     : UM_OK;
}

um_status um_cli_check_read_once(const char *const *inputs, size_t count, um_error *error) {
    size_t reads = 0;
    for (size_t i = 0; i < count; i++) {
        reads += strcmp(inputs[i], "-") == 0 ? 1 : 0;
    }
    return um_cli_check_standard_input(reads, error);
}

um_status um_cli_each_line(const char *path, um_line_visitor *visitor, void *user,
                           um_error *error) {
    line_reading reading = {.visitor = visitor, .user = user, .number = 1};
    char piece[PIECE_SIZE];
    UM_TRY(open_input(path, &reading.from, error));
    const um_status status = read_all(&reading, piece, error);
    um_buffer_free(&reading.line);
    close_input(&reading.from);
    return status;
}

/* ---- Whole files ------------------------------------------------------------ */

static um_status read_whole(const input *from, size_t maximum, um_buffer *buffer, um_error *error) {
    char piece[PIECE_SIZE];
    size_t total = 0;
    size_t length = 0;
    do {
        UM_TRY(read_piece(from, piece, &length, error));
        total += length;
        if (total > maximum) {
            return UM_RAISE(error, UM_ERR_LIMIT, "%s: larger than %zu bytes", from->path, maximum);
        }
        UM_TRY(um_buffer_append(buffer, piece, length, error));
    } while (length > 0);
    return UM_OK;
}

um_status um_cli_read_file(const char *path, size_t maximum, um_buffer *buffer, um_error *error) {
    input from;
    UM_TRY(open_input(path, &from, error));
    const um_status status = read_whole(&from, maximum, buffer, error);
    close_input(&from);
    return status;
}
