/* JSON that several APIs write into their replies. */
#ifndef UM_SERVE_REPLY_JSON_H
#define UM_SERVE_REPLY_JSON_H

#include "serve/job.h"

/* Append the text of a value, or with `is_event` a server-sent event that has it as its data.
 * Releases *value, which may be NULL after a failed allocation. */
um_status um_reply_append(um_buffer *out, json_t *value, bool is_event, um_error *error);

/* "data: [DONE]", the end of a stream of OpenAI's. */
um_status um_reply_append_done(um_buffer *out, um_error *error);

/* Counts of tokens as OpenAI names them, of outcomes[ask.samples]; NULL when out of memory. */
json_t *um_reply_usage(const um_job *job, const um_sample_outcome *outcomes);

/* What only this server tells of a sample: its seed, algorithm, steps, forwards, rows, seconds and
 * whether text was left out; NULL when out of memory. */
json_t *um_reply_facts(const um_job *job, const um_sample_outcome *outcome);

/* What marks a frame, as Mercury does; NULL when out of memory. */
json_t *um_reply_frame_facts(double progress);

/* {"error": {...}} for a failure; `code` is that of HTTP.  NULL when out of memory. */
json_t *um_reply_error(int code, const char *message);

#endif
