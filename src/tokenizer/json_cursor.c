#include "tokenizer/json_cursor.h"

#include <string.h>

static bool is_blank(char character) {
    return character == ' ' || character == '\n' || character == '\t' || character == '\r';
}

static void skip_blanks(um_json_cursor *cursor) {
    while (cursor->at < cursor->length && is_blank(cursor->text[cursor->at])) {
        cursor->at++;
    }
}

static um_status malformed(const um_json_cursor *cursor, const char *expected, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT, "byte %zu: expected %s", cursor->at, expected);
}

bool um_json_cursor_accept(um_json_cursor *cursor, char character) {
    skip_blanks(cursor);
    if (cursor->at == cursor->length || cursor->text[cursor->at] != character) {
        return false;
    }
    cursor->at++;
    return true;
}

um_status um_json_cursor_expect(um_json_cursor *cursor, char character, um_error *error) {
    const char expected[] = {'\'', character, '\'', '\0'};
    return um_json_cursor_accept(cursor, character) ? UM_OK : malformed(cursor, expected, error);
}

um_status um_json_cursor_expect_end(um_json_cursor *cursor, um_error *error) {
    skip_blanks(cursor);
    return cursor->at == cursor->length ? UM_OK : malformed(cursor, "the end", error);
}

/* ---- Strings -------------------------------------------------------------------- */

/* The value of the four hexadecimal digits of an escape, or -1. */
static int32_t hexadecimal(const um_json_cursor *cursor, size_t at) {
    if (cursor->length < 4 || at > cursor->length - 4) {
        return -1;
    }
    int32_t value = 0;
    for (size_t i = at; i < at + 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = memchr(digits, cursor->text[i], sizeof digits - 1);
        if (!digit) {
            return -1;
        }
        value = value * 16 + (int32_t)((digit - digits) % 16);
    }
    return value;
}

static um_status append_code_point(um_buffer *buffer, uint32_t value, um_error *error) {
    char bytes[4];
    size_t count = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    bytes[0] = (char)(leads[count] | value >> 6 * (count - 1));
    for (size_t i = 1; i < count; i++) {
        bytes[i] = (char)(0x80U | (value >> 6 * (count - 1 - i) & 0x3FU));
    }
    return um_buffer_append(buffer, bytes, count, error);
}

/* After "\u": read one code unit, or two that form one character. */
static um_status take_unicode(um_json_cursor *cursor, um_buffer *buffer, um_error *error) {
    const int32_t first = hexadecimal(cursor, cursor->at);
    if (first < 0 || (first >= 0xDC00 && first < 0xE000)) {
        return malformed(cursor, "four hexadecimal digits of a character", error);
    }
    cursor->at += 4;
    if (first < 0xD800 || first >= 0xE000) {
        return append_code_point(buffer, (uint32_t)first, error);
    }
    const bool escaped = cursor->length - cursor->at >= 6 && cursor->text[cursor->at] == '\\' &&
                         cursor->text[cursor->at + 1] == 'u';
    const int32_t second = escaped ? hexadecimal(cursor, cursor->at + 2) : -1;
    if (second < 0xDC00 || second >= 0xE000) {
        return malformed(cursor, "the second half of a surrogate pair", error);
    }
    cursor->at += 6;
    const uint32_t value =
        0x10000U + ((uint32_t)(first - 0xD800) << 10) + (uint32_t)(second - 0xDC00);
    return append_code_point(buffer, value, error);
}

/* Read the rest of an escape, after its backslash. */
static um_status take_escape(um_json_cursor *cursor, um_buffer *buffer, um_error *error) {
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char character = cursor->at < cursor->length ? cursor->text[cursor->at] : '\0';
    if (character == 'u') {
        cursor->at++;
        return take_unicode(cursor, buffer, error);
    }
    const char *escape = character != '\0' ? strchr(escapes, character) : NULL;
    if (!escape) {
        return malformed(cursor, "an escape", error);
    }
    cursor->at++;
    return um_buffer_append(buffer, meanings + (escape - escapes), 1, error);
}

/* The end of the run of plain characters at the cursor: a quote, a backslash or an error. */
static size_t plain_end(const um_json_cursor *cursor) {
    size_t end = cursor->at;
    while (end < cursor->length && cursor->text[end] != '"' && cursor->text[end] != '\\' &&
           (uint8_t)cursor->text[end] >= 0x20) {
        end++;
    }
    return end;
}

