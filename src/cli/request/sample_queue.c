#include "cli/request/sample_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "cli/cli.h"

#define PENDING_PER_PLACE 4 /* samples pending at most, the one to print next included */

/* Texts that a sample keeps; `where` names its prompt in messages. */
enum { TEXT_PROMPT, TEXT_SUFFIX, TEXT_TASK_ID, TEXT_WHERE, TEXTS };

/* A sample on its way. */
typedef struct queued_sample {
    struct queued_sample *next;
    um_sample_queue *queue;
    um_prompt prompt; /* points to `texts` */
    char *texts[TEXTS];
    size_t sample;
    uint64_t id;
    um_buffer trace; /* waits for the traces of earlier samples */
    bool is_finished;
    um_outcome outcome;
} queued_sample;

struct um_sample_queue {
    um_sample_queue_setup setup;
    um_batch *batch;
    queued_sample *first; /* the one to print next */
    queued_sample *last;
    size_t pending;
    double seconds; /* of decoding */
    bool has_failed;
};

um_status um_sample_queue_create(const um_sample_queue_setup *setup, um_sample_queue **queue,
                                 um_error *error) {
    *queue = NULL;
    um_sample_queue *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "queue of samples", sizeof *created);
    }
    created->setup = *setup;
    const um_status status =
        um_batch_create(setup->model, setup->threads, setup->size, &created->batch, error);
    if (status != UM_OK) {
        free(created);
        return status;
    }
    *queue = created;
    return UM_OK;
}

static void free_sample(queued_sample *sample) {
    for (size_t i = 0; i < TEXTS; i++) {
        free(sample->texts[i]);
    }
    um_buffer_free(&sample->trace);
    um_result_clear(&sample->outcome.result);
    free(sample);
}

void um_sample_queue_free(um_sample_queue *queue) {
    if (queue) {
        um_batch_free(queue->batch);
        while (queue->first) {
            queued_sample *next = queue->first->next;
            free_sample(queue->first);
            queue->first = next;
        }
        free(queue);
    }
}

/* ---- Callbacks ----------------------------------------------------------------- */

static bool is_cancelled(void *user) {
    (void)user;
    return um_cli_interrupted();
}

/* Traces must not mix in the file: only the sample that is printed next may write to it. */
static um_status on_trace(void *user, const char *bytes, size_t length, um_error *error) {
    queued_sample *sample = user;
    return sample == sample->queue->first
               ? um_trace_file_write(sample->queue->setup.trace, bytes, length, error)
               : um_buffer_append(&sample->trace, bytes, length, error);
}

/* ---- Printing -------------------------------------------------------------------- */

static um_status flush_trace(queued_sample *sample, um_error *error) {
    if (sample->trace.length > 0) {
        UM_TRY(um_trace_file_write(sample->queue->setup.trace, sample->trace.data,
                                   sample->trace.length, error));
    }
    um_buffer_free(&sample->trace);
    return UM_OK;
}

static um_status sample_failed(const queued_sample *sample, um_error *error) {
    const char *where = sample->texts[TEXT_WHERE];
    const um_status status = sample->outcome.status;
    *error = sample->outcome.error;
    return where && status != UM_ERR_CANCELLED ? um_error_prefix(error, status, "%s", where)
                                               : status;
}

static um_status print_first(um_sample_queue *queue, um_error *error) {
    queued_sample *sample = queue->first;
    const um_sample_queue_setup *setup = &queue->setup;
    um_status status = sample->outcome.status == UM_OK
                           ? setup->print(setup->user, &sample->prompt, sample->sample,
                                          &sample->outcome.result, error)
                           : sample_failed(sample, error);
    queue->first = sample->next;
    queue->last = queue->first ? queue->last : NULL;
    queue->pending--;
    free_sample(sample);
    return status == UM_OK && queue->first ? flush_trace(queue->first, error) : status;
}

/* ---- Decoding --------------------------------------------------------------------- */

