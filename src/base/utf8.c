#include "base/utf8.h"

#include <string.h>

/* What a lead byte announces: the length of the sequence (0: not a lead byte) and the
 * range of its second byte, which rules out overlong forms, surrogates and > U+10FFFF. */
typedef struct lead {
    size_t length;
    uint8_t low;
    uint8_t high;
} lead;

static lead lead_of(uint8_t byte) {
    if (byte < 0x80) {
        return (lead){1, 0, 0};
    }
    if (byte < 0xC2 || byte > 0xF4) {
        return (lead){0, 0, 0};
    }
    if (byte < 0xE0) {
        return (lead){2, 0x80, 0xBF};
    }
    if (byte < 0xF0) {
        return (lead){3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    }
    return (lead){4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
}

/* How many bytes at the start fit the lead byte, at most the length it announces. */
static size_t well_formed_prefix(const uint8_t *bytes, size_t length, lead first) {
    size_t count = 1;
    while (count < first.length && count < length) {
        const uint8_t low = count == 1 ? first.low : 0x80;
        const uint8_t high = count == 1 ? first.high : 0xBF;
        if (bytes[count] < low || bytes[count] > high) {
            break;
        }
        count++;
    }
    return count;
}

bool um_utf8_next(const char *bytes, size_t length, uint32_t *code_point, size_t *used) {
    const uint8_t *at = (const uint8_t *)bytes;
    const lead first = lead_of(at[0]);
    *used = well_formed_prefix(at, length, first);
    if (first.length == 0 || *used < first.length) {
        return false;
    }
    if (first.length == 1) {
        *code_point = at[0];
        return true;
    }
    uint32_t value = at[0] & (0x7FU >> first.length);
    for (size_t i = 1; i < first.length; i++) {
        value = value << 6 | (at[i] & 0x3FU);
    }
    *code_point = value;
    return true;
}

bool um_utf8_incomplete(const char *bytes, size_t length) {
    if (length == 0) {
        return false;
    }
    const lead first = lead_of((uint8_t)bytes[0]);
    return length < first.length &&
           well_formed_prefix((const uint8_t *)bytes, length, first) == length;
}

/* Length of the run of ASCII at the start, read eight bytes at a time. */
static size_t ascii_run(const char *bytes, size_t length) {
    size_t at = 0;
    while (length - at >= 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, 8);
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
        at += 8;
    }
    while (at < length && !((uint8_t)bytes[at] & 0x80)) {
        at++;
    }
    return at;
}

/* Length of the well-formed text at the start. */
static size_t valid_run(const char *bytes, size_t length) {
    size_t at = 0;
    for (;;) {
        at += ascii_run(bytes + at, length - at);
        uint32_t code_point = 0;
        size_t used = 0;
        if (at == length || !um_utf8_next(bytes + at, length - at, &code_point, &used)) {
            return at;
        }
        at += used;
    }
}

bool um_utf8_valid(const char *bytes, size_t length) {
    return valid_run(bytes, length) == length;
}

um_status um_utf8_repair(const char *bytes, size_t length, um_buffer *text, um_error *error) {
    size_t at = 0;
    for (;;) {
        const size_t run = valid_run(bytes + at, length - at);
        UM_TRY(um_buffer_append(text, bytes + at, run, error));
        at += run;
        if (at == length) {
            return UM_OK;
        }
        uint32_t code_point = 0;
        size_t used = 0;
        (void)um_utf8_next(bytes + at, length - at, &code_point, &used);
        UM_TRY(um_buffer_append_text(text, UM_UTF8_REPLACEMENT, error));
        at += used;
    }
}

size_t um_utf8_previous(const char *text, size_t end) {
    size_t at = end - 1;
    while (at > 0 && ((uint8_t)text[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}
