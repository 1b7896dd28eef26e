#include "cli/judge/judge_options.h"

#include <errno.h>
#include <stdlib.h>

um_judge_choice um_judge_default_choice(void) {
    return (um_judge_choice){.judge = um_judge_default_options(),
                             .ks = {.values = {1, 5, 10, 25, 50, 100}, .count = 6}};
}

static bool has_k(const um_pass_ks *ks, size_t k) {
    for (size_t i = 0; i < ks->count; i++) {
        if (ks->values[i] == k) {
            return true;
        }
    }
    return false;
}

static bool parse_ks(const um_command *command, const char *text, um_pass_ks *ks) {
    ks->count = 0;
    for (const char *next = text;; next++) {
        char *end = NULL;
        const unsigned long value = strtoul(next, &end, 10);
        if (end == next || *next < '0' || *next > '9' || value == 0 || value > 1000000 ||
            (*end != ',' && *end) || ks->count == UM_PASS_KS) {
            (void)um_cli_usage(command, "--k: \"%s\" is not a list such as 1,10 of at most %d",
                               text, UM_PASS_KS);
            return false;
        }
        if (!has_k(ks, value)) {
            ks->values[ks->count++] = value;
        }
        if (!*end) {
            return true;
        }
        next = end;
    }
}

static bool parse_seconds(const um_command *command, const char *text, double *seconds) {
    char *end = NULL;
    errno = 0;
    const double value = strtod(text, &end);
    if (end == text || *end || errno != 0 || !(value > 0 && value <= 86400)) {
        (void)um_cli_usage(command, "--timeout: \"%s\" is not a number of seconds up to 86400",
                           text);
        return false;
    }
    *seconds = value;
    return true;
}

static int set_memory(const um_command *command, const char *text, um_judge_options *options) {
    unsigned long long mib = 0;
    if (!um_cli_parse_count(command, "--memory", text, 64, 1ULL << 24, &mib)) {
        return UM_EXIT_USAGE;
    }
    options->memory_mib = (size_t)mib;
    return UM_EXIT_OK;
}

static int set_level(const um_command *command, const char *text, um_judge_options *options) {
    if (um_sandbox_level_from_name(text, &options->level)) {
        return UM_EXIT_OK;
    }
    return um_cli_usage(
        command, "--sandbox: \"%s\" is not full, namespaces, bubblewrap, seccomp or none", text);
}

bool um_is_judge_option(int value) {
    return value >= UM_OPTION_K && value <= UM_OPTION_SANDBOX;
}

int um_set_judge_option(const um_command *command, um_judge_choice *choice, int value,
                        const char *text) {
    um_judge_options *options = &choice->judge;
    switch (value) {
        case UM_OPTION_K:
            choice->has_ks = true;
            return parse_ks(command, text, &choice->ks) ? UM_EXIT_OK : UM_EXIT_USAGE;
        case UM_OPTION_TIMEOUT:
            return parse_seconds(command, text, &options->timeout_seconds) ? UM_EXIT_OK
                                                                           : UM_EXIT_USAGE;
        case UM_OPTION_MEMORY:
            return set_memory(command, text, options);
        case UM_OPTION_WORKERS:
            return um_cli_set_count(command, "--workers", text, 1024, &options->workers);
        case UM_OPTION_SANDBOX:
            return set_level(command, text, options);
        default:
            options->fresh = true;
            return UM_EXIT_OK;
    }
}
