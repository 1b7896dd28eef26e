#include "tokenizer/pattern.h"

#include <string.h>

/* Letters that Unicode 15, 15.1 and 16 added. */
#define NEW_LETTERS                                                                                \
    "\\x{1c89}-\\x{1c8a}\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}\\x{105c0}-\\x{105f3}"               \
    "\\x{10d4a}-\\x{10d65}\\x{10d6f}-\\x{10d85}\\x{10ec2}-\\x{10ec4}\\x{1123f}-\\x{11240}"         \
    "\\x{11380}-\\x{11389}\\x{1138b}\\x{1138e}\\x{11390}-\\x{113b5}\\x{113b7}\\x{113d1}\\x{113d3}" \
    "\\x{11bc0}-\\x{11be0}\\x{11f02}\\x{11f04}-\\x{11f10}\\x{11f12}-\\x{11f33}\\x{1342f}"          \
    "\\x{13441}-\\x{13446}\\x{13460}-\\x{143fa}\\x{16100}-\\x{1611d}\\x{16d40}-\\x{16d6c}\\x{"     \
    "18cff}"                                                                                       \
    "\\x{1b132}\\x{1b155}\\x{1df25}-\\x{1df2a}\\x{1e030}-\\x{1e06d}\\x{1e4d0}-\\x{1e4eb}"          \
    "\\x{1e5d0}-\\x{1e5ed}\\x{1e5f0}\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"

/* Numbers that these versions added. */
#define NEW_NUMBERS                                                                                \
    "\\x{10d40}-\\x{10d49}\\x{116d0}-\\x{116e3}\\x{11bf0}-\\x{11bf9}\\x{11f50}-\\x{11f59}"         \
    "\\x{16130}-\\x{16139}\\x{16d70}-\\x{16d79}\\x{1ccf0}-\\x{1ccf9}\\x{1d2c0}-\\x{1d2d3}"         \
    "\\x{1e4f0}-\\x{1e4f9}\\x{1e5f1}-\\x{1e5fa}"

#define SPACES "\\t-\\r\\x{85}\\p{Z}"

/* The replacements of an escape outside and inside a [class] (NULL: the escape stays as it is). */
typedef struct replacement {
    const char *escape;
    const char *outside;
    const char *inside;
} replacement;

static const replacement replacements[] = {
    {"\\p{L}", "[\\p{L}" NEW_LETTERS "]", "\\p{L}" NEW_LETTERS},
    {"\\p{N}", "[\\p{N}" NEW_NUMBERS "]", "\\p{N}" NEW_NUMBERS},
    {"\\s", "[" SPACES "]", SPACES},
    {"\\S", "[^" SPACES "]", NULL},
};

static const replacement *replacement_at(const char *pattern, size_t length) {
    for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++) {
        const size_t escape_length = strlen(replacements[i].escape);
        if (escape_length <= length &&
            memcmp(pattern, replacements[i].escape, escape_length) == 0) {
            return &replacements[i];
        }
    }
    return NULL;
}

/* Copy or replace the escape at the start of `pattern`; *used is its length. */
static um_status translate_escape(const char *pattern, size_t length, bool in_class, um_buffer *out,
                                  size_t *used, um_error *error) {
    const replacement *found = replacement_at(pattern, length);
    const char *text = found ? (in_class ? found->inside : found->outside) : NULL;
    if (text) {
        *used = strlen(found->escape);
        return um_buffer_append_text(out, text, error);
    }
    *used = length < 2 ? length : 2;
    return um_buffer_append(out, pattern, *used, error);
}

um_status um_pattern_translate(const char *pattern, size_t length, um_buffer *out,
                               um_error *error) {
    bool in_class = false;
    size_t class_start = 0; /* where a ] would be an ordinary character */
    size_t at = 0;
    while (at < length) {
        if (pattern[at] == '\\') {
            size_t used = 0;
            UM_TRY(translate_escape(pattern + at, length - at, in_class, out, &used, error));
            at += used;
            continue;
        }
        if (!in_class && pattern[at] == '[') {
            in_class = true;
            class_start = at + 1 < length && pattern[at + 1] == '^' ? at + 2 : at + 1;
        } else if (in_class && pattern[at] == ']' && at > class_start) {
            in_class = false;
        }
        UM_TRY(um_buffer_append(out, pattern + at, 1, error));
        at++;
    }
    return UM_OK;
}
