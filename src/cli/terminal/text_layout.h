/* The characters of a canvas in lines of a given width: what terminals and pictures draw. */
#ifndef UM_CLI_TERMINAL_TEXT_LAYOUT_H
#define UM_CLI_TERMINAL_TEXT_LAYOUT_H

#include "cli/terminal/text_canvas.h"

typedef struct um_layout_cell {
    size_t step;
    uint32_t position;
    uint32_t line;
    uint32_t column;
    uint8_t kind;   /* um_glyph_kind */
    uint8_t width;  /* columns: 0 for a mark over the character before it, 1 or 2 */
    uint8_t length; /* of bytes; 0 for masked positions and control tokens */
    char bytes[4];
} um_layout_cell;

/* Zero-initialise; may be reused; release with um_text_layout_free. */
typedef struct um_text_layout {
    um_layout_cell *cells; /* [count], by line and then by column */
    size_t count;
    size_t capacity;
    size_t columns;
    size_t line_count; /* at least 1 */
    /* Lines that hold answer positions: [first_answer_line, last_answer_line]. */
    size_t first_answer_line;
    size_t last_answer_line;
    bool has_answer;
    /* Private: where the next character goes. */
    size_t line;
    size_t column;
} um_text_layout;

/* Lay the canvas out anew.  Lines break at `columns` (at least 2), tabs go to the next multiple
 * of eight, and what is not printable becomes U+FFFD.  `cut` as for um_text_canvas_walk. */
um_status um_text_layout_build(um_text_layout *layout, const um_text_canvas *canvas, size_t columns,
                               bool cut, um_error *error);

void um_text_layout_free(um_text_layout *layout);

/* The index of the first cell of `line`; its cells follow until one has another line. */
size_t um_text_layout_find(const um_text_layout *layout, size_t line);

#endif
