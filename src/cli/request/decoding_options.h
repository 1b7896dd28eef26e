/* The decoding options (um_option_at) as options of a command line: "top_p" is --top-p, and also
 * --top_p. */
#ifndef UM_CLI_REQUEST_DECODING_OPTIONS_H
#define UM_CLI_REQUEST_DECODING_OPTIONS_H

#include <getopt.h>

#include "cli/cli.h"

#define UM_LONG_OPTIONS_MAXIMUM 96

/* What getopt_long takes and returns: a command's own options, then those of decoding. */
typedef struct um_long_options {
    struct option entries[UM_LONG_OPTIONS_MAXIMUM];
    char names[UM_LONG_OPTIONS_MAXIMUM][32];
} um_long_options;

/* `own` ends with an entry of zeros and is copied; its values are below 1000.  The result must not
 * be moved. */
void um_long_options_fill(um_long_options *options, const struct option *own);

/* Whether the value that getopt_long returned stands for an option of decoding. */
bool um_is_decoding_option(int value);

/* Its name, as um_options_set takes it; NULL if the value is not that of a decoding option. */
const char *um_decoding_option_name(int value);

/* Write an option's name as on a command line, "top_p" as "top-p". */
void um_decoding_option_dashed(const char *name, char *dashed, size_t size);

/* Set that option; on failure the error has been printed, and the exit code is returned. */
int um_set_decoding_option(const um_command *command, um_options *options, int value,
                           const char *text);

/* Print the command's help, what holds without decoding options, and a line for each of these but
 * those named in without[count] and for each algorithm; returns UM_EXIT_OK.  `defaults` is that
 * sentence, or NULL for what most commands do. */
int um_cli_help_with_decoding_but(const um_command *command, const char *defaults,
                                  const char *const *without, size_t count);

/* The same with all options, for a command that does what most do. */
int um_cli_help_with_decoding(const um_command *command);

#endif
