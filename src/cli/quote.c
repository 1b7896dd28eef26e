#include "cli/quote.h"

#include <string.h>

#include <utf8proc.h>

#include "base/utf8.h"

#define ZERO_WIDTH_NON_JOINER 0x200c
#define ZERO_WIDTH_JOINER 0x200d

bool um_cli_is_printable(uint32_t code_point) {
    switch (utf8proc_category((utf8proc_int32_t)code_point)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return false;
        case UTF8PROC_CATEGORY_CF:
            return code_point == ZERO_WIDTH_JOINER || code_point == ZERO_WIDTH_NON_JOINER;
        default:
            return true;
    }
}

um_status um_cli_append_printable(um_buffer *text, const char *bytes, size_t length,
                                  um_error *error) {
    for (size_t at = 0; at < length;) {
        uint32_t code_point = 0;
        size_t used = 0;
        const bool printable = um_utf8_next(bytes + at, length - at, &code_point, &used) &&
                               um_cli_is_printable(code_point);
        UM_TRY(printable ? um_buffer_append(text, bytes + at, used, error)
                         : um_buffer_append_text(text, UM_UTF8_REPLACEMENT, error));
        at += used;
    }
    return UM_OK;
}

static um_status append_escaped(um_buffer *text, const char *bytes, size_t length,
                                um_error *error) {
    static const char plain[] = "\n\r\t\\\"";
    static const char names[] = "nrt\\\"";
    const char *found = length == 1 && *bytes ? strchr(plain, *bytes) : NULL;
    if (found) {
        return um_buffer_append_format(text, error, "\\%c", names[found - plain]);
    }
    for (size_t i = 0; i < length; i++) {
        UM_TRY(um_buffer_append_format(text, error, "\\x%02x", (unsigned char)bytes[i]));
    }
    return UM_OK;
}

um_status um_cli_append_quoted(um_buffer *text, const char *bytes, size_t length, um_error *error) {
    UM_TRY(um_buffer_append_text(text, "\"", error));
    for (size_t at = 0; at < length;) {
        uint32_t code_point = 0;
        size_t used = 0;
        const bool printable = um_utf8_next(bytes + at, length - at, &code_point, &used) &&
                               um_cli_is_printable(code_point) && code_point != '"' &&
                               code_point != '\\';
        UM_TRY(printable ? um_buffer_append(text, bytes + at, used, error)
                         : append_escaped(text, bytes + at, used, error));
        at += used;
    }
    return um_buffer_append_text(text, "\"", error);
}
