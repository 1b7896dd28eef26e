/* The options by which commands say how programs are judged. */
#ifndef UM_CLI_JUDGE_JUDGE_OPTIONS_H
#define UM_CLI_JUDGE_JUDGE_OPTIONS_H

#include "cli/cli.h"
#include "judge/judge.h"
#include "statistics/pass_at_k.h"

typedef struct um_judge_choice {
    um_judge_options judge;
    um_pass_ks ks;
    bool has_ks; /* given with --k, not the default */
} um_judge_choice;

/* Values of the options, above those of a command's own. */
enum {
    UM_OPTION_K = 800,
    UM_OPTION_TIMEOUT,
    UM_OPTION_MEMORY,
    UM_OPTION_WORKERS,
    UM_OPTION_FRESH,
    UM_OPTION_SANDBOX
};

/* Entries for getopt_long. */
#define UM_CLI_JUDGE_OPTIONS                                                                       \
    {"k", required_argument, NULL, UM_OPTION_K},                                                   \
        {"timeout", required_argument, NULL, UM_OPTION_TIMEOUT},                                   \
        {"memory", required_argument, NULL, UM_OPTION_MEMORY},                                     \
        {"workers", required_argument, NULL, UM_OPTION_WORKERS},                                   \
        {"fresh", no_argument, NULL, UM_OPTION_FRESH}, {                                           \
        "sandbox", required_argument, NULL, UM_OPTION_SANDBOX                                      \
    }

/* Their lines for help texts. */
#define UM_CLI_JUDGE_HELP                                                                          \
    "      --k LIST           values of k for pass@k (default: 1,5,10,25,50,100, as far as\n"      \
    "                         there are enough samples)\n"                                         \
    "      --timeout S        seconds for one program with its tests (default: 5)\n"               \
    "      --memory MIB       address space of each process (default: 512)\n"                      \
    "      --workers N        programs at a time (default: one a processor)\n"                     \
    "      --fresh            start new interpreters for each program: slower, but\n"              \
    "                         programs share nothing\n"                                            \
    "      --sandbox LEVEL    full (default), namespaces, bubblewrap, seccomp, or\n"               \
    "                         none, which protects from accidents only;\n"                         \
    "                         docs/SANDBOX.md says what each keeps out\n"

/* The defaults. */
um_judge_choice um_judge_default_choice(void);

/* Whether the value that getopt_long returned is that of one of these options. */
bool um_is_judge_option(int value);

/* Set that option; UM_EXIT_OK or, after a message, UM_EXIT_USAGE. */
int um_set_judge_option(const um_command *command, um_judge_choice *choice, int value,
                        const char *text);

#endif
