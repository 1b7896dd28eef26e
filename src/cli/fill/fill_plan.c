#include "cli/fill/fill_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/utf8.h"

#define FILE_MAXIMUM ((size_t)64 << 20)

/* ---- Reading ------------------------------------------------------------- */

/* The place of the first byte that is not part of well-formed text, or text->length. */
static size_t first_bad_byte(const um_buffer *text) {
    size_t at = 0;
    while (at < text->length) {
        uint32_t code_point = 0;
        size_t used = 0;
        if (!um_utf8_next(text->data + at, text->length - at, &code_point, &used) ||
            code_point == 0) {
            break;
        }
        at += used;
    }
    return at;
}

um_status um_fill_plan_read(um_fill_plan *plan, const char *path, um_error *error) {
    plan->name = strcmp(path, "-") == 0 ? "standard input" : path;
    UM_TRY(um_file_read(path, FILE_MAXIMUM, &plan->text, error));
    if (plan->text.length == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: empty, so there is nothing to fill in",
                        plan->name);
    }
    const size_t bad = first_bad_byte(&plan->text);
    if (bad < plan->text.length) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: byte 0x%02x at offset %zu: only text in UTF-8 can be filled in",
                        plan->name, (unsigned char)plan->text.data[bad], bad);
    }
    return UM_OK;
}

void um_fill_plan_free(um_fill_plan *plan) {
    um_buffer_free(&plan->text);
    free(plan->holes);
    *plan = (um_fill_plan){0};
}

static um_status add_hole(um_fill_plan *plan, um_fill_hole hole, um_error *error) {
    UM_TRY(um_grow(&plan->holes, &plan->hole_capacity, plan->hole_count + 1, sizeof *plan->holes,
                   "holes", error));
    plan->holes[plan->hole_count++] = hole;
    return UM_OK;
}

static size_t line_at(const um_fill_plan *plan, size_t offset) {
    size_t line = 1;
    for (size_t i = 0; i < offset; i++) {
        line += plan->text.data[i] == '\n';
    }
    return line;
}

size_t um_fill_plan_line(const um_fill_plan *plan, size_t hole) {
    return line_at(plan, plan->holes[hole].start);
}

/* ---- Markers ------------------------------------------------------------- */

/* Where the last character of a text of UTF-8 begins. */
static size_t last_character(const char *text) {
    size_t at = strlen(text);
    while (at > 0 && ((unsigned char)text[--at] & 0xC0) == 0x80) {
    }
    return at;
}

/* The end of `part` where it stands at `text`, else NULL. */
static const char *end_of_part(const char *text, const char *part) {
    const size_t length = strlen(part);
    return strncmp(text, part, length) == 0 ? text + length : NULL;
}

/* Read the digits and `last` at `text`: the rest of a marker with a length, after its colon.
 * *length is 0 if the number is out of range; *end is NULL if this is no such marker. */
static void read_marked_length(const char *text, const char *last, size_t *length,
                               const char **end) {
    char *after = NULL;
    errno = 0;
    const unsigned long value = strtoul(text, &after, 10);
    *end = *text >= '0' && *text <= '9' ? end_of_part(after, last) : NULL;
    *length = errno == 0 && value <= UM_FILL_LENGTH_MAXIMUM ? value : 0;
}

/* Match a marker that starts at `at`; *end is NULL if there is none. */
static um_status match_marker(const um_fill_plan *plan, const char *marker, const char *at,
                              um_fill_hole *hole, const char **end, um_error *error) {
    const size_t stem = last_character(marker);
    *hole = (um_fill_hole){.start = (size_t)(at - plan->text.data)};
    *end = NULL;
    if (strncmp(at, marker, stem) != 0) {
        return UM_OK;
    }
    *end = end_of_part(at + stem, marker + stem);
    if (!*end && at[stem] == ':') {
        read_marked_length(at + stem + 1, marker + stem, &hole->length, end);
        if (*end && hole->length == 0) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: line %zu: \"%.*s\": a hole has 1 to %d tokens", plan->name,
                            line_at(plan, hole->start), (int)(*end - at), at,
                            UM_FILL_LENGTH_MAXIMUM);
        }
    }
    if (*end) {
        hole->end = (size_t)(*end - plan->text.data);
    }
    return UM_OK;
}

