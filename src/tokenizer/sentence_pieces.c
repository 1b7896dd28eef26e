#include "tokenizer/sentence_pieces.h"

#include <string.h>

#include "base/json.h"

#define MARK "\xE2\x96\x81"
#define MARK_LENGTH ((size_t)3)

/* ---- tokenizer.json --------------------------------------------------------------- */

bool um_sentence_pieces_recognise(const json_t *root) {
    const json_t *pre_tokenizer = json_object_get(root, "pre_tokenizer");
    return json_is_true(json_object_get(json_object_get(root, "model"), "byte_fallback")) &&
           (!pre_tokenizer || json_is_null(pre_tokenizer));
}

static bool is_text(const json_t *value, const char *text) {
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool is_type(const json_t *step, const char *type) {
    return is_text(json_object_get(step, "type"), type);
}

static bool is_replace(const json_t *step, const char *pattern, const char *content) {
    return is_type(step, "Replace") &&
           is_text(json_object_get(json_object_get(step, "pattern"), "String"), pattern) &&
           is_text(json_object_get(step, "content"), content);
}

static bool is_prepend(const json_t *step) {
    return is_type(step, "Prepend") && is_text(json_object_get(step, "prepend"), MARK);
}

static bool is_strip(const json_t *step) {
    return is_type(step, "Strip") && is_text(json_object_get(step, "content"), " ") &&
           json_integer_value(json_object_get(step, "start")) == 1 &&
           json_integer_value(json_object_get(step, "stop")) == 0;
}

/* [Prepend,] Replace */
static bool read_normalizer(const json_t *normalizer, bool *prefix_space) {
    const json_t *steps = json_object_get(normalizer, "normalizers");
    const size_t count = json_array_size(steps);
    *prefix_space = is_prepend(json_array_get(steps, 0));
    return is_type(normalizer, "Sequence") && count == (*prefix_space ? 2U : 1U) &&
           is_replace(json_array_get(steps, count - 1), " ", MARK);
}

/* Replace, ByteFallback, Fuse [, Strip] */
static bool check_decoder(const json_t *decoder, bool strips) {
    const json_t *steps = json_object_get(decoder, "decoders");
    return is_type(decoder, "Sequence") && json_array_size(steps) == (strips ? 4U : 3U) &&
           is_replace(json_array_get(steps, 0), MARK, " ") &&
           is_type(json_array_get(steps, 1), "ByteFallback") &&
           is_type(json_array_get(steps, 2), "Fuse") &&
           (!strips || is_strip(json_array_get(steps, 3)));
}

um_status um_sentence_pieces_load(const json_t *root, const char *where, um_sentence_pieces *pieces,
                                  um_error *error) {
    pieces->used = true;
    if (!read_normalizer(json_object_get(root, "normalizer"), &pieces->prefix_space)) {
        return UM_RAISE(
            error, UM_ERR_UNSUPPORTED,
            "%s: with byte_fallback and no pre_tokenizer only a normalizer is supported "
            "that is a Sequence of Prepend and Replace, or of Replace, for \"" MARK "\"",
            where);
    }
    if (!check_decoder(json_object_get(root, "decoder"), pieces->prefix_space)) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: with byte_fallback and no pre_tokenizer only a decoder is supported "
                        "that is a Sequence of Replace, ByteFallback, Fuse%s",
                        where, pieces->prefix_space ? " and Strip" : "");
    }
    return UM_OK;
}

/* ---- Texts and tokens --------------------------------------------------------------- */

um_status um_sentence_pieces_append(const char *text, size_t length, bool prefix_space,
                                    um_buffer *out, um_error *error) {
    if (prefix_space && length > 0) {
        UM_TRY(um_buffer_append(out, " ", 1, error));
    }
    size_t done = 0;
    for (size_t at = 0; at + MARK_LENGTH <= length;) {
        if (memcmp(text + at, MARK, MARK_LENGTH) != 0) {
            at++;
            continue;
        }
        UM_TRY(um_buffer_append(out, text + done, at - done, error));
        UM_TRY(um_buffer_append(out, " ", 1, error));
        at += MARK_LENGTH;
        done = at;
    }
    return um_buffer_append(out, text + done, length - done, error);
}

int um_sentence_pieces_byte(const char *token, size_t length) {
    static const char digits[] = "0123456789ABCDEF";
    if (length != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>') {
        return -1;
    }
    const char *high = memchr(digits, token[3], 16);
    const char *low = memchr(digits, token[4], 16);
    return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}
