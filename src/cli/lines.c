#include "cli/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static um_status read_lines(FILE *input, const char *path, um_line_visitor *visitor, void *user,
                            um_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    um_status status = UM_OK;
    for (size_t number = 1; status == UM_OK; number++) {
        const ssize_t length = getline(&line, &capacity, input);
        if (length < 0) {
            break;
        }
        status = visitor(user, line, (size_t)length, path, number, error);
    }
    if (status == UM_OK && !feof(input)) {
        status = um_error_set_errno(error, errno, "%s: cannot read", path);
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
