/* Bytes of tokens, made visible on one line. */
#ifndef UM_CLI_QUOTE_H
#define UM_CLI_QUOTE_H

#include "base/buffer.h"

/* Whether a character may go to a terminal as it is: no control characters, nothing that changes
 * the direction of writing, no line separators.  Space is printable. */
bool um_cli_is_printable(uint32_t code_point);

/* Append `bytes` with U+FFFD for everything that is not printable. */
um_status um_cli_append_printable(um_buffer *text, const char *bytes, size_t length,
                                  um_error *error);

/* Append `bytes` between double quotes.  Printable UTF-8 stays as it is; \n \r \t \\ \" are
 * written so, and every other byte as \xHH. */
um_status um_cli_append_quoted(um_buffer *text, const char *bytes, size_t length, um_error *error);

#endif
