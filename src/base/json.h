/* A thin layer over jansson: loading that reports the place of an error, and typed access to the
 * members of an object with errors that name what is missing or of the wrong type.
 *
 * In every getter `where` names the object for messages, such as "model/config.json".
 * A `require` getter fails on a missing member; an `optional` one leaves *out alone when
 * the member is missing or null, and fails on one of the wrong type. */
#ifndef UM_BASE_JSON_H
#define UM_BASE_JSON_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/status.h"

/* Largest JSON file, and line of JSON Lines, that is read, in bytes. */
#define UM_JSON_FILE_MAXIMUM ((size_t)256 << 20)
#define UM_JSON_LINE_MAXIMUM ((size_t)64 << 20)

/* Parse the file at `path`; *root is a new reference, for json_decref. */
um_status um_json_load_file(const char *path, json_t **root, um_error *error);

/* Parse `length` bytes; `where` names them in messages. */
um_status um_json_load_bytes(const char *bytes, size_t length, const char *where, json_t **root,
                             um_error *error);

/* A line of a JSON Lines file. */
typedef struct um_json_line {
    json_t *object;  /* a new reference, for json_decref; NULL for a blank line */
    char where[480]; /* "PATH: line NUMBER", for messages; also after a failure */
} um_json_line;

/* Parse the bytes of line `number` (from 1) of `path`, with or without its line feed.
 * UM_ERR_FORMAT: not an object; UM_ERR_LIMIT: longer than UM_JSON_LINE_MAXIMUM. */
um_status um_json_load_line(const char *bytes, size_t length, const char *path, size_t number,
                            um_json_line *line, um_error *error);

um_status um_json_require_object(const json_t *object, const char *where, const char *key,
                                 json_t **out, um_error *error);
um_status um_json_require_array(const json_t *object, const char *where, const char *key,
                                json_t **out, um_error *error);
/* The string stays owned by `object`.  A string with a NUL inside, which would truncate it, is an
 * error. */
um_status um_json_require_string(const json_t *object, const char *where, const char *key,
                                 const char **out, um_error *error);
um_status um_json_require_bool(const json_t *object, const char *where, const char *key, bool *out,
                               um_error *error);
um_status um_json_require_number(const json_t *object, const char *where, const char *key,
                                 double *out, um_error *error);
/* An integer in [minimum, maximum]. */
um_status um_json_require_integer(const json_t *object, const char *where, const char *key,
                                  int64_t minimum, int64_t maximum, int64_t *out, um_error *error);

/* An id: a string, or the decimal text of an integer, which is written to `number`. */
um_status um_json_require_id(const json_t *object, const char *where, const char *key,
                             char number[24], const char **out, um_error *error);

um_status um_json_optional_string(const json_t *object, const char *where, const char *key,
                                  const char **out, um_error *error);
um_status um_json_optional_bool(const json_t *object, const char *where, const char *key, bool *out,
                                um_error *error);
um_status um_json_optional_number(const json_t *object, const char *where, const char *key,
                                  double *out, um_error *error);
um_status um_json_optional_integer(const json_t *object, const char *where, const char *key,
                                   int64_t minimum, int64_t maximum, int64_t *out, um_error *error);

/* The text of a string member; "" if there is none. */
const char *um_json_text(const json_t *object, const char *key);

/* The value of a number member; 0 if there is none. */
double um_json_number(const json_t *object, const char *key);

/* A JSON string of bytes that may not be UTF-8, such as a path, repaired as um_utf8_repair does;
 * NULL when out of memory. */
json_t *um_json_repaired(const char *bytes);

/* Append `text` as a JSON string with its quotes.  Bytes that are not UTF-8 become U+FFFD. */
um_status um_json_append_string(um_buffer *buffer, const char *text, size_t length,
                                um_error *error);

#endif
