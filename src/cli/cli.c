#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t interrupt_count;

int um_cli_fail(const um_error *error) {
    (void)fprintf(stderr, "unmask: %s\n",
                  error->message[0] ? error->message : um_status_text(error->status));
    return error->status == UM_ERR_CANCELLED ? UM_EXIT_INTERRUPTED : UM_EXIT_FAILURE;
}

int um_cli_usage(const um_command *command, const char *format, ...) {
    va_list arguments;
    (void)fprintf(stderr, "unmask %s: ", command->name);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "; see `unmask %s --help`\n", command->name);
    return UM_EXIT_USAGE;
}

int um_cli_help(const um_command *command) {
    (void)fputs(command->help, stdout);
    return UM_EXIT_OK;
}

static void on_interrupt(int number) {
    if (interrupt_count++ > 0) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

void um_cli_catch_interrupts(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool um_cli_interrupted(void) {
    return interrupt_count > 0;
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

void um_cli_format_duration(double seconds, char *text, size_t text_size) {
    const long whole = (long)(seconds + 0.5);
    if (whole >= 3600) {
        (void)snprintf(text, text_size, "%ldh %02ldm", whole / 3600, whole / 60 % 60);
    } else if (whole >= 60) {
        (void)snprintf(text, text_size, "%ldm %02lds", whole / 60, whole % 60);
    } else {
        (void)snprintf(text, text_size, "%lds", whole);
    }
}