um_status um_json_cursor_string(um_json_cursor *cursor, um_buffer *scratch, const char **bytes,
                                size_t *length, um_error *error) {
    if (!um_json_cursor_accept(cursor, '"')) {
        return malformed(cursor, "a string", error);
    }
    const size_t start = cursor->at;
    cursor->at = plain_end(cursor);
    if (cursor->at < cursor->length && cursor->text[cursor->at] == '"') {
        *bytes = cursor->text + start;
        *length = cursor->at++ - start;
        return UM_OK;
    }
    um_buffer_clear(scratch);
    UM_TRY(um_buffer_append(scratch, cursor->text + start, cursor->at - start, error));
    while (cursor->at < cursor->length && cursor->text[cursor->at] == '\\') {
        cursor->at++;
        UM_TRY(take_escape(cursor, scratch, error));
        const size_t end = plain_end(cursor);
        UM_TRY(um_buffer_append(scratch, cursor->text + cursor->at, end - cursor->at, error));
        cursor->at = end;
    }
    if (cursor->at == cursor->length || cursor->text[cursor->at] != '"') {
        return malformed(cursor, "the end of a string", error);
    }
    cursor->at++;
    *bytes = scratch->data;
    *length = scratch->length;
    return UM_OK;
}

/* ---- Integers --------------------------------------------------------------------- */

um_status um_json_cursor_integer(um_json_cursor *cursor, int64_t *value, um_error *error) {
    const bool negative = um_json_cursor_accept(cursor, '-');
    const size_t start = cursor->at;
    *value = 0;
    while (cursor->at < cursor->length && cursor->at - start < 18 &&
           cursor->text[cursor->at] >= '0' && cursor->text[cursor->at] <= '9') {
        *value = *value * 10 + (cursor->text[cursor->at++] - '0');
    }
    const char next = cursor->at < cursor->length ? cursor->text[cursor->at] : ' ';
    if (cursor->at == start || !(is_blank(next) || next == ',' || next == '}' || next == ']')) {
        return malformed(cursor, "an integer of at most 18 digits", error);
    }
    *value = negative ? -*value : *value;
    return UM_OK;
}

/* ---- Skipping ----------------------------------------------------------------------- */

/* Skip the string whose opening quote has been read; false if it does not end. */
static bool skip_string(um_json_cursor *cursor) {
    while (cursor->at < cursor->length) {
        const char character = cursor->text[cursor->at++];
        if (character == '"') {
            return true;
        }
        cursor->at += character == '\\' && cursor->at < cursor->length;
    }
    return false;
}

/* Skip one value; false if the text ends inside it. */
static bool skip_value(um_json_cursor *cursor) {
    size_t depth = 0;
    skip_blanks(cursor);
    for (; cursor->at < cursor->length; cursor->at++) {
        const char character = cursor->text[cursor->at];
        if (character == '"') {
            cursor->at++;
            if (!skip_string(cursor)) {
                return false;
            }
            cursor->at--;
        } else if (character == '{' || character == '[') {
            depth++;
        } else if (depth == 0 && (character == ',' || character == '}' || character == ']')) {
            return true;
        } else if (character == '}' || character == ']') {
            depth--;
        }
    }
    return false;
}

bool um_json_cursor_member(um_json_cursor object, const char *key, um_json_cursor *value) {
    const size_t key_length = strlen(key);
    um_buffer scratch = {0};
    bool found = false;
    bool more = um_json_cursor_accept(&object, '{');
    while (more) {
        const char *name = NULL;
        size_t length = 0;
        more = um_json_cursor_string(&object, &scratch, &name, &length, NULL) == UM_OK &&
               um_json_cursor_accept(&object, ':');
        skip_blanks(&object);
        const size_t start = object.at;
        if (!more || !skip_value(&object)) {
            found = false;
            break;
        }
        if (length == key_length && memcmp(name, key, length) == 0) {
            found = true;
            *value = (um_json_cursor){object.text + start, object.at - start, 0};
        }
        more = um_json_cursor_accept(&object, ',');
    }
    um_buffer_free(&scratch);
    return found;
}