static void take_finished(um_sample_queue *queue) {
    um_outcome outcome;
    while (um_batch_take(queue->batch, &outcome)) {
        queued_sample *sample = queue->first;
        while (sample->id != outcome.id) {
            sample = sample->next;
        }
        sample->is_finished = true;
        sample->outcome = outcome;
    }
}

/* Decode and print until at most `most` samples are pending. */
static um_status reduce(um_sample_queue *queue, size_t most, um_error *error) {
    um_status status = UM_OK;
    while (status == UM_OK && queue->pending > most) {
        if (!queue->first->is_finished) {
            const double start = um_clock_seconds();
            (void)um_batch_step(queue->batch);
            queue->seconds += um_clock_seconds() - start;
            take_finished(queue);
        } else {
            status = print_first(queue, error);
        }
    }
    queue->has_failed = status != UM_OK;
    return status;
}

double um_sample_queue_seconds(const um_sample_queue *queue) {
    return queue->seconds;
}

um_status um_sample_queue_finish(um_sample_queue *queue, um_error *error) {
    return queue->has_failed ? UM_OK : reduce(queue, 0, error);
}

static um_status copy_text(const char *text, size_t length, char **copy, um_error *error) {
    if (!text) {
        return UM_OK;
    }
    *copy = malloc(length + 1);
    if (!*copy) {
        return um_error_memory(error, "prompt", length + 1);
    }
    memcpy(*copy, text, length);
    (*copy)[length] = '\0';
    return UM_OK;
}

static um_status copy_prompt(queued_sample *sample, const um_prompt *prompt, const char *where,
                             um_error *error) {
    char **texts = sample->texts;
    const size_t id_length = prompt->task_id ? strlen(prompt->task_id) : 0;
    UM_TRY(copy_text(prompt->text, prompt->length, &texts[TEXT_PROMPT], error));
    UM_TRY(copy_text(prompt->suffix, prompt->suffix_length, &texts[TEXT_SUFFIX], error));
    UM_TRY(copy_text(prompt->task_id, id_length, &texts[TEXT_TASK_ID], error));
    UM_TRY(copy_text(where, where ? strlen(where) : 0, &texts[TEXT_WHERE], error));
    sample->prompt = *prompt;
    sample->prompt.text = texts[TEXT_PROMPT];
    sample->prompt.suffix = texts[TEXT_SUFFIX];
    sample->prompt.task_id = texts[TEXT_TASK_ID];
    return UM_OK;
}

static um_status add_sample(um_sample_queue *queue, const um_prompt *prompt,
                            const um_request *request, const char *where, queued_sample *sample,
                            um_error *error) {
    const um_callbacks callbacks = {.user = sample,
                                    .is_cancelled = is_cancelled,
                                    .trace = queue->setup.trace ? on_trace : NULL};
    sample->queue = queue;
    sample->sample = request->sample;
    UM_TRY(copy_prompt(sample, prompt, where, error));
    const um_status status = um_batch_add(queue->batch, request, &callbacks, &sample->id, error);
    return status != UM_OK && where ? um_error_prefix(error, status, "%s", where) : status;
}

static void append(um_sample_queue *queue, queued_sample *sample) {
    if (queue->last) {
        queue->last->next = sample;
    } else {
        queue->first = sample;
    }
    queue->last = sample;
    queue->pending++;
}

um_status um_sample_queue_add(um_sample_queue *queue, const um_prompt *prompt,
                              const um_request *request, const char *where, um_error *error) {
    queued_sample *sample = calloc(1, sizeof *sample);
    if (!sample) {
        return um_error_memory(error, "sample", sizeof *sample);
    }
    const um_status status = add_sample(queue, prompt, request, where, sample, error);
    if (status != UM_OK) {
        free_sample(sample);
        return status;
    }
    append(queue, sample);
    const size_t size = queue->setup.size;
    return reduce(queue, size == 1 ? 0 : PENDING_PER_PLACE * size - 1, error);
}
