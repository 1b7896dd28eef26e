#define _GNU_SOURCE /* ppoll */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "unmask.h"

/* Within this time a second signal is the same Ctrl-C: nobody presses twice so fast. */
#define SAME_CTRL_C_SECONDS 0.5

/* Global, as a signal handler can reach nothing else. */
static volatile sig_atomic_t is_interrupted;
/* When the first Ctrl-C came (um_clock_seconds), 0 if none did; only the handler of SIGINT uses it.
 */
static volatile double first_ctrl_c;

/* Room for a message of the library, and two dashes. */
#define MESSAGE_SIZE (sizeof(um_error){0}.message + 2)

static bool is_option_name(const char *text, size_t length) {
    um_option_info info;
    for (size_t i = 0; um_option_at(i, &info); i++) {
        if (strlen(info.name) == length && strncmp(info.name, text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The library calls a decoding option that a message begins with by its member's name; write it as
 * it is typed. */
static void write_as_typed(const char *message, char text[MESSAGE_SIZE]) {
    const size_t length = strcspn(message, " :");
    const bool is_option = is_option_name(message, length);
    (void)snprintf(text, MESSAGE_SIZE, "%s%s", is_option ? "--" : "", message);
    for (size_t i = 0; is_option && i < length; i++) {
        text[2 + i] = message[i] == '_' ? '-' : message[i];
    }
}

int um_cli_fail(const um_error *error) {
    char text[MESSAGE_SIZE];
    const char *message = error->message[0] ? error->message : um_status_text(error->status);
    if (error->status == UM_ERR_ARGUMENT) { /* other messages may begin with a file's name */
        write_as_typed(message, text);
        message = text;
    }
    (void)fprintf(stderr, "unmask: %s\n", message);
    return error->status == UM_ERR_CANCELLED ? UM_EXIT_INTERRUPTED : UM_EXIT_FAILURE;
}

int um_cli_usage(const um_command *command, const char *format, ...) {
    char text[sizeof(um_error){0}.message];
    um_error message = {0}; /* keeps what the user typed on one line, without control characters */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)UM_RAISE(&message, UM_ERR_ARGUMENT, "%s", text);
    char typed[MESSAGE_SIZE];
    write_as_typed(message.message, typed);
    (void)fprintf(stderr, "unmask %s: %s; see `unmask %s --help`\n", command->name, typed,
                  command->name);
    return UM_EXIT_USAGE;
}

/* Report what getopt_long refused in a word that starts with two dashes. */
static void refuse_long_option(const um_command *command, int option, const char *word,
                               const struct option *names) {
    const int length = (int)strcspn(word, "=");
    const size_t name_length = (size_t)length - 2;
    while (names->name && strncmp(names->name, word + 2, name_length) != 0) {
        names++;
    }
    if (option == ':') {
        (void)um_cli_usage(command, "%s needs a value", word);
    } else if (optopt != 0) {
        (void)um_cli_usage(command, "%.*s takes no value", length, word);
    } else if (names->name) {
        (void)um_cli_usage(command, "%.*s is short for several options", length, word);
    } else {
        (void)um_cli_usage(command, "there is no option %.*s", length, word);
    }
}

int um_cli_next_option(const um_command *command, int argc, char **argv, const char *letters,
                       const struct option *names) {
    opterr = 0;
    const int before = optind;
    const int option = getopt_long(argc, argv, letters, names, NULL);
    if (option != '?' && option != ':') {
        return option;
    }
    /* Only the last letter of a word moves optind on, a long option always does. */
    const char *word = argv[optind - 1];
    if (optind > before && strncmp(word, "--", 2) == 0) {
        refuse_long_option(command, option, word, names);
    } else {
        (void)um_cli_usage(command, option == ':' ? "-%c needs a value" : "there is no option -%c",
                           optopt);
    }
    return '?';
}

int um_cli_help(const um_command *command) {
    (void)fputs(command->help, stdout);
    return UM_EXIT_OK;
}

/* Only a second Ctrl-C ends the program at once: a closed terminal and the end of a session send
 * several signals of other kinds.  And only one that somebody pressed: `timeout -s INT` and mpirun
 * send the first one twice, to the process and to its group. */
static void on_interrupt(int number) {
    bool is_second = false;
    if (number == SIGINT) {
        const int kept_errno = errno;
        const double now = um_clock_seconds(); /* a call that a handler may make */
        is_second = first_ctrl_c > 0 && now - first_ctrl_c > SAME_CTRL_C_SECONDS;
        first_ctrl_c = first_ctrl_c > 0 ? first_ctrl_c : now;
        errno = kept_errno;
    }
    is_interrupted = 1;
    if (is_second) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

void um_cli_catch_signal(int number) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

void um_cli_catch_interrupts(void) {
    um_cli_catch_signal(SIGINT);
    um_cli_catch_signal(SIGTERM);
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) { /* by nohup */
        um_cli_catch_signal(SIGHUP);
    }
}

bool um_cli_interrupted(void) {
    return is_interrupted != 0;
}

bool um_cli_wait_for_input(int descriptor, int milliseconds) {
    struct pollfd input = {.fd = descriptor, .events = POLLIN};
    const struct timespec most = {.tv_sec = milliseconds / 1000,
                                  .tv_nsec = milliseconds % 1000 * 1000000L};
    sigset_t caught;
    sigset_t before;
    (void)sigemptyset(&caught);
    (void)sigaddset(&caught, SIGINT);
    (void)sigaddset(&caught, SIGTERM);
    (void)sigaddset(&caught, SIGHUP);
    /* Held back, a signal cannot come between the look at the flag and the wait. */
    (void)pthread_sigmask(SIG_BLOCK, &caught, &before);
    const bool ready =
        !um_cli_interrupted() && ppoll(&input, 1, milliseconds < 0 ? NULL : &most, &before) > 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ready;
}

bool um_cli_parse_count(const um_command *command, const char *option, const char *text,
                        unsigned long long minimum, unsigned long long maximum,
                        unsigned long long *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    const bool number = *text >= '0' && *text <= '9' && !*end && errno == 0;
    if (!number || *value < minimum || *value > maximum) {
        (void)um_cli_usage(command, "%s: \"%s\" is not a whole number from %llu to %llu", option,
                           text, minimum, maximum);
        return false;
    }
    return true;
}

int um_cli_set_count(const um_command *command, const char *option, const char *text,
                     size_t maximum, size_t *target) {
    unsigned long long value = 0;
    if (!um_cli_parse_count(command, option, text, 1, maximum, &value)) {
        return UM_EXIT_USAGE;
    }
    *target = (size_t)value;
    return UM_EXIT_OK;
}
