#include "cli/bench/bench_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

#define NOT_STARTED 127 /* as in a shell */

/* Never returns.  Calls only what is allowed between fork and exec. */
static void become(char *const *arguments, int output, int errors) {
    const int input = open("/dev/null", O_RDONLY);
    if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0) {
        (void)signal(SIGPIPE, SIG_DFL); /* this program ignores them */
        (void)signal(SIGXFSZ, SIG_DFL);
        (void)setpgid(0, 0); /* wait_or_end reaches what the command starts, too */
        (void)execvp(arguments[0], arguments);
    }
    _exit(NOT_STARTED);
}

/* The last line of what a failed command printed, for a message. */
static void last_line(FILE *file, char *text, size_t size) {
    char line[256];
    text[0] = '\0';
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t\r")] != '\0') {
            (void)snprintf(text, size, "%s", line);
        }
    }
}

static um_status failure(int state, const char *name, FILE *errors, um_error *error) {
    if (um_cli_interrupted() || (WIFSIGNALED(state) && WTERMSIG(state) == SIGINT)) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "interrupted");
    }
    char line[256];
    last_line(errors, line, sizeof line);
    const char *separator = line[0] != '\0' ? ": " : "";
    if (WIFSIGNALED(state)) {
        return UM_RAISE(error, UM_ERR_IO, "%.200s: ended by signal %d%s%.200s", name,
                        WTERMSIG(state), separator, line);
    }
    return UM_RAISE(error, UM_ERR_IO,
                    "%.200s: failed with exit status %d%s%.200s; run it by itself", name,
                    WEXITSTATUS(state), separator, line);
}

static um_status read_output(FILE *file, um_buffer *output, um_error *error) {
    char bytes[4096];
    size_t length = 0;
    rewind(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0) {
        UM_TRY(um_buffer_append(output, bytes, length, error));
    }
    return UM_OK;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

/* Wait until the child ends or this program is told to end, and end it then.  A kernel without
 * pidfd (Linux before 5.3) waits for its end. */
static void wait_or_end(pid_t child) {
    const int handle = (int)syscall(SYS_pidfd_open, child, 0);
    if (handle < 0) {
        return;
    }
    if (!um_cli_wait_for_input(handle, -1) && um_cli_interrupted()) {
        (void)kill(-child, SIGTERM);
    }
    (void)close(handle);
}

static um_status run(char *const *arguments, const char *name, FILE *output, FILE *errors,
                     um_process_usage *usage, um_error *error) {
    const double start = um_clock_seconds();
    const pid_t child = fork();
    if (child < 0) {
        return um_error_set_errno(error, errno, "%.200s: cannot start it", name);
    }
    if (child == 0) {
        become(arguments, fileno(output), fileno(errors));
    }
    (void)setpgid(child, child); /* whichever of the two comes first */
    int state = 0;
    struct rusage used = {0};
    wait_or_end(child);
    while (wait4(child, &state, 0, &used) < 0) {
        if (errno != EINTR) {
            return um_error_set_errno(error, errno, "%.200s: cannot wait for it", name);
        }
    }
    *usage = (um_process_usage){.wall = um_clock_seconds() - start,
                                .cpu = seconds_of(used.ru_utime) + seconds_of(used.ru_stime),
                                .memory = (double)used.ru_maxrss * 1024};
    const bool succeeded = WIFEXITED(state) && WEXITSTATUS(state) == 0 && !um_cli_interrupted();
    return succeeded ? UM_OK : failure(state, name, errors, error);
}

um_status um_process_measure(char *const *arguments, const char *name, um_buffer *output,
                             um_process_usage *usage, um_error *error) {
    FILE *out = tmpfile();
    FILE *errors = out ? tmpfile() : NULL;
    um_status status = UM_OK;
    if (!errors) {
        status = um_error_set_errno(error, errno, "a temporary file");
    } else {
        status = run(arguments, name, out, errors, usage, error);
    }
    if (status == UM_OK && output) {
        status = read_output(out, output, error);
    }
    if (out) {
        (void)fclose(out);
    }
    if (errors) {
        (void)fclose(errors);
    }
    return status;
}
