/* A recorded run as an SVG picture. */
#include <stdio.h>
#include <string.h>

#include "cli/quote.h"
#include "cli/replay/replay.h"
#include "cli/terminal/colour_ramp.h"
#include "cli/terminal/text_layout.h"
#include "page/html.h"

#define COLUMNS 92
#define CELL_WIDTH 8.4 /* units; text is set to this width, whatever the font */
#define LINE_HEIGHT 20.0
#define FONT_SIZE 14
#define MARGIN 16.0
#define LEGEND_HEIGHT 44.0
#define LEGEND_COLUMNS 44 /* least width of the picture */
#define SWATCH_WIDTH 16.0
#define PLAY_SECONDS 6.0
#define SLOWEST_STEP 0.25 /* seconds */
#define START_SECONDS 0.8 /* masked, before the first step */
#define HOLD_SECONDS 4.0  /* complete, before it begins again */
#define MOMENTS 96        /* most moments at which tokens appear */
#define FADE 0.8          /* percent of a round */

typedef struct picture {
    const um_replay *replay;
    um_text_layout layout;
    um_buffer *output;
    size_t moments;
    double round_seconds;
} picture;

/* ---- Time ---------------------------------------------------------------- */

/* The moment of a step, from 0. */
static size_t moment_of(const picture *state, size_t step) {
    const size_t steps = state->replay->steps;
    const size_t last = steps > 0 && step >= steps ? steps - 1 : step;
    return steps <= MOMENTS ? last : (size_t)((double)last / (double)steps * MOMENTS);
}

static void choose_time(picture *state) {
    const size_t steps = state->replay->steps;
    const double slow = (double)steps * SLOWEST_STEP;
    const double play = slow < PLAY_SECONDS ? slow : PLAY_SECONDS;
    state->moments = steps < MOMENTS ? steps : MOMENTS;
    state->round_seconds = START_SECONDS + play + HOLD_SECONDS;
}

/* Percent of a round at which a moment comes; `moments` itself is the end of the last. */
static double percent_of(const picture *state, size_t moment) {
    const double play = state->round_seconds - START_SECONDS - HOLD_SECONDS;
    const double share = (double)moment / (double)(state->moments > 0 ? state->moments : 1);
    return 100 * (START_SECONDS + play * share) / state->round_seconds;
}

/* ---- Style --------------------------------------------------------------- */

static um_status put_colours(um_buffer *output, um_colour_ground ground, um_error *error) {
    for (size_t i = 0; i < UM_COLOUR_RAMP_SIZE; i++) {
        UM_TRY(um_buffer_append_format(output, error, ".c%zu{fill:#%06x}", i,
                                       (unsigned)um_colour_ramp_rgb(ground, i)));
    }
    return um_buffer_append_text(output, "\n", error);
}

/* For each moment that has tokens: they appear (s), and their blocks vanish (h). */
static um_status put_moments(const picture *state, um_error *error) {
    bool seen[MOMENTS] = {false};
    for (size_t i = 0; i < state->layout.count; i++) {
        const um_layout_cell *cell = &state->layout.cells[i];
        if (cell->kind == UM_GLYPH_COMMITTED) {
            seen[moment_of(state, cell->step)] = true;
        }
    }
    for (size_t i = 0; i < state->moments; i++) {
        const double at = percent_of(state, i);
        if (seen[i]) {
            UM_TRY(um_buffer_append_format(
                state->output, error,
                "@keyframes s%zu{0%%,%.2f%%{opacity:0}%.2f%%,100%%{opacity:1}}"
                "@keyframes h%zu{0%%,%.2f%%{opacity:1}%.2f%%,100%%{opacity:0}}\n",
                i, at, at + FADE, i, at, at + FADE));
        }
    }
    return UM_OK;
}

