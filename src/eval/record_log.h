/* JSON Lines files that are only appended to and survive a kill at any moment.
 *
 * Each record is one write of a whole line, so at most the last line is torn; opening the file
 * again cuts that line off.  If the disk is full, a partly written line is removed again. */
#ifndef UM_EVAL_RECORD_LOG_H
#define UM_EVAL_RECORD_LOG_H

#include "base/json.h"

typedef struct um_record_log um_record_log;

/* Called for each record in the file: `where` names its line in messages. */
typedef um_status um_record_visitor(void *user, const json_t *record, const char *where,
                                    um_error *error);

/* Read the records of the file at `path`.  If `log` is not NULL, also cut off a torn last line,
 * create the file if it is missing, and keep it open in *log for appending.  Without `log` nothing
 * is written, and a missing file has no records.  UM_ERR_FORMAT: something other than a torn end is
 * not a record; the file stays as it is. */
um_status um_record_log_open(const char *path, um_record_visitor *visitor, void *user,
                             um_record_log **log, um_error *error);

/* Append an object.  UM_ERR_IO, with the file as it was, if the disk does not take it. */
um_status um_record_log_append(um_record_log *log, const json_t *record, um_error *error);

/* Append a record as text, in the form that a log holds it: one line with its line feed. */
um_status um_record_text(const json_t *record, um_buffer *text, um_error *error);

/* Wait until the appended records are on the disk. */
um_status um_record_log_sync(um_record_log *log, um_error *error);

/* Sync as above, and close.  NULL is allowed. */
um_status um_record_log_close(um_record_log *log, um_error *error);

#endif
