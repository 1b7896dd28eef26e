/* One request of a client: what is asked, and the bytes of the reply as they come about.
 *
 * The thread of the connection creates it, hands it to the engine, and reads the reply while the
 * engine's thread writes it; each of the two holds a reference. */
#ifndef UM_SERVE_JOB_H
#define UM_SERVE_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "serve/ask.h"

/* Numbers about a finished sample, for replies. */
typedef struct um_sample_facts {
    size_t prompt_tokens;
    size_t answer_tokens;
    size_t steps;
    size_t forwards;
    size_t rows;
    double seconds;
    size_t hole_length; /* tokens that the answer could have */
    bool is_cut;        /* a part of the prompt was left out to fit the context */
    const char *algorithm;
} um_sample_facts;

/* A finished sample. */
typedef struct um_sample_outcome {
    const char *text; /* [length], UTF-8, without what a stop sequence cut off */
    size_t length;
    const char *finish; /* "stop" or "length" */
    const char *stop;   /* the stop sequence that ended it, or NULL */
    um_sample_facts facts;
} um_sample_outcome;

struct um_job;

/* How an API writes its replies; all append to `out`.  Those of a stream are never called by an API
 * that cannot stream. */
typedef struct um_dialect {
    /* New text of a sample, which follows what was sent before; `first` is the first of it. */
    um_status (*piece)(const struct um_job *job, size_t sample, const char *text, size_t length,
                       bool first, um_buffer *out, um_error *error);
    /* The whole text of a sample as it is now, undecided places included, in place of what was sent
     * before; `progress` is the share of decided places. */
    um_status (*frame)(const struct um_job *job, size_t sample, const char *text, size_t length,
                       double progress, um_buffer *out, um_error *error);
    /* A sample of a stream is finished; its text has been sent. */
    um_status (*last)(const struct um_job *job, size_t sample, const um_sample_outcome *outcome,
                      um_buffer *out, um_error *error);
    /* All samples of a stream are finished. */
    um_status (*end)(const struct um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                     um_error *error);
    /* The body of a reply that is not a stream: outcomes[ask.samples]. */
    um_status (*whole)(const struct um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                       um_error *error);
} um_dialect;

typedef struct um_job {
    /* Set by um_job_create, then read only. */
    const um_dialect *dialect;
    um_ask ask;
    const char *model; /* its name */
    char id[32];       /* the hexadecimal digits that identify the reply */
    long long created; /* seconds since 1970 */

    atomic_bool is_cancelled; /* nobody waits for the reply any more */

    /* Between the two threads. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    um_buffer output;
    bool is_finished;
    um_status status; /* once finished */
    um_error error;
    atomic_size_t answer_tokens; /* of all finished samples, for the log */

    atomic_int references;
} um_job;

/* Takes over what *ask holds, also on failure.  The job has one reference. */
um_status um_job_create(const um_dialect *dialect, um_ask *ask, const char *model, um_job **job,
                        um_error *error);

void um_job_hold(um_job *job);
/* The last reference frees the job.  NULL is allowed. */
void um_job_release(um_job *job);

/* Most bytes of a stream that wait to be read. */
#define UM_JOB_UNREAD_MAXIMUM ((size_t)4 << 20)

/* The engine: add to the reply; end it.  UM_ERR_LIMIT: the client does not read its stream. */
um_status um_job_write(um_job *job, const um_buffer *bytes, um_error *error);
void um_job_finish(um_job *job, um_status status, const um_error *error);

/* Append to `out` what the reply ends with, or all of it if it is no stream, and write that:
 * outcomes[ask.samples]. */
um_status um_job_write_end(um_job *job, const um_sample_outcome *outcomes, um_buffer *out,
                           um_error *error);

/* Write the reply to a job of which no token is wanted, and finish it. */
um_status um_job_answer_nothing(um_job *job, um_error *error);

/* The connection: wait at most `milliseconds` for something to read, and move it to the end of
 * `bytes`.  True once the job is finished and all has been read; its status and error are final
 * then. */
bool um_job_read(um_job *job, int milliseconds, um_buffer *bytes);

#endif
