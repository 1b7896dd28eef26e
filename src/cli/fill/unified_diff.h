/* A unified diff of a text in which known places were replaced. */
#ifndef UM_CLI_FILL_UNIFIED_DIFF_H
#define UM_CLI_FILL_UNIFIED_DIFF_H

#include "base/buffer.h"

/* Bytes [old_start, old_end) of the old text became [new_start, new_end) of the new one. */
typedef struct um_replacement {
    size_t old_start;
    size_t old_end;
    size_t new_start;
    size_t new_end;
} um_replacement;

/* Append the diff, with three lines of context, as `patch` reads it; nothing if no line differs.
 * The replacements are ascending, and between them the texts are equal. */
um_status um_unified_diff(const char *name, const um_buffer *old_text, const um_buffer *new_text,
                          const um_replacement *replacements, size_t count, um_buffer *output,
                          um_error *error);

#endif
