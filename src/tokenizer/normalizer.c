#include "tokenizer/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/normalizer_table.h"

/* The lead byte of U+0300, the first character that form C can move or compose. */
#define FIRST_LEAD_BYTE 0xCC

/* Whether form C may change the character, move it, or compose it with the one before. */
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

/* The first unstable character at or after `at`, or `length`.  *stable is the start of the stable
 * character before it, `at` if there is none. */
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
            /* *stable may be the second byte of a two-byte character: go back to its first. */
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

/* Whether the character, which is not in the table, is a mark newer than Unicode 9: it then takes
 * no part in normalisation. */
static bool is_young_mark(const char *text, size_t length) {
    uint32_t code_point = 0;
    size_t used = 0;
    return um_utf8_next(text, length, &code_point, &used) &&
           utf8proc_get_property((utf8proc_int32_t)code_point)->combining_class != 0;
}

static um_status cannot_normalise(size_t length, utf8proc_ssize_t code, um_error *error) {
    return UM_RAISE(error, code == UTF8PROC_ERROR_NOMEM ? UM_ERR_MEMORY : UM_ERR_LIMIT,
                    "cannot normalise %zu bytes of text: %s", length, utf8proc_errmsg(code));
}

static um_status append_composed(const char *text, size_t length, um_buffer *buffer,
                                 um_error *error) {
    utf8proc_uint8_t *composed = NULL;
    const utf8proc_ssize_t count =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &composed,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (count < 0) {
        return cannot_normalise(length, count, error);
    }
    const um_status status = um_buffer_append(buffer, composed, (size_t)count, error);
    free(composed);
    return status;
}

/* ---- Long runs ----------------------------------------------------------- */

/* utf8proc orders marks by swapping neighbours, which takes minutes for a megabyte of them. */
#define LONG_RUN 256 /* bytes */

static unsigned combining_class(utf8proc_int32_t code_point) {
    return (unsigned)utf8proc_get_property(code_point)->combining_class;
}

static um_status decompose(const char *text, size_t length, utf8proc_int32_t *points, size_t room,
                           size_t *count, um_error *error) {
    *count = 0;
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t code_point = 0;
        int last_class = 0;
        const utf8proc_ssize_t used = utf8proc_iterate(
            (const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &code_point);
        const utf8proc_ssize_t made =
            used < 0 ? used
                     : utf8proc_decompose_char(code_point, points + *count,
                                               (utf8proc_ssize_t)(room - *count),
                                               UTF8PROC_STABLE | UTF8PROC_COMPOSE, &last_class);
        if (made < 0 || (size_t)made > room - *count) {
            return cannot_normalise(length, made < 0 ? made : UTF8PROC_ERROR_OVERFLOW, error);
        }
        at += (size_t)used;
        *count += (size_t)made;
    }
    return UM_OK;
}

/* Sort points[count], which are marks, by class; those of one class keep their order. */
static void sort_marks(utf8proc_int32_t *points, size_t count, utf8proc_int32_t *scratch) {
    size_t starts[257] = {0};
    for (size_t i = 0; i < count; i++) {
        starts[combining_class(points[i]) + 1]++;
    }
    for (size_t class = 0; class < 256; class ++) {
        starts[class + 1] += starts[class];
    }
    for (size_t i = 0; i < count; i++) {
        scratch[starts[combining_class(points[i])]++] = points[i];
    }
    memcpy(points, scratch, count * sizeof *points);
}

static void order_marks(utf8proc_int32_t *points, size_t count, utf8proc_int32_t *scratch) {
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && combining_class(points[end]) != 0) {
            end++;
        }
        sort_marks(points + i, end - i, scratch);
        i = end + 1;
    }
}

/* Like append_composed, but in time linear in the length. */
static um_status append_long(const char *text, size_t length, um_buffer *buffer, um_error *error) {
    const size_t room = 2 * length; /* 2 bytes become at most 3 characters, 3 bytes at most 4 */
    utf8proc_int32_t *points = NULL;
    size_t count = 0;
    UM_TRY(um_allocate(&points, 2 * room + 1, sizeof *points, "text to normalise", error));
    um_status status = decompose(text, length, points, room, &count, error);
    if (status == UM_OK) {
        order_marks(points, count, points + room);
        const utf8proc_ssize_t composed =
            utf8proc_reencode(points, (utf8proc_ssize_t)count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        status = composed < 0 ? cannot_normalise(length, composed, error)
                              : um_buffer_append(buffer, points, (size_t)composed, error);
    }
    free(points);
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
        /* From the character that the unstable ones may compose with up to the next stable one. */
        if (start < unstable && is_young_mark(text + start, length - start)) {
            start = unstable;
        }
        const size_t end = find_stable(text, length, unstable);
        UM_TRY(um_buffer_append(buffer, text + done, start - done, error));
        UM_TRY((end - start > LONG_RUN ? append_long : append_composed)(text + start, end - start,
                                                                        buffer, error));
        done = end;
        unstable = find_unstable(text, length, end, &start);
    }
    UM_TRY(um_buffer_append(buffer, text + done, length - done, error));
    *out = um_buffer_text(buffer);
    *out_length = buffer->length;
    return UM_OK;
}
