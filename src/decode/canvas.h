/* The row of tokens that decoding fills in: fixed positions, and holes of masked ones.
 *
 * A prompt to continue, an infilling problem with several holes and a file with some lines to
 * rewrite are all canvases.  Only positions inside holes ever change. */
#ifndef UM_DECODE_CANVAS_H
#define UM_DECODE_CANVAS_H

#include "base/status.h"

/* Most positions of a canvas: a position is also a 32-bit counter of the random generator. */
#define UM_CANVAS_MAXIMUM_LENGTH ((size_t)1 << 24)

typedef enum um_position_state {
    UM_POSITION_FIXED,    /* given by the caller, never changed */
    UM_POSITION_MASKED,   /* in a hole, still open */
    UM_POSITION_COMMITTED /* in a hole, decided */
} um_position_state;

/* A run of answer positions: start, start + 1, ... */
typedef struct um_canvas_hole {
    size_t start;
    size_t length; /* at least 1 */
} um_canvas_hole;

/* One piece of a canvas in order: fixed ids, or a hole. */
typedef struct um_canvas_segment {
    bool is_hole;
    size_t length;
    const int32_t *tokens; /* [length] of a fixed segment; not read for a hole */
} um_canvas_segment;

typedef struct um_canvas {
    size_t length;
    int32_t *tokens; /* [length]; masked positions hold mask_token */
    uint8_t *states; /* [length] of um_position_state */
    int32_t mask_token;
    um_canvas_hole *holes; /* [hole_count], ascending, not overlapping */
    size_t hole_count;
    size_t answer_count; /* positions in holes */
    size_t masked_count; /* of those, how many are open */
} um_canvas;

/* Build a canvas from the segments; zero-initialise *canvas first and um_canvas_free it in the end.
 *
 * `mask_token` inside a fixed segment opens that position, as in the published samplers; a run of
 * such positions becomes a hole of its own.  mask_token may be UM_NO_TOKEN_ID for autoregressive
 * decoding, which never shows a mask to the model.  UM_ERR_ARGUMENT: no segment, a hole of length
 * 0, a negative id, no hole at all. */
um_status um_canvas_create(const um_canvas_segment *segments, size_t segment_count,
                           int32_t mask_token, um_canvas *canvas, um_error *error);

/* prompt[prompt_length] followed by one hole of `answer_length` masks. */
um_status um_canvas_create_prompt(const int32_t *prompt, size_t prompt_length, size_t answer_length,
                                  int32_t mask_token, um_canvas *canvas, um_error *error);

void um_canvas_free(um_canvas *canvas);

/* Decide a masked position / open a committed one again. */
void um_canvas_commit(um_canvas *canvas, size_t position, int32_t token);
void um_canvas_remask(um_canvas *canvas, size_t position);

/* Write the positions in holes, or only those still masked, to positions[answer_count] in ascending
 * order; returns how many. */
size_t um_canvas_answer_positions(const um_canvas *canvas, size_t *positions);
size_t um_canvas_masked_positions(const um_canvas *canvas, size_t *positions);

/* How many tokens of the hole are the answer: those before the first masked position and before
 * the first of stop_tokens[stop_token_count].  *stopped (may be NULL): whether such a token follows
 * them. */
size_t um_canvas_hole_answer_length(const um_canvas *canvas, size_t hole,
                                    const int32_t *stop_tokens, size_t stop_token_count,
                                    bool *stopped);

/* Whether each hole is decided up to its end or up to and including a stop token: then committing
 * what is still masked cannot change any hole's answer. */
bool um_canvas_is_settled(const um_canvas *canvas, const int32_t *stop_tokens,
                          size_t stop_token_count);

#endif
