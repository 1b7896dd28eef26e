/* The state in which a request is decoded; private to the module. */
#ifndef UM_API_SESSION_H
#define UM_API_SESSION_H

#include "api/internal.h"

struct um_session {
    const um_model *model;
    um_thread_pool *pool; /* borrowed, may be NULL */
    um_transformer transformer;
    um_transformer_denoiser *denoiser;
};

#endif
