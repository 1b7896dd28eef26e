/* A file with places to fill in: finding them, checking them, and putting the file together
 * again. */
#ifndef UM_CLI_FILL_FILL_PLAN_H
#define UM_CLI_FILL_FILL_PLAN_H

#include "base/buffer.h"
#include "cli/fill/unified_diff.h"

#define UM_FILL_DEFAULT_MARKER "<FILL>"
#define UM_FILL_LENGTH_MAXIMUM 65536 /* tokens of a hole */

/* Bytes [start, end) of the file are replaced by what the model writes. */
typedef struct um_fill_hole {
    size_t start;
    size_t end;
    size_t length; /* tokens; 0 if the file does not say */
} um_fill_hole;

/* Zero-initialise; release with um_fill_plan_free. */
typedef struct um_fill_plan {
    const char *name; /* of the file, for messages; not owned */
    um_buffer text;
    um_fill_hole *holes; /* [hole_count], ascending, not overlapping */
    size_t hole_count;
    size_t hole_capacity;
} um_fill_plan;

/* Read the file ("-": standard input).  UM_ERR_FORMAT: empty, or not UTF-8 text. */
um_status um_fill_plan_read(um_fill_plan *plan, const char *path, um_error *error);

/* Find every `marker`, also with a length in tokens before its last character ("<FILL:12>" for
 * "<FILL>").  UM_ERR_ARGUMENT: a marker of one character; UM_ERR_FORMAT: none in the file, a length
 * out of range. */
um_status um_fill_plan_find_markers(um_fill_plan *plan, const char *marker, um_error *error);

/* Add a hole for the lines of "A-B" or "A", counted from 1; the line feed after the last one
 * stays. */
um_status um_fill_plan_add_lines(um_fill_plan *plan, const char *range, um_error *error);

/* Put the holes in order.  UM_ERR_ARGUMENT: two of them overlap. */
um_status um_fill_plan_sort(um_fill_plan *plan, um_error *error);

/* The line, from 1, on which a hole starts. */
size_t um_fill_plan_line(const um_fill_plan *plan, size_t hole);

typedef struct um_fill_text {
    const char *bytes;
    size_t length;
} um_fill_text;

/* Append the file with texts[hole_count] in the holes; replacements[hole_count] receives where they
 * are. */
um_status um_fill_plan_apply(const um_fill_plan *plan, const um_fill_text *texts, um_buffer *output,
                             um_replacement *replacements, um_error *error);

void um_fill_plan_free(um_fill_plan *plan);

#endif
