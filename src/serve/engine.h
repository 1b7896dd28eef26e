/* Decodes jobs side by side, in a thread of its own. */
#ifndef UM_SERVE_ENGINE_H
#define UM_SERVE_ENGINE_H

#include "serve/job.h"
#include "serve/request_fit.h"

typedef struct um_engine um_engine;

typedef struct um_engine_setup {
    const um_model *model;
    um_threads *threads;  /* used by nobody else meanwhile; may be NULL */
    size_t batch;         /* samples decoded at a time, at least 1 */
    size_t queue;         /* jobs that may be unfinished at a time, at least 1 */
    um_fit_limits limits; /* of the answers */
} um_engine_setup;

/* `setup` is copied; what it points to must outlive the engine. */
um_status um_engine_create(const um_engine_setup *setup, um_engine **engine, um_error *error);

/* End what is not finished with UM_ERR_CANCELLED; later jobs are refused with it.  NULL is
 * allowed, also below. */
void um_engine_end(um_engine *engine);

/* The same, if it has not been done.  Nobody uses the engine any more. */
void um_engine_free(um_engine *engine);

/* Decode a job; the engine takes a reference.  UM_ERR_LIMIT: as many as may be are unfinished. */
um_status um_engine_submit(um_engine *engine, um_job *job, um_error *error);

/* Counts since the engine began, for the page of metrics. */
typedef struct um_engine_counts {
    size_t unfinished; /* jobs at this moment */
    unsigned long long finished;
    unsigned long long failed;
    unsigned long long cancelled;
    unsigned long long refused;
    unsigned long long prompt_tokens; /* these of finished jobs */
    unsigned long long answer_tokens;
    unsigned long long forwards;
    unsigned long long rows;
    double busy_seconds; /* in which something was decoded */
} um_engine_counts;

void um_engine_count(um_engine *engine, um_engine_counts *counts);

#endif
