#include "cli/terminal/live_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/terminal/text_layout.h"

#define FRAME_SECONDS (1.0 / 30)
#define CONTEXT_LINES 2 /* of the prompt, if not everything fits */
#define NARROW 60       /* columns below which the legend is shorter */
#define STATUS_LINES 2  /* an empty line and the numbers */

#define RESET "\x1b[0m"
#define DIM "\x1b[2m"
/* Synchronised update, cursor off, no wrapping at the right margin; and back. */
#define FRAME_BEGIN "\x1b[?2026h\x1b[?25l\x1b[?7l"
#define FRAME_END "\x1b[?7h\x1b[?25h\x1b[?2026l"

struct um_live_view {
    um_terminal terminal;
    um_text_canvas canvas;
    um_text_layout layout;
    um_buffer frame;
    size_t steps;
    double seconds_per_step;
    double start;       /* clock */
    double last_drawn;  /* clock; before the first frame far in the past */
    size_t step;        /* of the last event */
    size_t forwards;    /* steps with events */
    size_t drawn_lines; /* of the frame on the screen; 0: none */
    size_t first_line;  /* of the layout, shown at the top */
    bool has_events;
    bool changed;
};

um_status um_live_view_create(const um_live_view_setup *setup, um_live_view **view,
                              um_error *error) {
    *view = NULL;
    um_live_view *created = NULL;
    UM_TRY(um_allocate(&created, 1, sizeof *created, "live view", error));
    created->terminal = setup->terminal;
    created->steps = setup->steps;
    created->seconds_per_step = setup->seconds_per_step;
    created->start = um_clock_seconds();
    created->last_drawn = created->start - 1;
    created->changed = true;
    const um_status status =
        um_text_canvas_create(setup->tokens, setup->length, setup->holes, setup->hole_count,
                              setup->texts, &created->canvas, error);
    if (status != UM_OK) {
        um_live_view_free(created);
        return status;
    }
    *view = created;
    return UM_OK;
}

void um_live_view_free(um_live_view *view) {
    if (!view) {
        return;
    }
    um_text_canvas_free(&view->canvas);
    um_text_layout_free(&view->layout);
    um_buffer_free(&view->frame);
    free(view);
}

um_status um_live_view_event(um_live_view *view, const um_trace_event *event, um_error *error) {
    UM_TRY(um_text_canvas_apply(&view->canvas, event, error));
    view->forwards += !view->has_events || event->step != view->step;
    view->has_events = true;
    view->changed = true;
    view->step = event->step;
    return UM_OK;
}

void um_live_view_reset(um_live_view *view) {
    um_text_canvas_reset(&view->canvas);
    view->step = 0;
    view->forwards = 0;
    view->has_events = false;
    view->changed = true;
}

/* ---- Lines --------------------------------------------------------------- */

/* One style for a run of cells; SGR sequences are only written where it changes. */
typedef struct cell_style {
    uint8_t kind;
    size_t colour;
} cell_style;

static cell_style style_of(const um_layout_cell *cell, size_t steps) {
    const bool coloured = cell->kind == UM_GLYPH_COMMITTED || cell->kind == UM_GLYPH_SPECIAL;
    return (cell_style){cell->kind, coloured ? um_colour_ramp_index(cell->step, steps) : 0};
}

static um_status put_style(um_live_view *view, cell_style style, um_error *error) {
    if (!view->terminal.colour) {
        return UM_OK;
    }
    switch ((um_glyph_kind)style.kind) {
        case UM_GLYPH_FIXED:
            return um_buffer_append_text(&view->frame, RESET, error);
        case UM_GLYPH_MASKED:
            return um_buffer_append_text(&view->frame, RESET DIM, error);
        case UM_GLYPH_COMMITTED:
        case UM_GLYPH_SPECIAL:
            break;
    }
    return um_buffer_append_format(&view->frame, error, RESET "\x1b[38;5;%um",
                                   um_colour_ramp_palette(view->terminal.ground, style.colour));
}

static const char *mask_text(const um_terminal *terminal) {
    return terminal->utf8 ? "░" : ".";
}

static um_status put_cell(um_live_view *view, const um_layout_cell *cell, um_error *error) {
    const bool utf8 = view->terminal.utf8;
    if (cell->kind == UM_GLYPH_MASKED) {
        return um_buffer_append_text(&view->frame, mask_text(&view->terminal), error);
    }
    if (cell->kind == UM_GLYPH_SPECIAL) {
        return um_buffer_append_text(&view->frame, utf8 ? "▪" : "$", error);
    }
    if (utf8 || cell->length == 1) {
        return um_buffer_append(&view->frame, cell->bytes, cell->length, error);
    }
    return um_buffer_append(&view->frame, "??", cell->width, error);
}

