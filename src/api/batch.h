/* The structures behind batches and sessions; private to the module. */
#ifndef UM_API_BATCH_H
#define UM_API_BATCH_H

#include "api/generation.h"

struct um_batch {
    const um_model *model;
    um_transformer transformer;
    um_transformer_denoiser *denoiser;
    um_decode_batch *jobs;
    um_generation *unfinished; /* in the order of arrival */
    um_generation *finished;   /* in the order of finishing */
    uint64_t next_id;
};

struct um_session {
    um_batch *batch;
};

#endif
