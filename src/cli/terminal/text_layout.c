#include "cli/terminal/text_layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/quote.h"
#include "cli/terminal/terminal.h"

#define TAB_WIDTH 8

static void note_answer(um_text_layout *layout, const um_glyph *glyph) {
    if (glyph->kind == UM_GLYPH_FIXED) {
        return;
    }
    if (!layout->has_answer) {
        layout->first_answer_line = layout->line;
        layout->has_answer = true;
    }
    layout->last_answer_line = layout->line;
}

static void break_line(um_text_layout *layout) {
    layout->line++;
    layout->column = 0;
}

static um_status put_cell(um_text_layout *layout, const um_glyph *glyph, const char *bytes,
                          size_t length, size_t width, um_error *error) {
    if (layout->column + width > layout->columns) {
        break_line(layout);
    }
    UM_TRY(um_grow(&layout->cells, &layout->capacity, layout->count + 1, sizeof *layout->cells,
                   "view", error));
    um_layout_cell *cell = &layout->cells[layout->count++];
    *cell = (um_layout_cell){.step = glyph->step,
                             .position = (uint32_t)glyph->position,
                             .line = (uint32_t)layout->line,
                             .column = (uint32_t)layout->column,
                             .kind = (uint8_t)glyph->kind,
                             .width = (uint8_t)width,
                             .length = (uint8_t)length};
    if (length > 0) {
        memcpy(cell->bytes, bytes, length);
    }
    layout->column += width;
    note_answer(layout, glyph);
    return UM_OK;
}

static um_status put_glyph(void *user, const um_glyph *glyph, um_error *error) {
    um_text_layout *layout = user;
    if (glyph->length == 0) {
        return put_cell(layout, glyph, NULL, 0, 1, error);
    }
    if (glyph->code_point == '\n') {
        note_answer(layout, glyph);
        break_line(layout);
        return UM_OK;
    }
    if (glyph->code_point == '\t') {
        note_answer(layout, glyph);
        layout->column = (layout->column / TAB_WIDTH + 1) * TAB_WIDTH;
        return UM_OK;
    }
    if (glyph->code_point == '\r') {
        return UM_OK;
    }
    if (!um_cli_is_printable(glyph->code_point)) {
        return put_cell(layout, glyph, UM_UTF8_REPLACEMENT, strlen(UM_UTF8_REPLACEMENT), 1, error);
    }
    return put_cell(layout, glyph, glyph->bytes, glyph->length,
                    um_terminal_width(glyph->code_point), error);
}

um_status um_text_layout_build(um_text_layout *layout, const um_text_canvas *canvas, size_t columns,
                               bool cut, um_error *error) {
    layout->count = 0;
    layout->columns = columns < 2 ? 2 : columns;
    layout->line = 0;
    layout->column = 0;
    layout->has_answer = false;
    layout->first_answer_line = 0;
    layout->last_answer_line = 0;
    UM_TRY(um_text_canvas_walk(canvas, cut, put_glyph, layout, error));
    /* A newline at the very end opens no line. */
    layout->line_count = layout->line + (layout->column > 0 || layout->line == 0 ? 1 : 0);
    return UM_OK;
}

void um_text_layout_free(um_text_layout *layout) {
    free(layout->cells);
    *layout = (um_text_layout){0};
}

size_t um_text_layout_find(const um_text_layout *layout, size_t line) {
    size_t low = 0;
    size_t high = layout->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (layout->cells[middle].line < line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
