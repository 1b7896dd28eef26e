/* Reading large JSON values straight from the text, without building a tree: vocabularies and
 * merges are hundreds of thousands of small strings. */
#ifndef UM_TOKENIZER_JSON_CURSOR_H
#define UM_TOKENIZER_JSON_CURSOR_H

#include "base/buffer.h"
#include "base/status.h"

/* A position in a text that is not owned.  Every function that reads a value skips the white space
 * before it, and returns UM_ERR_FORMAT with the byte position if it finds something else. */
typedef struct um_json_cursor {
    const char *text;
    size_t length;
    size_t at;
} um_json_cursor;

/* Whether the next character, after white space, is `character`; if so, move past it. */
bool um_json_cursor_accept(um_json_cursor *cursor, char character);

/* Like um_json_cursor_accept, but anything else is an error. */
um_status um_json_cursor_expect(um_json_cursor *cursor, char character, um_error *error);

/* Only white space may be left. */
um_status um_json_cursor_expect_end(um_json_cursor *cursor, um_error *error);

/* Read a string: *bytes points into the text, or into `scratch` if the string has escapes. */
um_status um_json_cursor_string(um_json_cursor *cursor, um_buffer *scratch, const char **bytes,
                                size_t *length, um_error *error);

/* Read an integer of at most 18 digits. */
um_status um_json_cursor_integer(um_json_cursor *cursor, int64_t *value, um_error *error);

/* Find the value of `key` in the object that comes next (the last value, if there are several) and
 * set *value to a cursor over exactly its text.  False if there is none or the text is malformed;
 * what is skipped on the way is checked only as far as skipping it requires. */
bool um_json_cursor_member(um_json_cursor object, const char *key, um_json_cursor *value);

#endif
