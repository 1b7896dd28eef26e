/* A canvas as text while it is filled: the text of each position, and the step in which it was
 * committed.  The live view, the replay and its pictures are drawn from it. */
#ifndef UM_CLI_TERMINAL_TEXT_CANVAS_H
#define UM_CLI_TERMINAL_TEXT_CANVAS_H

#include "base/buffer.h"
#include "decode/trace.h"
#include "tokenizer/tokenizer.h"

/* Where the texts of tokens come from. */
typedef struct um_token_texts {
    void *user;
    /* The bytes of `token`, valid until the next call; false if it has no text.  *special (false
     * before the call) is set for control tokens, such as the end of a text. */
    bool (*bytes)(void *user, int32_t token, const char **bytes, size_t *length, bool *special);
} um_token_texts;

/* Texts from a tokenizer, which must outlive the result. */
um_token_texts um_token_texts_of(const um_tokenizer *tokenizer);

/* Without a tokenizer: ids, each followed by a space.  `scratch` must outlive the result. */
typedef struct um_token_id_scratch {
    char text[16];
} um_token_id_scratch;
um_token_texts um_token_texts_as_ids(um_token_id_scratch *scratch);

typedef struct um_text_position {
    uint8_t state; /* um_position_state */
    bool special;
    size_t step; /* of the commit */
    size_t start;
    size_t length; /* bytes[start .. start + length) */
} um_text_position;

typedef struct um_text_canvas {
    um_token_texts texts;
    um_text_position *positions; /* [length] */
    size_t length;
    um_canvas_hole *holes; /* [hole_count] */
    size_t hole_count;
    size_t answer_count;
    size_t committed_count; /* positions that have a token */
    size_t text_count;      /* those of them that are text: no end token, no padding */
    um_buffer bytes;        /* of all positions, in the order in which they came */
} um_text_canvas;

/* The canvas before the first step: everything in the holes is masked.  Zero-initialise *canvas
 * first, and call um_text_canvas_free whatever the outcome. */
um_status um_text_canvas_create(const int32_t *tokens, size_t length, const um_canvas_hole *holes,
                                size_t hole_count, um_token_texts texts, um_text_canvas *canvas,
                                um_error *error);
void um_text_canvas_free(um_text_canvas *canvas);

/* Apply a commit or a remask (kind, step, position and token are read); one that does not fit,
 * such as outside the holes, changes nothing. */
um_status um_text_canvas_apply(um_text_canvas *canvas, const um_trace_event *event,
                               um_error *error);

/* Mask all holes again. */
void um_text_canvas_reset(um_text_canvas *canvas);

/* The number of positions that the answer in hole `index` takes: up to its first control token,
 * included, or all of them if there is none. */
size_t um_text_canvas_answer_length(const um_text_canvas *canvas, size_t index);

/* ---- Characters ---------------------------------------------------------- */

typedef enum um_glyph_kind {
    UM_GLYPH_FIXED,
    UM_GLYPH_MASKED,    /* a masked position, no bytes */
    UM_GLYPH_COMMITTED, /* a character of an answer */
    UM_GLYPH_SPECIAL    /* a committed control token, no bytes */
} um_glyph_kind;

/* A character.  Its bytes may come from several tokens; it belongs to the token of its first
 * byte. */
typedef struct um_glyph {
    um_glyph_kind kind;
    size_t position;
    size_t step; /* of committed ones */
    uint32_t code_point;
    const char *bytes; /* [length] of UTF-8; valid during the call */
    size_t length;
} um_glyph;

typedef um_status um_glyph_function(void *user, const um_glyph *glyph, um_error *error);

/* Pass on the characters in order; bytes that are not UTF-8, or unfinished before a mask, become
 * U+FFFD.  With `cut`, each hole ends at its first control token. */
um_status um_text_canvas_walk(const um_text_canvas *canvas, bool cut, um_glyph_function *function,
                              void *user, um_error *error);

/* How text is written out. */
typedef struct um_text_form {
    const char *mask; /* stands for a masked position */
    bool printable;   /* for terminals: U+FFFD for control characters except tab and line feed */
} um_text_form;

/* Append the text of positions [first, last), cut as above. */
um_status um_text_canvas_text(const um_text_canvas *canvas, size_t first, size_t last,
                              const um_text_form *form, um_buffer *text, um_error *error);

#endif
