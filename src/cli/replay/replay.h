/* A recorded run as text, as JSON and as a picture. */
#ifndef UM_CLI_REPLAY_REPLAY_H
#define UM_CLI_REPLAY_REPLAY_H

#include "cli/terminal/text_canvas.h"

/* A trace with the texts of its tokens. */
typedef struct um_replay {
    const um_trace *trace;
    um_token_texts texts;
    um_text_canvas canvas; /* after the last event */
    size_t steps;          /* steps gone through */
    bool for_terminal;     /* the text must not contain control characters */
} um_replay;

/* The tokenizer for the tokens of a trace, or NULL if none is known.  If the user names one in
 * `directory`, it must fit (UM_ERR_MISMATCH); otherwise that of the header's model is tried, if it
 * is a directory here or the model that commands use by default. */
um_status um_replay_find_tokenizer(const char *directory, const um_trace_header *header,
                                   um_tokenizer **tokenizer, um_error *error);

/* With trace and texts set, fill in canvas and steps.  Call um_text_canvas_free on canvas whatever
 * the outcome. */
um_status um_replay_prepare(um_replay *replay, um_error *error);

/* Append the final text, and a table of the commits of each step. */
um_status um_replay_text(const um_replay *replay, um_buffer *output, um_error *error);

/* Append the run as one JSON object. */
um_status um_replay_json(const um_replay *replay, um_buffer *output, um_error *error);

/* Append a self-contained SVG picture: the final text with each token in the colour of its step, a
 * legend, and a looping animation that shows the tokens appear.  It follows the reader's light or
 * dark scheme, and does not move for those who want no motion. */
um_status um_replay_svg(const um_replay *replay, um_buffer *output, um_error *error);

#endif
