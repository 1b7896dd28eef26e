/* Inputs that may keep a command waiting: pipes, terminals, standard input.  A signal of
 * um_cli_catch_interrupts ends the wait. */
#ifndef UM_CLI_LINES_H
#define UM_CLI_LINES_H

#include "base/buffer.h"
#include "base/status.h"

/* A line of `length` bytes, including its line feed, and its number from 1; `path` names the file
 * in messages. */
typedef um_status um_line_visitor(void *user, const char *line, size_t length, const char *path,
                                  size_t number, um_error *error);

/* Call the visitor for each line of `path` ("-": standard input) as soon as it is read.  Stops at
 * its first failure and returns it; UM_ERR_IO if the file cannot be read, UM_ERR_LIMIT for a line
 * of more than 256 MiB, UM_ERR_CANCELLED if a signal of um_cli_catch_interrupts has come when it
 * has to read more. */
um_status um_cli_each_line(const char *path, um_line_visitor *visitor, void *user, um_error *error);

/* Append the contents of `path` ("-": standard input) to `buffer`.  Errors as above; UM_ERR_LIMIT
 * if there are more than `maximum` bytes. */
um_status um_cli_read_file(const char *path, size_t maximum, um_buffer *buffer, um_error *error);

/* Whether the file at `path` is there and may be read.  "-", and an empty path, are left to whoever
 * reads them. */
um_status um_cli_check_input(const char *path, um_error *error);

/* UM_ERR_ARGUMENT if standard input would be read more than once. */
um_status um_cli_check_standard_input(size_t reads, um_error *error);

/* The same for inputs of which each is read once. */
um_status um_cli_check_read_once(const char *const *inputs, size_t count, um_error *error);

#endif
