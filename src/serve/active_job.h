/* A job that is being decoded: its samples, and the trials of each.
 *
 * Where the length of an answer between two texts is open, each sample is decoded with several
 * lengths, and the surest trial is the answer (docs/SERVER.md, the length of the answer). */
#ifndef UM_SERVE_ACTIVE_JOB_H
#define UM_SERVE_ACTIVE_JOB_H

#include "serve/request_fit.h"
#include "serve/sample.h"

/* Zero-initialise; release with um_active_job_free. */
typedef struct um_active_job {
    um_job *job; /* a reference */
    um_request_fit fit;
    size_t lengths[UM_TRIALS_MAXIMUM]; /* [trials]: of the answer */
    size_t trials;                     /* of each sample; 0 before the first is added */
    um_sample *samples;                /* [job->ask.samples][trials] */
    size_t added;                      /* of these, the number that were given to the batch */
    size_t finished;                   /* of those, the number that came back */
    um_sample_outcome *outcomes;       /* [job->ask.samples] */
    um_buffer output;                  /* of this step */
    um_status status;                  /* the first failure */
    um_error error;
    struct um_active_job *next;
} um_active_job;

/* Give the next sample to the batch.  After a failure, those before it must still come back. */
um_status um_active_job_add_sample(um_active_job *active, const um_model *model,
                                   const um_fit_limits *limits, um_batch *batch, um_error *error);

/* Whether there is a next one. */
bool um_active_job_has_more(const um_active_job *active);

/* How many are in the batch. */
size_t um_active_job_in_batch(const um_active_job *active);

/* Keep the first failure; what is left of the job is not decoded. */
void um_active_job_fail(um_active_job *active, um_status status, const um_error *error);

/* The sample of that number in the batch, or NULL. */
um_sample *um_active_job_find(um_active_job *active, uint64_t id);

/* A sample has come back from the batch. */
void um_active_job_take(um_active_job *active, um_sample *sample, const um_outcome *outcome);

/* After a step: write what the streams of the job are told now. */
void um_active_job_step(um_active_job *active);

/* Whether everything has come back. */
bool um_active_job_is_over(const um_active_job *active);

/* Then write the end of the reply, unless the job has failed. */
void um_active_job_end(um_active_job *active);

/* Tell the connection that this is all, and release everything. */
void um_active_job_free(um_active_job *active);

#endif
