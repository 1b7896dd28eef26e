/* What the terminal behind a descriptor can do. */
#ifndef UM_CLI_TERMINAL_TERMINAL_H
#define UM_CLI_TERMINAL_TERMINAL_H

#include "base/buffer.h"
#include "base/status.h"
#include "cli/terminal/colour_ramp.h"

typedef struct um_terminal {
    int descriptor;
    bool is_live; /* a terminal whose cursor can be moved: not a pipe, not TERM=dumb */
    bool colour;  /* 256 colours; off with NO_COLOR (no-color.org) */
    bool utf8;
    um_colour_ground ground; /* light only if COLORFGBG says so */
    size_t columns;
    size_t rows;
} um_terminal;

um_terminal um_terminal_probe(int descriptor);

/* Read the size again; returns whether it has changed. */
bool um_terminal_resize(um_terminal *terminal);

/* Write everything, in as few calls as the terminal takes. */
um_status um_terminal_write(const um_terminal *terminal, const um_buffer *bytes, um_error *error);

/* Columns that a printable character takes: 0, 1 or 2. */
size_t um_terminal_width(uint32_t code_point);

/* ---- Keys ---------------------------------------------------------------- */

typedef enum um_key {
    UM_KEY_FORWARD, /* space, Enter, n, right or down */
    UM_KEY_BACK,    /* b, p, left, up or backspace */
    UM_KEY_RUN,     /* e or End: to the end */
    UM_KEY_QUIT     /* q, Escape, end of input or Ctrl-C */
} um_key;

/* Wait for one of the keys on standard input; if it is a terminal, its line mode is off
 * meanwhile. */
um_key um_terminal_read_key(void);

#endif