static um_status put_style(const picture *state, um_error *error) {
    um_buffer *output = state->output;
    UM_TRY(um_buffer_append_format(
        output, error,
        "<style>\n"
        "text{font:%dpx ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;"
        "fill:#1f2328}\n"
        ".g{fill:#fff;stroke:#d1d9e0}.l{fill:#59636e;font-size:12px}.m{fill:#d1d9e0}\n",
        FONT_SIZE));
    UM_TRY(put_colours(output, UM_GROUND_LIGHT, error));
    UM_TRY(um_buffer_append_text(
        output,
        "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.g{fill:#0d1117;stroke:#3d444d}"
        ".l{fill:#9198a1}.m{fill:#3d444d}\n",
        error));
    UM_TRY(put_colours(output, UM_GROUND_DARK, error));
    UM_TRY(um_buffer_append_format(
        output, error,
        "}\n"
        ".h{opacity:0}.b{fill:none;stroke:#8c959f}\n"
        "@media (prefers-reduced-motion:no-preference){.t,.h{animation:%.1fs linear infinite}\n",
        state->round_seconds));
    UM_TRY(put_moments(state, error));
    UM_TRY(um_buffer_append_format(
        output, error,
        "@keyframes p{0%%,%.2f%%{transform:scaleX(0)}%.2f%%,100%%{transform:scaleX(1)}}"
        ".p{transform-box:fill-box;animation:p %.1fs linear infinite}}\n",
        percent_of(state, 0), percent_of(state, state->moments), state->round_seconds));
    return um_buffer_append_text(output, "</style>\n", error);
}

/* ---- Text ---------------------------------------------------------------- */

/* Cells [first, last) are side by side: given text, masks, or the characters of one token. */
typedef struct cell_run {
    size_t first;
    size_t last;
    size_t columns;
    bool blank; /* nothing but spaces */
} cell_run;

static bool belong_together(const um_layout_cell *a, const um_layout_cell *b) {
    return a->line == b->line && a->kind == b->kind &&
           (a->kind != UM_GLYPH_COMMITTED || a->position == b->position);
}

static cell_run find_run(const um_text_layout *layout, size_t first) {
    const um_layout_cell *start = &layout->cells[first];
    cell_run run = {first, first, 0, true};
    while (run.last < layout->count && belong_together(start, &layout->cells[run.last]) &&
           layout->cells[run.last].column == start->column + run.columns) {
        const um_layout_cell *cell = &layout->cells[run.last++];
        run.columns += cell->width;
        run.blank &= cell->length == 1 && cell->bytes[0] == ' ';
    }
    return run;
}

static um_status put_block(const picture *state, const um_layout_cell *cell, size_t columns,
                           bool vanishes, um_error *error) {
    if (columns == 0) { /* a combining mark, over the character before it */
        return UM_OK;
    }
    UM_TRY(um_buffer_append_format(
        state->output, error,
        "<rect class=\"%s\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" rx=\"2\"",
        vanishes ? "m h" : "m", MARGIN + cell->column * CELL_WIDTH + 0.5,
        MARGIN + cell->line * LINE_HEIGHT + 3, (double)columns * CELL_WIDTH - 1, LINE_HEIGHT - 5));
    return vanishes
               ? um_buffer_append_format(state->output, error, " style=\"animation-name:h%zu\"/>\n",
                                         moment_of(state, cell->step))
               : um_buffer_append_text(state->output, "/>\n", error);
}

static um_status put_text(const picture *state, const cell_run *run, um_error *error) {
    const um_layout_cell *cells = state->layout.cells;
    const um_layout_cell *cell = &cells[run->first];
    UM_TRY(um_buffer_append_format(
        state->output, error, "<text x=\"%.1f\" y=\"%.0f\" textLength=\"%.1f\"",
        MARGIN + cell->column * CELL_WIDTH, MARGIN + cell->line * LINE_HEIGHT + FONT_SIZE,
        (double)run->columns * CELL_WIDTH));
    if (cell->kind == UM_GLYPH_COMMITTED) {
        UM_TRY(um_buffer_append_format(
            state->output, error, " class=\"t c%zu\" style=\"animation-name:s%zu\"",
            um_colour_ramp_index(cell->step, state->replay->steps), moment_of(state, cell->step)));
    }
    UM_TRY(um_buffer_append_text(state->output, ">", error));
    for (size_t i = run->first; i < run->last; i++) {
        UM_TRY(um_html_text(state->output, cells[i].bytes, cells[i].length, error));
    }
    return um_buffer_append_text(state->output, "</text>\n", error);
}

