#include "eval/step_share.h"

#include <stdio.h>
#include <string.h>

/* A number from 1 to the largest at the start of `text`; 0 for none.  *used is the number of bytes
 * read. */
static size_t read_number(const char *text, size_t length, size_t *used) {
    size_t value = 0;
    *used = 0;
    while (*used < length && text[*used] >= '0' && text[*used] <= '9') {
        value = 10 * value + (size_t)(text[*used] - '0');
        (*used)++;
        if (value > UM_STEP_SHARE_LARGEST) {
            return 0;
        }
    }
    return value;
}

static size_t common_divisor(size_t a, size_t b) {
    while (b > 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool um_step_share_parse(const char *text, size_t length, um_step_share *share) {
    size_t used = 0;
    size_t rest = 0;
    const size_t part = read_number(text, length, &used);
    size_t whole = part;
    if (used < length) {
        if (text[used] != '/') {
            return false;
        }
        whole = read_number(text + used + 1, length - used - 1, &rest);
        used += 1 + rest;
    } else if (part != 1) {
        return false;
    }
    if (part == 0 || part > whole || used != length) {
        return false;
    }
    const size_t divisor = common_divisor(part, whole);
    *share = (um_step_share){.part = part / divisor, .whole = whole / divisor};
    return true;
}

void um_step_share_format(um_step_share share, char text[UM_STEP_SHARE_TEXT]) {
    if (share.part == share.whole) {
        (void)snprintf(text, UM_STEP_SHARE_TEXT, "1");
    } else {
        (void)snprintf(text, UM_STEP_SHARE_TEXT, "%zu/%zu", share.part, share.whole);
    }
}

double um_step_share_value(um_step_share share) {
    return um_step_share_is_set(share) ? (double)share.part / (double)share.whole : 0;
}

size_t um_step_share_steps(um_step_share share, size_t length) {
    const size_t whole_parts = length / share.whole * share.part;
    const size_t rest = length % share.whole * share.part;
    return whole_parts + (rest + share.whole - 1) / share.whole;
}
