/* What the commands of the program share. */
#ifndef UM_CLI_CLI_H
#define UM_CLI_CLI_H

#include <getopt.h>
#include <stdio.h>

#include "base/status.h"

/* Exit codes. */
#define UM_EXIT_OK 0
#define UM_EXIT_FAILURE 1
#define UM_EXIT_USAGE 2
#define UM_EXIT_INTERRUPTED 130

/* What a function that reads options returns besides an exit code. */
typedef enum um_parse_result {
    UM_PARSE_HELP = -1,    /* --help was given */
    UM_PARSE_NOT_MINE = -2 /* the option is none of those that the function sets */
} um_parse_result;

typedef struct um_command {
    const char *name;
    const char *summary; /* one line for `unmask --help` */
    const char *help;    /* the whole text of `unmask NAME --help` */
    /* argv[0] is the command's name.  Returns an exit code. */
    int (*run)(const struct um_command *command, int argc, char **argv);
    bool needs_blas;
} um_command;

extern const um_command um_command_convert;
extern const um_command um_command_analyze;
extern const um_command um_command_bench;
extern const um_command um_command_eval;
extern const um_command um_command_fill;
extern const um_command um_command_generate;
extern const um_command um_command_inspect;
extern const um_command um_command_replay;
extern const um_command um_command_select_problems;
extern const um_command um_command_report;
extern const um_command um_command_serve;
extern const um_command um_command_sweep;
extern const um_command um_command_tokenize;
extern const um_command um_command_train;
extern const um_command um_command_train_tokenizer;
extern const um_command um_command_pack;
extern const um_command um_command_judge;

/* Print "unmask: <message>" and return the exit code of the error's status. */
int um_cli_fail(const um_error *error);

/* getopt_long with the program's own error messages: for every mistake a message is printed and '?'
 * returned.  `letters` starts with ':'. */
int um_cli_next_option(const um_command *command, int argc, char **argv, const char *letters,
                       const struct option *names);

/* Print "unmask NAME: <message>" and where to find help; returns UM_EXIT_USAGE. */
int um_cli_usage(const um_command *command, const char *format, ...) UM_PRINTF_LIKE(2, 3);

/* Print the command's help to standard output; returns UM_EXIT_OK. */
int um_cli_help(const um_command *command);

/* From now on the first Ctrl-C, SIGTERM or (unless ignored) SIGHUP only sets a flag, so that work
 * ends cleanly; a second Ctrl-C, half a second later or more, ends the program at once. */
void um_cli_catch_interrupts(void);
bool um_cli_interrupted(void);

/* Wait until the descriptor has something to read, or has ended; at most `milliseconds`, or for
 * ever with -1.  False if it has not, or as soon as one of those signals has come, however short
 * before. */
bool um_cli_wait_for_input(int descriptor, int milliseconds);

/* Catch one more signal in the same way. */
void um_cli_catch_signal(int number);

/* Parse an option's text as a whole number from `minimum` to `maximum`; otherwise print a message
 * and return false. */
bool um_cli_parse_count(const um_command *command, const char *option, const char *text,
                        unsigned long long minimum, unsigned long long maximum,
                        unsigned long long *value);

/* The same, from 1 to `maximum`, into *target; UM_EXIT_OK or, after a message, UM_EXIT_USAGE. */
int um_cli_set_count(const um_command *command, const char *option, const char *text,
                     size_t maximum, size_t *target);

#endif
