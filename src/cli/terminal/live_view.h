/* Decoding as it happens, on a terminal: the text of the canvas with masked positions as dim blocks
 * and committed tokens in the colour of the step that committed them, and a line of numbers below.
 * At the end the whole text stays on the screen, with a legend.
 *
 * The cursor is hidden only within the one write of a frame, so that a program that is killed
 * leaves the terminal as it was. */
#ifndef UM_CLI_TERMINAL_LIVE_VIEW_H
#define UM_CLI_TERMINAL_LIVE_VIEW_H

#include "cli/terminal/terminal.h"
#include "cli/terminal/text_canvas.h"

typedef struct um_live_view um_live_view;

typedef struct um_live_view_setup {
    um_terminal terminal;  /* um_terminal_probe; is_live must hold */
    const int32_t *tokens; /* [length]: the canvas before the first step */
    size_t length;
    const um_canvas_hole *holes; /* [hole_count]: the answer positions */
    size_t hole_count;
    size_t steps;         /* nominal number */
    um_token_texts texts; /* must outlive the view */
    /* Of a recorded run; 0: the time is measured; below 0: it is not known. */
    double seconds_per_step;
} um_live_view_setup;

/* The arrays are copied.  Nothing is drawn yet.  The caller frees *view. */
um_status um_live_view_create(const um_live_view_setup *setup, um_live_view **view,
                              um_error *error);

/* Take note of a commit or a remask: kind, step, position and token are read. */
um_status um_live_view_event(um_live_view *view, const um_trace_event *event, um_error *error);

/* Draw what has changed; call it at the end of each step.  Frames are at least 1/30 second apart:
 * until then nothing is drawn, unless `now` is set. */
um_status um_live_view_refresh(um_live_view *view, bool now, um_error *error);

/* Begin again from the canvas before the first step. */
void um_live_view_reset(um_live_view *view);

/* Leave the whole text on the screen, each hole up to its first control token, with colours, a
 * legend and the numbers of the run.  `end` may be NULL if they are not known. */
um_status um_live_view_finish(um_live_view *view, const um_trace_end *end, um_error *error);

/* NULL is allowed. */
void um_live_view_free(um_live_view *view);

#endif