static um_status put_run(const picture *state, const cell_run *run, um_error *error) {
    const um_layout_cell *cell = &state->layout.cells[run->first];
    if (cell->kind == UM_GLYPH_MASKED) {
        return put_block(state, cell, run->columns, false, error);
    }
    if (cell->kind == UM_GLYPH_COMMITTED) {
        UM_TRY(put_block(state, cell, run->columns, true, error));
    }
    return run->blank ? UM_OK : put_text(state, run, error);
}

/* ---- Picture ------------------------------------------------------------- */

static um_status put_algorithm(const char *name, um_buffer *output, um_error *error) {
    um_buffer printable = {0};
    um_status status = um_cli_append_printable(&printable, name, strlen(name), error);
    if (status == UM_OK) {
        status = um_html_text(output, um_buffer_text(&printable), printable.length, error);
    }
    um_buffer_free(&printable);
    return status;
}

static um_status put_legend(const picture *state, double top, um_error *error) {
    um_buffer *output = state->output;
    const um_replay *replay = state->replay;
    double x = MARGIN + 6 * CELL_WIDTH;
    UM_TRY(um_buffer_append_format(output, error,
                                   "<text class=\"l\" x=\"%.1f\" y=\"%.1f\">step 1</text>\n",
                                   MARGIN, top + 10));
    for (size_t i = 0; i < UM_COLOUR_RAMP_SIZE; i++, x += SWATCH_WIDTH) {
        UM_TRY(um_buffer_append_format(output, error,
                                       "<rect class=\"c%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                                       "height=\"12\"/>\n",
                                       i, x, top, SWATCH_WIDTH));
    }
    UM_TRY(um_buffer_append_format(output, error, "<path class=\"b p\" d=\"M%.1f %.1fh%.1f\"/>\n",
                                   MARGIN + 6 * CELL_WIDTH, top + 15.5,
                                   x - MARGIN - 6 * CELL_WIDTH));
    UM_TRY(um_buffer_append_format(output, error,
                                   "<text class=\"l\" x=\"%.1f\" y=\"%.1f\">step %zu</text>\n",
                                   x + 6, top + 10, replay->steps));
    UM_TRY(um_buffer_append_format(
        output, error, "<text class=\"l\" x=\"%.1f\" y=\"%.1f\">%zu tokens in %zu steps, ", MARGIN,
        top + 30, replay->canvas.committed_count, replay->steps));
    UM_TRY(put_algorithm(replay->trace->header.algorithm, output, error));
    return um_buffer_append_text(output, "</text>\n", error);
}

static size_t used_columns(const um_text_layout *layout) {
    size_t columns = LEGEND_COLUMNS;
    for (size_t i = 0; i < layout->count; i++) {
        const size_t end = layout->cells[i].column + layout->cells[i].width;
        columns = end > columns ? end : columns;
    }
    return columns;
}

static um_status put_picture(const picture *state, um_error *error) {
    const double width = 2 * MARGIN + (double)used_columns(&state->layout) * CELL_WIDTH;
    const double text_height = (double)state->layout.line_count * LINE_HEIGHT;
    const double height = 2 * MARGIN + text_height + LEGEND_HEIGHT;
    UM_TRY(um_buffer_append_format(
        state->output, error,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n"
        "<title>Text written by a masked diffusion model, coloured by decoding step</title>\n",
        width, height, width, height));
    UM_TRY(put_style(state, error));
    UM_TRY(um_buffer_append_format(
        state->output, error,
        "<rect class=\"g\" x=\"0.5\" y=\"0.5\" width=\"%.0f\" height=\"%.0f\" rx=\"6\"/>\n",
        width - 1, height - 1));
    for (size_t i = 0; i < state->layout.count;) {
        const cell_run run = find_run(&state->layout, i);
        UM_TRY(put_run(state, &run, error));
        i = run.last;
    }
    UM_TRY(put_legend(state, MARGIN + text_height + 12, error));
    return um_buffer_append_text(state->output, "</svg>\n", error);
}

um_status um_replay_svg(const um_replay *replay, um_buffer *output, um_error *error) {
    picture state = {.replay = replay, .output = output};
    choose_time(&state);
    um_status status = um_text_layout_build(&state.layout, &replay->canvas, COLUMNS, true, error);
    if (status == UM_OK) {
        status = put_picture(&state, error);
    }
    um_text_layout_free(&state.layout);
    return status;
}