static um_status put_line(um_live_view *view, size_t line, size_t steps, um_error *error) {
    const um_text_layout *layout = &view->layout;
    cell_style current = {UM_GLYPH_FIXED, 0};
    size_t column = 0;
    for (size_t i = um_text_layout_find(layout, line);
         i < layout->count && layout->cells[i].line == line; i++) {
        const um_layout_cell *cell = &layout->cells[i];
        for (; column < cell->column; column++) {
            UM_TRY(um_buffer_append(&view->frame, " ", 1, error));
        }
        const cell_style style = style_of(cell, steps);
        if (style.kind != current.kind || style.colour != current.colour) {
            UM_TRY(put_style(view, style, error));
            current = style;
        }
        UM_TRY(put_cell(view, cell, error));
        column = cell->column + cell->width;
    }
    return put_style(view, (cell_style){UM_GLYPH_FIXED, 0}, error);
}

/* ---- Numbers ------------------------------------------------------------- */

/* What the status line shows. */
typedef struct run_numbers {
    size_t steps_done;
    size_t steps;
    size_t forwards;
    size_t committed;
    size_t text; /* tokens of the answer, without end tokens and padding */
    size_t answer;
    double seconds;
} run_numbers;

static run_numbers numbers_of(const um_live_view *view) {
    const size_t done = view->has_events ? view->step + 1 : 0;
    return (run_numbers){
        .steps_done = done,
        .steps = view->steps > done ? view->steps : done,
        .forwards = view->forwards,
        .committed = view->canvas.committed_count,
        .text = view->canvas.text_count,
        .answer = view->canvas.answer_count,
        .seconds = view->seconds_per_step != 0 ? view->seconds_per_step * (double)done
                                               : um_clock_seconds() - view->start,
    };
}

#define STATUS_PARTS 5

static void write_status_parts(const run_numbers *numbers, char parts[STATUS_PARTS][64]) {
    const double steps = numbers->steps_done > 0 ? (double)numbers->steps_done : 1;
    const double committed = (double)numbers->committed;
    (void)snprintf(parts[0], 64, "step %zu/%zu", numbers->steps_done, numbers->steps);
    (void)snprintf(parts[1], 64, "   %zu/%zu positions", numbers->committed, numbers->answer);
    (void)snprintf(parts[2], 64, "   %.1f tokens/step", committed / steps);
    parts[3][0] = '\0';
    if (numbers->seconds > 0) {
        (void)snprintf(parts[3], 64, "   %.1f tokens/s", (double)numbers->text / numbers->seconds);
    }
    (void)snprintf(parts[4], 64, "   %zu forward%s", numbers->forwards,
                   numbers->forwards == 1 ? "" : "s");
}

/* As many numbers as fit in one line. */
static um_status put_status(um_live_view *view, const run_numbers *numbers, um_error *error) {
    char parts[STATUS_PARTS][64];
    write_status_parts(numbers, parts);
    if (view->terminal.colour) {
        UM_TRY(um_buffer_append_text(&view->frame, DIM, error));
    }
    size_t used = 0;
    for (size_t i = 0; i < STATUS_PARTS; i++) {
        used += strlen(parts[i]);
        if (used >= view->terminal.columns) {
            break;
        }
        UM_TRY(um_buffer_append_text(&view->frame, parts[i], error));
    }
    return put_style(view, (cell_style){UM_GLYPH_FIXED, 0}, error);
}

/* ---- Frames -------------------------------------------------------------- */

/* The line of the first masked position, which moves down as the answer fills up. */
static size_t line_of_interest(const um_text_layout *layout) {
    for (size_t i = um_text_layout_find(layout, layout->first_answer_line); i < layout->count;
         i++) {
        if (layout->cells[i].kind == UM_GLYPH_MASKED) {
            return layout->cells[i].line;
        }
    }
    return layout->last_answer_line;
}

/* Choose the first line to show, so that the answer is in view or, if it is too long, its first
 * masked position, without jumping about. */
static void scroll(um_live_view *view, size_t height) {
    const um_text_layout *layout = &view->layout;
    if (layout->line_count <= height) {
        view->first_line = 0;
        return;
    }
    const size_t furthest = layout->line_count - height;
    const size_t context = height > 3 * CONTEXT_LINES ? CONTEXT_LINES : 0;
    const size_t first_answer = layout->first_answer_line;
    if (layout->last_answer_line - first_answer + 1 + context <= height) {
        view->first_line = first_answer > context ? first_answer - context : 0;
    } else {
        const size_t line = line_of_interest(layout);
        if (line < view->first_line + context) {
            view->first_line = line > context ? line - context : 0;
        } else if (line + context >= view->first_line + height) {
            view->first_line = line + context + 1 - height;
        }
    }
    if (view->first_line > furthest) {
        view->first_line = furthest;
    }
}

