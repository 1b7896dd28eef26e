#include "tokenizer/normalizer.h"

#include <stdlib.h>

#include <utf8proc.h>

#include "base/utf8.h"
#include "tokenizer/normalizer_table.h"

/* The lead byte of U+0300, the first character that form C can move or compose. */
#define FIRST_LEAD_BYTE 0xCC

/* Whether form C may change the character or what it does to the one before. */
static bool is_unstable(uint32_t code_point) {
    size_t low = 0;
    size_t high = um_normalizer_table_length;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (code_point > um_normalizer_table[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < um_normalizer_table_length && code_point >= um_normalizer_table[low].first;
}

/* The first unstable character at or after `at`, or `length`.  *stable is the start of the
 * stable character before it, `at` where there is none. */
static size_t find_unstable(const char *text, size_t length, size_t at, size_t *stable) {
    *stable = at;
    while (at < length) {
        if ((uint8_t)text[at] < FIRST_LEAD_BYTE) {
            *stable = at++;
            continue;
        }
        uint32_t code_point = 0;
        size_t used = 0;
        (void)um_utf8_next(text + at, length - at, &code_point, &used);
        if (is_unstable(code_point)) {
            /* Not back into the middle of a two-byte character. */
            while (*stable > 0 && ((uint8_t)text[*stable] & 0xC0) == 0x80) {
                (*stable)--;
            }
            return at;
        }
        *stable = at;
        at += used;
    }
    return length;
}

static size_t find_stable(const char *text, size_t length, size_t at) {
    uint32_t code_point = 0;
    size_t used = 0;
    while (at < length && um_utf8_next(text + at, length - at, &code_point, &used) &&
           is_unstable(code_point)) {
        at += used;
    }
    return at;
}

/* A mark that only Unicode versions after 9 know: it is not in the table, and takes no part. */
static bool is_young_mark(const char *text, size_t length) {
    uint32_t code_point = 0;
    size_t used = 0;
    return um_utf8_next(text, length, &code_point, &used) &&
           utf8proc_get_property((utf8proc_int32_t)code_point)->combining_class != 0;
}

static um_status append_composed(const char *text, size_t length, um_buffer *buffer,
                                 um_error *error) {
    utf8proc_uint8_t *composed = NULL;
    const utf8proc_ssize_t count =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &composed,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (count < 0) {
        return UM_RAISE(error, count == UTF8PROC_ERROR_NOMEM ? UM_ERR_MEMORY : UM_ERR_LIMIT,
                        "cannot normalise %zu bytes of text: %s", length, utf8proc_errmsg(count));
    }
    const um_status status = um_buffer_append(buffer, composed, (size_t)count, error);
    free(composed);
    return status;
}

um_status um_normalize(const char *text, size_t length, um_buffer *buffer, const char **out,
                       size_t *out_length, um_error *error) {
    *out = text;
    *out_length = length;
    size_t start = 0;
    size_t unstable = find_unstable(text, length, 0, &start);
    if (unstable == length) {
        return UM_OK;
    }
    um_buffer_clear(buffer);
    size_t done = 0;
    while (unstable < length) {
        /* From the character that the unstable ones may join to the next that starts anew. */
        if (start < unstable && is_young_mark(text + start, length - start)) {
            start = unstable;
        }
        const size_t end = find_stable(text, length, unstable);
        UM_TRY(um_buffer_append(buffer, text + done, start - done, error));
        UM_TRY(append_composed(text + start, end - start, buffer, error));
        done = end;
        unstable = find_unstable(text, length, end, &start);
    }
    UM_TRY(um_buffer_append(buffer, text + done, length - done, error));
    *out = um_buffer_text(buffer);
    *out_length = buffer->length;
    return UM_OK;
}
