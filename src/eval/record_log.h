/* JSON Lines that are only appended to and outlive a kill at any moment.
 *
 * A record is one write of a whole line, so that at most the last line is torn; opening the file
 * again cuts that off.  What a full disk did not take is taken back. */
#ifndef UM_EVAL_RECORD_LOG_H
#define UM_EVAL_RECORD_LOG_H

#include "base/json.h"

typedef struct um_record_log um_record_log;

/* Told of each record that is there: `where` names its line in messages. */
typedef um_status um_record_visitor(void *user, const json_t *record, const char *where,
                                    um_error *error);

/* Read the records of the file at `path`, and with *log (not NULL) cut a torn last line off, make
 * the file where it is missing, and keep it open for more.  Without `log` nothing is written, and a
 * missing file has no records.  UM_ERR_FORMAT: something else than a torn end is no record; the
 * file stays as it is. */
um_status um_record_log_open(const char *path, um_record_visitor *visitor, void *user,
                             um_record_log **log, um_error *error);

/* Append an object.  UM_ERR_IO, with the file as it was, where the disk does not take it. */
um_status um_record_log_append(um_record_log *log, const json_t *record, um_error *error);

/* Append the text of a record, as a log has it: one line with its line feed. */
um_status um_record_text(const json_t *record, um_buffer *text, um_error *error);

/* Wait until what was appended is on the disk. */
um_status um_record_log_sync(um_record_log *log, um_error *error);

/* The same, and close.  NULL is allowed. */
um_status um_record_log_close(um_record_log *log, um_error *error);

#endif
