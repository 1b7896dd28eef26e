/* Small questions to NUL-terminated text, and small answers. */
#ifndef UM_BASE_TEXT_H
#define UM_BASE_TEXT_H

#include "base/status.h"

bool um_text_ends_with(const char *text, const char *end);

/* The first place of `wanted`, not empty, in text[length], which may hold any byte; `length` where
 * it is not there. */
size_t um_text_find(const char *text, size_t length, const char *wanted);

/* "1h 02m", "3m 20s" or "12s". */
void um_text_of_duration(double seconds, char *text, size_t text_size);

/* "true" or "false" into *flag; false, with *flag untouched, for any other text. */
bool um_text_to_flag(const char *text, bool *flag);

/* The next of the items with commas between them, of `length` characters, without a NUL behind
 * it; *rest moves to the one after it, NULL for none.  An empty text is one empty item. */
const char *um_text_next_item(const char **rest, size_t *length);

/* The last part of `path`, with "." and ".." resolved where something is there, and without
 * `ending` where more than that remains: "/models/a.gguf" gives "a".  *name is for free(). */
um_status um_path_stem(const char *path, const char *ending, char **name, um_error *error);

#endif
