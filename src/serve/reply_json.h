/* JSON that several APIs write into their replies. */
#ifndef UM_SERVE_REPLY_JSON_H
#define UM_SERVE_REPLY_JSON_H

#include "serve/job.h"

/* Append the text of a value, or with `is_event` a server-sent event that has it as its data.
 * Releases *value, which may be NULL after a failed allocation. */
um_status um_reply_append(um_buffer *out, json_t *value, bool is_event, um_error *error);

/* How replies of one kind are named. */
typedef struct um_reply_kind {
    const char *prefix; /* of their ids: "cmpl-" */
    const char *object; /* "text_completion" */
} um_reply_kind;

/* An object with the members that replies of OpenAI have; releases *choices.  NULL when out of
 * memory. */
json_t *um_reply_object(const um_job *job, um_reply_kind kind, json_t *choices);

/* Append the end of a stream of OpenAI's: the counts if they are wanted, and "data: [DONE]". */
um_status um_reply_append_end(const um_job *job, um_reply_kind kind,
                              const um_sample_outcome *outcomes, um_buffer *out, um_error *error);

/* Append a reply that is no stream, with the counts of tokens; releases *choices. */
um_status um_reply_append_whole(const um_job *job, um_reply_kind kind,
                                const um_sample_outcome *outcomes, json_t *choices, um_buffer *out,
                                um_error *error);

/* What only this server tells of a sample: its seed, the room that it had, algorithm, steps,
 * forwards, rows, seconds and whether text was left out; NULL when out of memory. */
json_t *um_reply_facts(const um_job *job, const um_sample_outcome *outcome);

/* What marks a frame, as Mercury does; NULL when out of memory. */
json_t *um_reply_frame_facts(double progress);

/* {"error": {...}} for a failure; `code` is that of HTTP.  NULL when out of memory. */
json_t *um_reply_error(int code, const char *message);

#endif
