#include "cli/fill/unified_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define CONTEXT 3

/* Where each line of a text starts; starts[count] is the text's length. */
typedef struct line_table {
    const um_buffer *text;
    size_t *starts; /* [count + 1] */
    size_t count;
} line_table;

/* Lines [old_first, old_last) became [new_first, new_last), from 0. */
typedef struct change {
    size_t old_first;
    size_t old_last;
    size_t new_first;
    size_t new_last;
} change;

typedef struct difference {
    line_table old_lines;
    line_table new_lines;
    change *changes; /* [count] */
    size_t count;
    um_buffer *output;
} difference;

/* ---- Lines --------------------------------------------------------------- */

static um_status index_lines(const um_buffer *text, line_table *table, um_error *error) {
    size_t newlines = 0;
    for (size_t i = 0; i < text->length; i++) {
        newlines += text->data[i] == '\n';
    }
    *table = (line_table){.text = text};
    UM_TRY(um_allocate(&table->starts, newlines + 2, sizeof *table->starts, "lines", error));
    for (size_t at = 0; at < text->length;) {
        table->starts[table->count++] = at;
        const char *newline = memchr(text->data + at, '\n', text->length - at);
        at = newline ? (size_t)(newline - text->data) + 1 : text->length;
    }
    table->starts[table->count] = text->length;
    return UM_OK;
}

/* The line of the byte at `offset`.  The end of the text is in the last line if no line feed ends
 * that, otherwise it is table->count. */
static size_t line_of(const line_table *table, size_t offset) {
    const um_buffer *text = table->text;
    if (offset == text->length && offset > 0 && text->data[offset - 1] != '\n') {
        return table->count - 1;
    }
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (table->starts[middle + 1] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t line_length(const line_table *table, size_t line) {
    return table->starts[line + 1] - table->starts[line];
}

static bool same_line(const difference *work, size_t old_line, size_t new_line) {
    const line_table *a = &work->old_lines;
    const line_table *b = &work->new_lines;
    const size_t length = line_length(a, old_line);
    return length == line_length(b, new_line) &&
           memcmp(a->text->data + a->starts[old_line], b->text->data + b->starts[new_line],
                  length) == 0;
}

/* ---- Changes ------------------------------------------------------------- */

static size_t end_line(const line_table *table, size_t offset) {
    const size_t line = line_of(table, offset);
    return line < table->count ? line + 1 : line;
}

static void trim(const difference *work, change *lines) {
    while (lines->old_first < lines->old_last && lines->new_first < lines->new_last &&
           same_line(work, lines->old_first, lines->new_first)) {
        lines->old_first++;
        lines->new_first++;
    }
    while (lines->old_first < lines->old_last && lines->new_first < lines->new_last &&
           same_line(work, lines->old_last - 1, lines->new_last - 1)) {
        lines->old_last--;
        lines->new_last--;
    }
}

static void add_change(difference *work, change lines) {
    change *before = work->count > 0 ? &work->changes[work->count - 1] : NULL;
    if (before && lines.old_first <= before->old_last && lines.new_first <= before->new_last) {
        before->old_last = lines.old_last;
        before->new_last = lines.new_last;
    } else {
        work->changes[work->count++] = lines;
    }
}

/* Replacements on the same line are one change; equal lines at its ends are not part of it. */
static void find_changes(difference *work, const um_replacement *replacements, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add_change(work, (change){line_of(&work->old_lines, replacements[i].old_start),
                                  end_line(&work->old_lines, replacements[i].old_end),
                                  line_of(&work->new_lines, replacements[i].new_start),
                                  end_line(&work->new_lines, replacements[i].new_end)});
    }
    size_t kept = 0;
    for (size_t i = 0; i < work->count; i++) {
        change lines = work->changes[i];
        trim(work, &lines);
        if (lines.old_first < lines.old_last || lines.new_first < lines.new_last) {
            work->changes[kept++] = lines;
        }
    }
    work->count = kept;
}

/* ---- Hunks --------------------------------------------------------------- */

static um_status put_lines(const difference *work, const line_table *table, size_t first,
                           size_t last, char sign, um_error *error) {
    for (size_t i = first; i < last; i++) {
        const size_t length = line_length(table, i);
        const char *bytes = table->text->data + table->starts[i];
        UM_TRY(um_buffer_append(work->output, &sign, 1, error));
        UM_TRY(um_buffer_append(work->output, bytes, length, error));
        if (bytes[length - 1] != '\n') {
            UM_TRY(um_buffer_append_text(work->output, "\n\\ No newline at end of file\n", error));
        }
    }
    return UM_OK;
}

/* An empty range has the number of the line before it. */
static um_status put_range(const difference *work, char sign, size_t first, size_t last,
                           um_error *error) {
    return um_buffer_append_format(work->output, error, "%c%zu,%zu ", sign,
                                   last > first ? first + 1 : first, last - first);
}

/* Changes [first, last), near enough to one another to share their context. */
static um_status put_hunk(const difference *work, size_t first, size_t last, um_error *error) {
    const change *changes = work->changes;
    const change *end = &changes[last - 1];
    const size_t before = changes[first].old_first < CONTEXT ? changes[first].old_first : CONTEXT;
    const size_t rest = work->old_lines.count - end->old_last;
    const size_t after = rest < CONTEXT ? rest : CONTEXT;
    size_t at = changes[first].old_first - before;
    UM_TRY(um_buffer_append_text(work->output, "@@ ", error));
    UM_TRY(put_range(work, '-', at, end->old_last + after, error));
    UM_TRY(put_range(work, '+', changes[first].new_first - before, end->new_last + after, error));
    UM_TRY(um_buffer_append_text(work->output, "@@\n", error));
    for (size_t i = first; i < last; i++) {
        UM_TRY(put_lines(work, &work->old_lines, at, changes[i].old_first, ' ', error));
        UM_TRY(put_lines(work, &work->old_lines, changes[i].old_first, changes[i].old_last, '-',
                         error));
        UM_TRY(put_lines(work, &work->new_lines, changes[i].new_first, changes[i].new_last, '+',
                         error));
        at = changes[i].old_last;
    }
    return put_lines(work, &work->old_lines, at, at + after, ' ', error);
}

static um_status put_hunks(const difference *work, const char *name, um_error *error) {
    if (work->count == 0) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_format(work->output, error, "--- %s\n+++ %s\n", name, name));
    for (size_t first = 0; first < work->count;) {
        size_t last = first + 1;
        while (last < work->count &&
               work->changes[last].old_first - work->changes[last - 1].old_last <= 2 * CONTEXT) {
            last++;
        }
        UM_TRY(put_hunk(work, first, last, error));
        first = last;
    }
    return UM_OK;
}

um_status um_unified_diff(const char *name, const um_buffer *old_text, const um_buffer *new_text,
                          const um_replacement *replacements, size_t count, um_buffer *output,
                          um_error *error) {
    difference work = {.output = output};
    um_status status = index_lines(old_text, &work.old_lines, error);
    if (status == UM_OK) {
        status = index_lines(new_text, &work.new_lines, error);
    }
    if (status == UM_OK) {
        status = um_allocate(&work.changes, count, sizeof *work.changes, "changes", error);
    }
    if (status == UM_OK) {
        find_changes(&work, replacements, count);
        status = put_hunks(&work, name, error);
    }
    free(work.old_lines.starts);
    free(work.new_lines.starts);
    free(work.changes);
    return status;
}
