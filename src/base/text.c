#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool um_text_ends_with(const char *text, const char *end) {
    const size_t length = strlen(text);
    const size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

size_t um_text_find(const char *text, size_t length, const char *wanted) {
    const size_t wanted_length = strlen(wanted);
    for (size_t at = 0; at + wanted_length <= length; at++) {
        const char *next = memchr(text + at, wanted[0], length - wanted_length - at + 1);
        if (!next) {
            return length;
        }
        at = (size_t)(next - text);
        if (memcmp(next, wanted, wanted_length) == 0) {
            return at;
        }
    }
    return length;
}

void um_text_of_duration(double seconds, char *text, size_t text_size) {
    const double whole = floor(fmin(seconds, 1e12) + 0.5);
    if (whole >= 3600) {
        (void)snprintf(text, text_size, "%.0fh %02.0fm", floor(whole / 3600),
                       floor(fmod(whole, 3600) / 60));
    } else if (whole >= 60) {
        (void)snprintf(text, text_size, "%.0fm %02.0fs", floor(whole / 60), fmod(whole, 60));
    } else {
        (void)snprintf(text, text_size, "%.0fs", whole);
    }
}

bool um_text_to_flag(const char *text, bool *flag) {
    const bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) {
        return false;
    }
    *flag = is_true;
    return true;
}

const char *um_text_next_item(const char **rest, size_t *length) {
    const char *item = *rest;
    *length = strcspn(item, ",");
    *rest = item[*length] == ',' ? item + *length + 1 : NULL;
    return item;
}

um_status um_path_stem(const char *path, const char *ending, char **name, um_error *error) {
    char *resolved = realpath(path, NULL);
    const char *whole = resolved ? resolved : path;
    const char *slash = strrchr(whole, '/');
    char *stem = strdup(slash && slash[1] != '\0' ? slash + 1 : whole);
    free(resolved);
    if (!stem) {
        return um_error_memory(error, "name of a file", strlen(path) + 1);
    }
    const size_t length = strlen(stem);
    if (length > strlen(ending) && um_text_ends_with(stem, ending)) {
        stem[length - strlen(ending)] = '\0';
    }
    *name = stem;
    return UM_OK;
}
