/* One sample of a job while it is decoded, and what a stream has told of it. */
#ifndef UM_SERVE_SAMPLE_H
#define UM_SERVE_SAMPLE_H

#include "serve/job.h"
#include "serve/live_text.h"

typedef struct um_sample {
    um_job *job; /* borrowed */
    size_t index;
    uint64_t id;        /* in the batch */
    bool is_trial;      /* one of several lengths: a stream is told of the chosen one alone */
    bool is_cut;        /* a part of the text around the answer was left out */
    size_t hole_length; /* tokens that the answer may have */
    um_live_text live;
    um_status status; /* of the callbacks */
    um_error error;
    size_t told;         /* bytes of the text that a stream has sent */
    size_t told_changes; /* of the last frame, plus 1; 0: none was sent */
    size_t seen_settled; /* tokens that stop sequences were looked for in */
    bool has_told;       /* something was sent */
    bool is_stopped;     /* the rest need not be decoded: a stop sequence was found, or the job has
                            failed */
    bool is_finished;
    bool has_end; /* an end token follows the answer */
    double
        mean_log_confidence; /* of the tokens of the answer and that end, in nats, once finished */
    um_buffer text;          /* the answer, once finished */
    um_sample_outcome outcome;
} um_sample;

/* The functions that the batch calls for the sample. */
um_callbacks um_sample_callbacks(um_sample *sample);

/* After a step: append to `out` what a stream is told now, and look for stop sequences. */
um_status um_sample_step(um_sample *sample, um_buffer *out, um_error *error);

/* Take over what the batch found. */
um_status um_sample_finish(um_sample *sample, const um_result *result, um_error *error);

/* Then append to `out` the end of its stream, unless there is none. */
um_status um_sample_tell_end(um_sample *sample, um_buffer *out, um_error *error);

void um_sample_free(um_sample *sample);

#endif