static um_status begin_frame(um_live_view *view, um_error *error) {
    um_buffer_clear(&view->frame);
    UM_TRY(um_buffer_append_text(&view->frame, FRAME_BEGIN, error));
    const bool resized = um_terminal_resize(&view->terminal);
    if (view->drawn_lines == 0) {
        return UM_OK;
    }
    if (resized) {
        /* The terminal may have folded the old lines: only clearing the screen is safe. */
        return um_buffer_append_text(&view->frame, "\x1b[H\x1b[2J", error);
    }
    UM_TRY(um_buffer_append_text(&view->frame, "\r", error));
    return view->drawn_lines == 1
               ? UM_OK
               : um_buffer_append_format(&view->frame, error, "\x1b[%zuA", view->drawn_lines - 1);
}

static um_status end_frame(um_live_view *view, um_error *error) {
    UM_TRY(um_buffer_append_text(&view->frame, FRAME_END, error));
    return um_terminal_write(&view->terminal, &view->frame, error);
}

static um_status draw(um_live_view *view, um_error *error) {
    UM_TRY(begin_frame(view, error));
    UM_TRY(
        um_text_layout_build(&view->layout, &view->canvas, view->terminal.columns, false, error));
    const size_t rows = view->terminal.rows;
    const size_t height = rows > STATUS_LINES + 1 ? rows - STATUS_LINES : 1;
    scroll(view, height);
    const size_t rest = view->layout.line_count - view->first_line;
    const size_t shown = rest < height ? rest : height;
    const run_numbers numbers = numbers_of(view);
    for (size_t i = 0; i < shown; i++) {
        UM_TRY(put_line(view, view->first_line + i, numbers.steps, error));
        UM_TRY(um_buffer_append_text(&view->frame, "\x1b[K\r\n", error));
    }
    UM_TRY(um_buffer_append_text(&view->frame, "\x1b[K\r\n", error));
    UM_TRY(put_status(view, &numbers, error));
    UM_TRY(um_buffer_append_text(&view->frame, "\x1b[J", error));
    view->drawn_lines = shown + STATUS_LINES;
    view->changed = false;
    view->last_drawn = um_clock_seconds();
    return end_frame(view, error);
}

um_status um_live_view_refresh(um_live_view *view, bool now, um_error *error) {
    const bool due = um_clock_seconds() - view->last_drawn >= FRAME_SECONDS;
    return now || (view->changed && due) ? draw(view, error) : UM_OK;
}

/* ---- The end ------------------------------------------------------------- */

static um_status put_legend(um_live_view *view, size_t steps, um_error *error) {
    const size_t columns = view->terminal.columns;
    if (!view->terminal.colour || columns < NARROW / 2) {
        return UM_OK;
    }
    const size_t width = columns < NARROW ? 1 : 2;
    UM_TRY(um_buffer_append_text(&view->frame, DIM "step 1 " RESET, error));
    for (size_t i = 0; i < UM_COLOUR_RAMP_SIZE * width; i++) {
        UM_TRY(put_style(view, (cell_style){UM_GLYPH_COMMITTED, i / width}, error));
        UM_TRY(um_buffer_append_text(&view->frame, view->terminal.utf8 ? "█" : "#", error));
    }
    UM_TRY(um_buffer_append_format(&view->frame, error, RESET DIM " step %zu" RESET, steps));
    if (view->canvas.committed_count < view->canvas.answer_count && columns >= NARROW) {
        UM_TRY(um_buffer_append_format(&view->frame, error, DIM "   %s masked" RESET,
                                       mask_text(&view->terminal)));
    }
    return um_buffer_append_text(&view->frame, "\r\n", error);
}

um_status um_live_view_finish(um_live_view *view, const um_trace_end *end, um_error *error) {
    run_numbers numbers = numbers_of(view);
    if (end) {
        numbers.steps_done = end->steps;
        numbers.forwards = end->forwards;
        numbers.seconds = end->seconds > 0 ? end->seconds : numbers.seconds;
    }
    /* The colours now span the steps that were made. */
    const size_t steps = numbers.steps_done;
    UM_TRY(begin_frame(view, error));
    UM_TRY(um_text_layout_build(&view->layout, &view->canvas, view->terminal.columns, true, error));
    UM_TRY(um_buffer_append_text(&view->frame, "\x1b[J", error));
    for (size_t i = 0; i < view->layout.line_count; i++) {
        UM_TRY(put_line(view, i, steps, error));
        UM_TRY(um_buffer_append_text(&view->frame, "\r\n", error));
    }
    UM_TRY(um_buffer_append_text(&view->frame, "\r\n", error));
    UM_TRY(put_legend(view, steps, error));
    UM_TRY(put_status(view, &numbers, error));
    UM_TRY(um_buffer_append_text(&view->frame, "\r\n", error));
    view->drawn_lines = 0;
    return end_frame(view, error);
}
