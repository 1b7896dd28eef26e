/* Small helpers for text and paths. */
#ifndef UM_BASE_TEXT_H
#define UM_BASE_TEXT_H

#include "base/status.h"

bool um_text_ends_with(const char *text, const char *end);

/* The index of the first `wanted` (not empty) in text[length], which may hold any bytes; `length`
 * if there is none. */
size_t um_text_find(const char *text, size_t length, const char *wanted);

/* "1h 02m", "3m 20s" or "12s". */
void um_text_of_duration(double seconds, char *text, size_t text_size);

/* "true" or "false" into *flag; false, with *flag untouched, for any other text. */
bool um_text_to_flag(const char *text, bool *flag);

/* The next of the comma-separated items at *rest: *length characters, not NUL-terminated.  *rest
 * moves to the item after it, or becomes NULL after the last.  An empty text is one empty item. */
const char *um_text_next_item(const char **rest, size_t *length);

/* The last part of `path`, fully resolved first if the path exists, and without `ending` if that is
 * not the whole name: "/models/a.gguf" gives "a".  *name is for free(). */
um_status um_path_stem(const char *path, const char *ending, char **name, um_error *error);

#endif
