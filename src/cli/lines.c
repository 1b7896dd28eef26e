#include "cli/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

/* Whether a read may wait for somebody, as that of a pipe or a terminal does. */
static bool may_wait(FILE *input) {
    struct stat state;
    return fstat(fileno(input), &state) != 0 || !S_ISREG(state.st_mode);
}

/* Ctrl-C ends the wait for a line, but not what the visitor does with one. */
static ssize_t wait_for_line(FILE *input, char **line, size_t *capacity) {
    um_cli_let_interrupts_end_reads(true);
    errno = EINTR;
    const ssize_t length = um_cli_interrupted() ? -1 : getline(line, capacity, input);
    const int reason = errno;
    um_cli_let_interrupts_end_reads(false);
    errno = reason;
    return length;
}

static um_status read_lines(FILE *input, const char *path, um_line_visitor *visitor, void *user,
                            um_error *error) {
    const bool waits = may_wait(input);
    char *line = NULL;
    size_t capacity = 0;
    um_status status = UM_OK;
    for (size_t number = 1; status == UM_OK; number++) {
        const ssize_t length =
            waits ? wait_for_line(input, &line, &capacity) : getline(&line, &capacity, input);
        if (length < 0) {
            break;
        }
        status = visitor(user, line, (size_t)length, path, number, error);
    }
    if (status == UM_OK && !feof(input)) {
        status = errno == EINTR ? UM_RAISE(error, UM_ERR_CANCELLED, "%s: interrupted", path)
                                : um_error_set_errno(error, errno, "%s: cannot read", path);
    }
    free(line);
    return status;
}

um_status um_cli_check_standard_input(size_t reads, um_error *error) {
    return reads > 1 ? UM_RAISE(error, UM_ERR_ARGUMENT, "-: standard input can be read only once")
                     : UM_OK;
}

um_status um_cli_each_line(const char *path, um_line_visitor *visitor, void *user,
                           um_error *error) {
    if (strcmp(path, "-") == 0) {
        return read_lines(stdin, "standard input", visitor, user, error);
    }
    if (!*path) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "the path to read from is empty");
    }
    FILE *input = fopen(path, "r");
    if (!input) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const um_status status = read_lines(input, path, visitor, user, error);
    (void)fclose(input);
    return status;
}
