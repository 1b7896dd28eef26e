/* The program: finds the command and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kernels/blas/blas.h"

static const um_command *const commands[] = {&um_command_generate,
                                             &um_command_fill,
                                             &um_command_serve,
                                             &um_command_replay,
                                             &um_command_analyze,
                                             &um_command_tokenize,
                                             &um_command_inspect,
                                             &um_command_convert,
                                             &um_command_bench,
                                             &um_command_train_tokenizer,
                                             &um_command_select_problems,
                                             &um_command_pack,
                                             &um_command_train,
                                             &um_command_report,
                                             &um_command_judge,
                                             &um_command_eval,
                                             &um_command_sweep};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static int print_help(FILE *stream) {
    (void)fputs("usage: unmask COMMAND [options]\n"
                "\n"
                "Run, train and measure masked diffusion language models for code.\n"
                "\n",
                stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(stream, "  %-15s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fputs(
        "\n"
        "`unmask COMMAND --help` explains a command; `unmask --version` tells the version.\n",
        stream);
    return stream == stdout ? UM_EXIT_OK : UM_EXIT_USAGE;
}

/* Output that a full disk kept from being written is a failure, whatever the command returned.  A
 * reader that has gone away, such as `head`, needs no message. */
static int finish(int code) {
    const bool flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout)) {
        return code;
    }
    if (errno == EPIPE) {
        return UM_EXIT_FAILURE;
    }
    um_error error = {0};
    (void)um_error_set_errno(&error, errno, "standard output");
    return um_cli_fail(&error);
}

/* OpenBLAS chooses its kernels while it is loaded, so a better choice takes another start.  Without
 * one all goes on, only more slowly. */
static void start_again_with_faster_blas(char **argv) {
    const char *core = um_blas_missed_core();
    if (core != NULL && setenv("OPENBLAS_CORETYPE", core, 0) == 0) {
        (void)execv("/proc/self/exe", argv);
    }
}

static int run(int argc, char **argv) {
    if (argc < 2) {
        return print_help(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return print_help(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("unmask %s\n", um_version());
        return UM_EXIT_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            if (commands[i]->needs_blas) {
                start_again_with_faster_blas(argv);
            }
            return commands[i]->run(commands[i], argc - 1, argv + 1);
        }
    }
    um_error error = {0};
    (void)UM_RAISE(&error, UM_ERR_ARGUMENT, "\"%.60s\" is not a command; see `unmask --help`",
                   argv[1]);
    (void)um_cli_fail(&error);
    return UM_EXIT_USAGE;
}

/* A file that took the number of a closed standard stream would receive what is printed there.  The
 * stand-in opened here fails as a closed stream does. */
static void occupy_standard_streams(void) {
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int i = 0; i < 3; i++) {
        if (fcntl(i, F_GETFD) < 0 && errno == EBADF) {
            (void)open("/dev/null", modes[i]); /* the lowest free number, which is i */
        }
    }
}

int main(int argc, char **argv) {
    occupy_standard_streams();
    (void)signal(SIGPIPE, SIG_IGN); /* writes to a closed pipe fail instead */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so do those beyond `ulimit -f`: nothing is left behind */
    (void)signal(SIGCHLD, SIG_DFL); /* a parent that ignores it would hide how children ended */
    return finish(run(argc, argv));
}
