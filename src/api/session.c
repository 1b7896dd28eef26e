#include "api/batch.h"

#include <stdlib.h>

um_status um_threads_create(size_t count, um_threads **threads, um_error *error) {
    *threads = NULL;
    um_threads *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "threads", sizeof *created);
    }
    const um_status status = um_thread_pool_create(count, &created->pool, error);
    if (status != UM_OK) {
        free(created);
        return status;
    }
    *threads = created;
    return UM_OK;
}

size_t um_threads_count(const um_threads *threads) {
    return um_thread_pool_size(threads->pool);
}

void um_threads_free(um_threads *threads) {
    if (threads) {
        um_thread_pool_free(threads->pool);
        free(threads);
    }
}

um_status um_session_create(const um_model *model, um_threads *threads, um_session **session,
                            um_error *error) {
    *session = NULL;
    um_session *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "session", sizeof *created);
    }
    const um_status status = um_batch_create(model, threads, 1, &created->batch, error);
    if (status != UM_OK) {
        free(created);
        return status;
    }
    *session = created;
    return UM_OK;
}

void um_session_free(um_session *session) {
    if (session) {
        um_batch_free(session->batch);
        free(session);
    }
}
