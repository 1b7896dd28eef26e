#include "cli/request/decoding_options.h"

#include <string.h>

#define FIRST_VALUE 1000 /* above every character */

void um_decoding_option_dashed(const char *name, char *dashed, size_t size) {
    (void)snprintf(dashed, size, "%s", name);
    for (; *dashed; dashed++) {
        if (*dashed == '_') {
            *dashed = '-';
        }
    }
}

void um_long_options_fill(um_long_options *options, const struct option *own) {
    size_t count = 0;
    *options = (um_long_options){0};
    for (; own->name; own++) {
        options->entries[count++] = *own;
    }
    um_option_info info;
    for (size_t i = 0; um_option_at(i, &info) && count + 2 < UM_LONG_OPTIONS_MAXIMUM; i++) {
        const int value = FIRST_VALUE + (int)i;
        char *dashed = options->names[count];
        um_decoding_option_dashed(info.name, dashed, sizeof options->names[count]);
        options->entries[count++] = (struct option){dashed, required_argument, NULL, value};
        if (strcmp(dashed, info.name) != 0) {
            options->entries[count++] = (struct option){info.name, required_argument, NULL, value};
        }
    }
}

bool um_is_decoding_option(int value) {
    return value >= FIRST_VALUE;
}

const char *um_decoding_option_name(int value) {
    um_option_info info;
    return um_is_decoding_option(value) && um_option_at((size_t)(value - FIRST_VALUE), &info)
               ? info.name
               : NULL;
}

int um_set_decoding_option(const um_command *command, um_options *options, int value,
                           const char *text) {
    const char *name = um_decoding_option_name(value);
    um_error error = {0};
    if (!name || um_options_set(options, name, text, &error) != UM_OK) {
        return um_cli_usage(command, "%s", error.message);
    }
    return UM_EXIT_OK;
}

static bool is_among(const char *name, const char *const *names, size_t count) {
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0) {
        i++;
    }
    return i < count;
}

int um_cli_help_with_decoding_but(const um_command *command, const char *defaults,
                                  const char *const *without, size_t count) {
    static const char usual[] =
        "Without --algorithm and --steps, diffusion models use\n"
        "--algorithm threshold --confidence-threshold 0.95 --plain-confidence true "
        "--block-length 16\n--cache dual; the defaults below are those of an algorithm that you "
        "name.";
    (void)um_cli_help(command);
    (void)printf("\ndecoding options (docs/DECODING.md).  %s  An option that\nmeans nothing to the "
                 "algorithm is refused:\n",
                 defaults ? defaults : usual);
    um_option_info info;
    for (size_t i = 0; um_option_at(i, &info); i++) {
        char name[32];
        char option[64];
        if (is_among(info.name, without, count)) {
            continue;
        }
        um_decoding_option_dashed(info.name, name, sizeof name);
        (void)snprintf(option, sizeof option, "--%s %s", name, info.value);
        (void)printf("  %-26s %s\n", option, info.help);
    }
    const char *name = NULL;
    const char *summary = NULL;
    (void)fputs("\nalgorithms:\n", stdout);
    for (size_t i = 0; um_option_algorithm_at(i, &name, &summary); i++) {
        (void)printf("  %-26s %s\n", name, summary);
    }
    return UM_EXIT_OK;
}

int um_cli_help_with_decoding(const um_command *command) {
    return um_cli_help_with_decoding_but(command, NULL, NULL, 0);
}
