#include "cli/terminal/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <utf8proc.h>

#include "cli/cli.h"

#define DEFAULT_COLUMNS 80
#define DEFAULT_ROWS 24
#define ESCAPE 0x1b
#define ESCAPE_WAIT 50 /* milliseconds to wait for the rest of an escape sequence */

/* ---- Abilities ----------------------------------------------------------- */

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

/* The locale as setlocale would choose it, without changing it for the process. */
static bool locale_is_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is_set(names[i])) {
            const char *dot = strchr(getenv(names[i]), '.');
            return dot &&
                   (strncasecmp(dot + 1, "utf-8", 5) == 0 || strncasecmp(dot + 1, "utf8", 4) == 0);
        }
    }
    return false;
}

/* COLORFGBG is "foreground;background" in the numbers of the first 16 colours. */
static um_colour_ground ground_of_environment(void) {
    const char *value = getenv("COLORFGBG");
    const char *last = value ? strrchr(value, ';') : NULL;
    const int number = last ? atoi(last + 1) : 0;
    return number == 7 || (number > 8 && number < 16) ? UM_GROUND_LIGHT : UM_GROUND_DARK;
}

um_terminal um_terminal_probe(int descriptor) {
    const bool capable = is_set("TERM") && strcmp(getenv("TERM"), "dumb") != 0;
    um_terminal terminal = {.descriptor = descriptor,
                            .is_live = capable && isatty(descriptor) == 1,
                            .utf8 = locale_is_utf8(),
                            .ground = ground_of_environment()};
    terminal.colour = terminal.is_live && !is_set("NO_COLOR");
    (void)um_terminal_resize(&terminal);
    return terminal;
}

bool um_terminal_resize(um_terminal *terminal) {
    struct winsize size = {0};
    const bool known = ioctl(terminal->descriptor, TIOCGWINSZ, &size) == 0;
    const size_t columns = known && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
    const size_t rows = known && size.ws_row > 0 ? size.ws_row : DEFAULT_ROWS;
    const bool changed = columns != terminal->columns || rows != terminal->rows;
    terminal->columns = columns;
    terminal->rows = rows;
    return changed;
}

/* ---- Output -------------------------------------------------------------- */

um_status um_terminal_write(const um_terminal *terminal, const um_buffer *bytes, um_error *error) {
    for (size_t at = 0; at < bytes->length;) {
        const ssize_t count = write(terminal->descriptor, bytes->data + at, bytes->length - at);
        if (count > 0) {
            at += (size_t)count;
        } else if (count < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = terminal->descriptor, .events = POLLOUT};
            (void)poll(&waiting, 1, -1);
        } else if (count < 0 && errno != EINTR) {
            return um_error_set_errno(error, errno, "terminal");
        }
    }
    return UM_OK;
}

size_t um_terminal_width(uint32_t code_point) {
    const int width = utf8proc_charwidth((utf8proc_int32_t)code_point);
    return width > 0 ? (size_t)width : 0;
}

/* ---- Keys ---------------------------------------------------------------- */

/* A byte, or -1 if none came in time (milliseconds; -1: for ever), input ended or Ctrl-C was
 * pressed. */
static int read_byte(int wait) {
    unsigned char byte = 0;
    return um_cli_wait_for_input(STDIN_FILENO, wait) && read(STDIN_FILENO, &byte, 1) == 1 ? byte
                                                                                          : -1;
}

/* Read the rest of a sequence such as "[C", after Escape. */
static bool read_escape_sequence(um_key *key) {
    const int introducer = read_byte(ESCAPE_WAIT);
    if (introducer != '[' && introducer != 'O') {
        *key = UM_KEY_QUIT;
        return true;
    }
    switch (read_byte(ESCAPE_WAIT)) {
        case 'A':
        case 'D':
            *key = UM_KEY_BACK;
            return true;
        case 'B':
        case 'C':
            *key = UM_KEY_FORWARD;
            return true;
        case 'F':
            *key = UM_KEY_RUN;
            return true;
        case '4': /* End, too, in tmux, screen and the Linux console: "[4~" */
            (void)read_byte(ESCAPE_WAIT);
            *key = UM_KEY_RUN;
            return true;
        default:
            return false;
    }
}

static bool key_of_byte(int byte, um_key *key) {
    switch (byte) {
        case ' ':
        case '\n':
        case '\r':
        case 'n':
            *key = UM_KEY_FORWARD;
            return true;
        case 'b':
        case 'p':
        case 0x08:
        case 0x7f:
            *key = UM_KEY_BACK;
            return true;
        case 'e':
            *key = UM_KEY_RUN;
            return true;
        case 'q':
        case 4: /* Ctrl-D */
        case -1:
            *key = UM_KEY_QUIT;
            return true;
        case ESCAPE:
            return read_escape_sequence(key);
        default:
            return false;
    }
}

um_key um_terminal_read_key(void) {
    struct termios before;
    const bool has_modes = tcgetattr(STDIN_FILENO, &before) == 0;
    if (has_modes) {
        struct termios modes = before;
        modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        modes.c_cc[VMIN] = 1;
        modes.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    }
    um_key key = UM_KEY_QUIT;
    while (!um_cli_interrupted() && !key_of_byte(read_byte(-1), &key)) {
    }
    if (has_modes) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    return um_cli_interrupted() ? UM_KEY_QUIT : key;
}
