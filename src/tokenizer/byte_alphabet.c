#include "tokenizer/byte_alphabet.h"

#include "base/utf8.h"

/* Bytes that have no printable character of their own: 0..32, 127..160 and 173, in order. */
#define HIDDEN_LOW 33
#define HIDDEN_MIDDLE 34
#define HIDDEN_COUNT (HIDDEN_LOW + HIDDEN_MIDDLE + 1)

static int hidden_byte(uint32_t index) {
    if (index < HIDDEN_LOW) {
        return (int)index;
    }
    if (index < HIDDEN_LOW + HIDDEN_MIDDLE) {
        return (int)(index - HIDDEN_LOW + 127);
    }
    return 173;
}

int um_byte_of_character(uint32_t code_point) {
    if (code_point >= 256) {
        const uint32_t index = code_point - 256;
        return index < HIDDEN_COUNT ? hidden_byte(index) : -1;
    }
    const bool hidden =
        code_point <= 32 || (code_point >= 127 && code_point <= 160) || code_point == 173;
    return hidden ? -1 : (int)code_point;
}

um_status um_bytes_of_text(const char *text, size_t length, um_buffer *bytes, bool *mapped,
                           um_error *error) {
    /* No character stands for more than one byte, so the length of the text is room enough. */
    const size_t before = bytes->length;
    UM_TRY(um_buffer_append(bytes, text, length, error));
    char *out = bytes->data + before;
    *mapped = true;
    for (size_t at = 0; at < length;) {
        uint32_t code_point = (uint8_t)text[at];
        size_t used = 1;
        const bool valid =
            code_point < 0x80 || um_utf8_next(text + at, length - at, &code_point, &used);
        const int byte = valid ? um_byte_of_character(code_point) : -1;
        *mapped = *mapped && byte >= 0;
        *out++ = (char)byte;
        at += used;
    }
    bytes->length = *mapped ? (size_t)(out - bytes->data) : before;
    return UM_OK;
}

/* The inverse of um_byte_of_character. */
static uint32_t character_of_byte(uint8_t byte) {
    if (um_byte_of_character(byte) >= 0) {
        return byte;
    }
    if (byte < HIDDEN_LOW) {
        return 256U + byte;
    }
    return 256U + HIDDEN_LOW + (byte == 173 ? HIDDEN_MIDDLE : byte - 127U);
}

um_status um_text_of_bytes(const char *bytes, size_t length, um_buffer *text, um_error *error) {
    for (size_t i = 0; i < length; i++) {
        const uint32_t character = character_of_byte((uint8_t)bytes[i]);
        const char encoded[2] = {(char)(0xC0U | character >> 6),
                                 (char)(0x80U | (character & 0x3FU))};
        UM_TRY(character < 0x80 ? um_buffer_append(text, &bytes[i], 1, error)
                                : um_buffer_append(text, encoded, 2, error));
    }
    return UM_OK;
}