um_status um_fill_plan_find_markers(um_fill_plan *plan, const char *marker, um_error *error) {
    if (last_character(marker) == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--marker: \"%s\": at least two characters",
                        marker);
    }
    for (const char *at = plan->text.data; *at;) {
        um_fill_hole hole;
        const char *end = NULL;
        UM_TRY(match_marker(plan, marker, at, &hole, &end, error));
        if (end) {
            UM_TRY(add_hole(plan, hole, error));
        }
        at = end ? end : at + 1;
    }
    if (plan->hole_count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: contains no %s: put one where the model should write, or choose lines "
                        "with --lines",
                        plan->name, marker);
    }
    return UM_OK;
}

/* ---- Lines --------------------------------------------------------------- */

/* "A-B" or "A" with 1 <= A <= B. */
static bool parse_range(const char *range, size_t *first, size_t *last) {
    char *end = NULL;
    errno = 0;
    if (*range < '0' || *range > '9') {
        return false;
    }
    *first = strtoul(range, &end, 10);
    *last = *first;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') {
        *last = strtoul(end + 1, &end, 10);
    }
    return *end == '\0' && errno == 0 && *first >= 1 && *first <= *last;
}

/* The offset at which `line` (from 1) starts; false past the end. */
static bool find_line(const um_buffer *text, size_t line, size_t *offset) {
    *offset = 0;
    for (size_t i = 1; i < line; i++) {
        const char *newline = memchr(text->data + *offset, '\n', text->length - *offset);
        if (!newline) {
            return false;
        }
        *offset = (size_t)(newline - text->data) + 1;
    }
    return *offset < text->length;
}

um_status um_fill_plan_add_lines(um_fill_plan *plan, const char *range, um_error *error) {
    size_t first = 0;
    size_t last = 0;
    if (!parse_range(range, &first, &last)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "--lines: \"%s\" is not a range such as 12-15, counted from 1", range);
    }
    um_fill_hole hole = {0};
    size_t start_of_last = 0;
    if (!find_line(&plan->text, last, &start_of_last)) {
        const bool open = plan->text.data[plan->text.length - 1] != '\n';
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--lines: %s: %s has %zu lines", range, plan->name,
                        line_at(plan, plan->text.length) - (open ? 0 : 1));
    }
    (void)find_line(&plan->text, first, &hole.start);
    const char *newline =
        memchr(plan->text.data + start_of_last, '\n', plan->text.length - start_of_last);
    hole.end = newline ? (size_t)(newline - plan->text.data) : plan->text.length;
    if (newline && hole.end > start_of_last && plan->text.data[hole.end - 1] == '\r') {
        hole.end--; /* belongs to the end of the line */
    }
    return add_hole(plan, hole, error);
}

static int compare_holes(const void *a, const void *b) {
    const um_fill_hole *left = a;
    const um_fill_hole *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

um_status um_fill_plan_sort(um_fill_plan *plan, um_error *error) {
    qsort(plan->holes, plan->hole_count, sizeof *plan->holes, compare_holes);
    for (size_t i = 1; i < plan->hole_count; i++) {
        const um_fill_hole *before = &plan->holes[i - 1];
        if (plan->holes[i].start < before->end || plan->holes[i].start == before->start) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "--lines: two ranges hold line %zu: give each line once",
                            um_fill_plan_line(plan, i));
        }
    }
    return UM_OK;
}

/* ---- Result -------------------------------------------------------------- */

um_status um_fill_plan_apply(const um_fill_plan *plan, const um_fill_text *texts, um_buffer *output,
                             um_replacement *replacements, um_error *error) {
    const size_t base = output->length;
    size_t at = 0;
    for (size_t i = 0; i < plan->hole_count; i++) {
        const um_fill_hole *hole = &plan->holes[i];
        UM_TRY(um_buffer_append(output, plan->text.data + at, hole->start - at, error));
        const size_t start = output->length - base;
        UM_TRY(um_buffer_append(output, texts[i].bytes, texts[i].length, error));
        replacements[i] = (um_replacement){hole->start, hole->end, start, start + texts[i].length};
        at = hole->end;
    }
    return um_buffer_append(output, plan->text.data + at, plan->text.length - at, error);
}
