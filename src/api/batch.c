/* Requests decoded side by side.  A session is a batch of one. */
#include "api/batch.h"

#include <stdlib.h>

um_status um_batch_create(const um_model *model, um_threads *threads, size_t size, um_batch **batch,
                          um_error *error) {
    *batch = NULL;
    if (size == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "a batch of 0 requests; expected at least 1");
    }
    um_batch *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "batch", sizeof *created);
    }
    um_thread_pool *pool = threads ? threads->pool : NULL;
    const um_compute compute = {.kernels = model->kernels, .pool = pool};
    created->model = model;
    created->transformer = (um_transformer){&model->config, &model->parameters};
    um_status status =
        um_transformer_denoiser_create(&created->transformer, &compute, &created->denoiser, error);
    if (status == UM_OK) {
        const um_denoiser denoiser = um_transformer_denoiser_interface(created->denoiser);
        const um_decode_batch_setup setup = {.pool = pool, .live_maximum = size};
        status = um_decode_batch_create(&denoiser, &setup, &created->jobs, error);
    }
    if (status != UM_OK) {
        um_batch_free(created);
        return status;
    }
    *batch = created;
    return UM_OK;
}

static void free_list(um_generation *first) {
    while (first) {
        um_generation *next = first->next;
        um_generation_free(first);
        first = next;
    }
}

void um_batch_free(um_batch *batch) {
    if (batch) {
        um_decode_batch_free(batch->jobs); /* drops its pointers into the requests */
        free_list(batch->unfinished);
        free_list(batch->finished);
        um_transformer_denoiser_free(batch->denoiser);
        free(batch);
    }
}

static void append(um_generation **list, um_generation *generation) {
    while (*list) {
        list = &(*list)->next;
    }
    generation->next = NULL;
    *list = generation;
}

um_status um_batch_add(um_batch *batch, const um_request *request, const um_callbacks *callbacks,
                       uint64_t *id, um_error *error) {
    um_generation *made = NULL;
    UM_TRY(um_generation_create(batch->model, request, callbacks, &made, error));
    const um_status status = um_decode_batch_add(batch->jobs, &made->canvas, &made->options.decode,
                                                 &made->hooks, &made->job, error);
    if (status != UM_OK) {
        um_generation_free(made);
        return status;
    }
    made->id = batch->next_id++;
    append(&batch->unfinished, made);
    if (id) {
        *id = made->id;
    }
    return UM_OK;
}

size_t um_batch_step(um_batch *batch) {
    const size_t unfinished = um_decode_batch_step(batch->jobs);
    for (um_generation **at = &batch->unfinished; *at;) {
        um_generation *generation = *at;
        if (generation->job.is_finished) {
            *at = generation->next;
            append(&batch->finished, generation);
        } else {
            at = &generation->next;
        }
    }
    return unfinished;
}

bool um_batch_take(um_batch *batch, um_outcome *outcome) {
    um_generation *generation = batch->finished;
    *outcome = (um_outcome){0};
    if (!generation) {
        return false;
    }
    batch->finished = generation->next;
    outcome->id = generation->id;
    outcome->status = um_generation_take(generation, &outcome->result, &outcome->error);
    um_generation_free(generation);
    return true;
}

/* ---- One at a time ----------------------------------------------------------------- */

um_status um_generate(um_session *session, const um_request *request, const um_callbacks *callbacks,
                      um_result *result, um_error *error) {
    um_outcome outcome;
    *result = (um_result){0};
    UM_TRY(um_batch_add(session->batch, request, callbacks, NULL, error));
    while (um_batch_step(session->batch) > 0) {
    }
    (void)um_batch_take(session->batch, &outcome);
    *result = outcome.result;
    if (outcome.status != UM_OK && error) {
        *error = outcome.error;
    }
    return outcome.status;
}
