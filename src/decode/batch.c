#include "decode/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "decode/decoding.h"

#define DEFAULT_LOGIT_BYTES ((size_t)128 << 20)
#define DEFAULT_FORWARD_ROWS 1024

/* Seconds that the batch has spent in each part. */
typedef struct part_seconds {
    double forward;
    double projection;
    double sampling;
} part_seconds;

/* A live job in its place. */
typedef struct live_job {
    um_decode_job *job;              /* NULL: the place is free */
    part_seconds before;             /* the seconds of the batch when the job was let in */
    um_denoiser_request requests[2]; /* the second only with guidance */
    size_t first_wanted;             /* its first wanted position, counted through the forward */
    size_t first_unconditional;
} live_job;

/* A wanted position of the forward. */
typedef struct wanted_row {
    live_job *live;
    size_t index; /* among the job's wanted positions */
} wanted_row;

struct um_decode_batch {
    um_denoiser denoiser;
    um_decode_batch_setup setup; /* with the defaults filled in */
    live_job *live;              /* [live_maximum] */
    size_t live_count;
    um_decode_job **waiting; /* [waiting_count] from waiting_first on, in order */
    size_t waiting_first;
    size_t waiting_count;
    size_t waiting_capacity;
    /* The forward in progress: the requests of its jobs, then those for guidance. */
    um_denoiser_request *requests; /* [2 * live_maximum] */
    size_t request_count;
    size_t guidance_first; /* index of the first request for guidance */
    wanted_row *wanted;    /* [wanted_count], without those for guidance */
    size_t wanted_count;
    size_t wanted_capacity;
    /* The chunk of wanted positions that is being projected and sampled. */
    size_t chunk_first;
    size_t logit_rows;
    float *logits;             /* [logit_rows][vocabulary_size] */
    float *unconditional;      /* the same for guidance, NULL before the first use */
    um_row_scratch *scratches; /* [scratch_count]: one per thread */
    size_t scratch_count;
    part_seconds seconds; /* since the batch was created */
};

/* ---- Setting up ------------------------------------------------------------- */

static um_status allocate(um_decode_batch *batch, um_error *error) {
    const size_t vocabulary_size = batch->denoiser.vocabulary_size;
    const size_t threads = um_thread_pool_size(batch->setup.pool);
    size_t requests = 0;
    if (!um_size_multiply(batch->setup.live_maximum, 2, &requests)) {
        return um_error_memory(error, "batch", SIZE_MAX);
    }
    UM_TRY(
        um_allocate(&batch->live, batch->setup.live_maximum, sizeof *batch->live, "batch", error));
    UM_TRY(um_allocate(&batch->requests, requests, sizeof *batch->requests, "batch", error));
    UM_TRY(um_allocate(&batch->scratches, threads, sizeof *batch->scratches, "sampling", error));
    batch->scratch_count = threads;
    for (size_t i = 0; i < threads; i++) {
        UM_TRY(um_row_scratch_create(vocabulary_size, &batch->scratches[i], error));
    }
    return UM_OK;
}

um_status um_decode_batch_create(const um_denoiser *denoiser, const um_decode_batch_setup *setup,
                                 um_decode_batch **batch, um_error *error) {
    *batch = NULL;
    um_decode_batch *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "batch", sizeof *created);
    }
    created->denoiser = *denoiser;
    created->setup = *setup;
    if (setup->logit_bytes == 0) {
        created->setup.logit_bytes = DEFAULT_LOGIT_BYTES;
    }
    if (setup->forward_rows == 0) {
        created->setup.forward_rows = DEFAULT_FORWARD_ROWS;
    }
    const um_status status = allocate(created, error);
    if (status != UM_OK) {
        um_decode_batch_free(created);
        return status;
    }
    *batch = created;
    return UM_OK;
}

static void forget(um_decode_job *job) {
    um_decoding_free(job->decoding);
    job->decoding = NULL;
}

void um_decode_batch_free(um_decode_batch *batch) {
    if (!batch) {
        return;
    }
    for (size_t i = 0; i < batch->setup.live_maximum && batch->live; i++) {
        if (batch->live[i].job) {
            forget(batch->live[i].job);
        }
    }
    for (size_t i = 0; i < batch->waiting_count; i++) {
        forget(batch->waiting[batch->waiting_first + i]);
    }
    free(batch->live);
    free(batch->waiting);
    free(batch->requests);
    free(batch->wanted);
    free(batch->logits);
    free(batch->unconditional);
    for (size_t i = 0; i < batch->scratch_count; i++) {
        um_row_scratch_free(&batch->scratches[i]);
    }
    free(batch->scratches);
    free(batch);
}

/* ---- Coming and going --------------------------------------------------------- */

um_status um_decode_batch_add(um_decode_batch *batch, um_canvas *canvas,
                              const um_decode_options *options, const um_decode_hooks *hooks,
                              um_decode_job *job, um_error *error) {
    if (batch->waiting_first > 0) {
        memmove(batch->waiting, batch->waiting + batch->waiting_first,
                batch->waiting_count * sizeof *batch->waiting);
        batch->waiting_first = 0;
    }
    UM_TRY(um_grow(&batch->waiting, &batch->waiting_capacity, batch->waiting_count + 1,
                   sizeof *batch->waiting, "batch", error));
    UM_TRY(um_decoding_create(&batch->denoiser, canvas, options, hooks, &job->decoding, error));
    batch->waiting[batch->waiting_count++] = job;
    return UM_OK;
}

size_t um_decode_batch_unfinished(const um_decode_batch *batch) {
    return batch->live_count + batch->waiting_count;
}

/* Finish the job with `status`, whose message is in job->error. */
static void close_job(um_decode_job *job, um_status status) {
    job->status = status;
    job->result = job->decoding->result;
    job->is_finished = true;
    forget(job);
}

/* The parts of a job's time are those of the batch during the job's lifetime, forwards for other
 * jobs included, just as in result->seconds; so their shares of it are true however a step is cut
 * into forwards. */
static void note_seconds(const um_decode_batch *batch, const live_job *live) {
    um_decode_result *result = &live->job->decoding->result;
    result->forward_seconds = batch->seconds.forward - live->before.forward;
    result->projection_seconds = batch->seconds.projection - live->before.projection;
    result->sampling_seconds = batch->seconds.sampling - live->before.sampling;
}

static void retire(um_decode_batch *batch, live_job *live, um_status status) {
    um_decode_job *job = live->job;
    note_seconds(batch, live);
    close_job(job, um_decoding_finish(job->decoding, status, &job->error));
    live->job = NULL;
    batch->live_count--;
}

/* Guidance has a sequence of its own. */
static um_status start_slots(const um_decode_batch *batch, size_t place, um_decode_job *job) {
    const um_denoiser *denoiser = &batch->denoiser;
    const size_t length = job->decoding->canvas->length;
    if (!denoiser->start) {
        return UM_OK;
    }
    UM_TRY(denoiser->start(denoiser->user, place, length, &job->error));
    return um_decoding_is_guided(job->decoding)
               ? denoiser->start(denoiser->user, place + batch->setup.live_maximum, length,
                                 &job->error)
               : UM_OK;
}

/* Put the next waiting job that can start into a free place; false: there is none. */
static bool let_in(um_decode_batch *batch, size_t place) {
    while (batch->waiting_count > 0) {
        um_decode_job *job = batch->waiting[batch->waiting_first++];
        batch->waiting_count--;
        um_status status = um_decoding_start(job->decoding, &job->error);
        if (status != UM_OK) {
            close_job(job, status);
            continue;
        }
        batch->live[place].job = job;
        batch->live[place].before = batch->seconds;
        batch->live_count++;
        status = start_slots(batch, place, job);
        if (status == UM_OK) {
            return true;
        }
        retire(batch, &batch->live[place], status);
    }
    return false;
}

/* Give every place a job that has a step to take, as long as there are any. */
static void fill_places(um_decode_batch *batch) {
    for (size_t place = 0; place < batch->setup.live_maximum; place++) {
        live_job *live = &batch->live[place];
        bool has_step = false;
        while (!has_step && (live->job || let_in(batch, place))) {
            const um_status status =
                um_decoding_plan(live->job->decoding, &has_step, &live->job->error);
            if (status != UM_OK || !has_step) {
                retire(batch, live, status);
                has_step = false;
            }
        }
    }
}

/* ---- The forward ------------------------------------------------------------------ */

static um_status note_wanted(um_decode_batch *batch, live_job *live, um_error *error) {
    const size_t count = live->requests[0].wanted_count;
    UM_TRY(um_grow(&batch->wanted, &batch->wanted_capacity, batch->wanted_count + count,
                   sizeof *batch->wanted, "batch", error));
    live->first_wanted = batch->wanted_count;
    for (size_t i = 0; i < count; i++) {
        batch->wanted[batch->wanted_count++] = (wanted_row){live, i};
    }
    return UM_OK;
}

/* Make the requests of every live job. */
static void ask_all(um_decode_batch *batch) {
    for (size_t place = 0; place < batch->setup.live_maximum; place++) {
        live_job *live = &batch->live[place];
        if (live->job) {
            um_decoding_requests(live->job->decoding, live->requests);
            live->requests[0].slot = place;
            live->requests[1].slot = place + batch->setup.live_maximum;
        }
    }
}

static size_t requested_rows(const live_job *live) {
    const um_denoiser_request *request = &live->requests[0];
    const size_t rows = request->rows ? request->row_count : request->length;
    return um_decoding_is_guided(live->job->decoding) ? 2 * rows : rows;
}

/* One past the last place, from `first` on, whose job shares the forward. */
static size_t group_end(const um_decode_batch *batch, size_t first) {
    size_t rows = 0;
    for (size_t place = first; place < batch->setup.live_maximum; place++) {
        const live_job *live = &batch->live[place];
        const size_t more = live->job ? requested_rows(live) : 0;
        if (rows > 0 && rows + more > batch->setup.forward_rows) {
            return place;
        }
        rows += more;
    }
    return batch->setup.live_maximum;
}

static um_status collect_requests(um_decode_batch *batch, size_t first, size_t end,
                                  um_error *error) {
    batch->request_count = 0;
    batch->wanted_count = 0;
    for (size_t place = first; place < end; place++) {
        live_job *live = &batch->live[place];
        if (live->job) {
            batch->requests[batch->request_count++] = live->requests[0];
            UM_TRY(note_wanted(batch, live, error));
        }
    }
    batch->guidance_first = batch->request_count;
    size_t wanted = batch->wanted_count;
    for (size_t place = first; place < end; place++) {
        live_job *live = &batch->live[place];
        if (live->job && um_decoding_is_guided(live->job->decoding)) {
            batch->requests[batch->request_count++] = live->requests[1];
            live->first_unconditional = wanted;
            wanted += live->requests[1].wanted_count;
        }
    }
    return UM_OK;
}

/* Seconds since *start, which becomes now. */
static double lap(double *start) {
    const double now = um_clock_seconds();
    const double seconds = now - *start;
    *start = now;
    return seconds;
}

static um_status make_forward(um_decode_batch *batch, um_error *error) {
    double clock = um_clock_seconds();
    UM_TRY(batch->denoiser.forward(batch->denoiser.user, batch->requests, batch->request_count,
                                   error));
    batch->seconds.forward += lap(&clock);
    for (size_t i = 0; i < batch->request_count; i++) {
        const um_denoiser_request *request = &batch->requests[i];
        const size_t kind = i < batch->guidance_first ? 0 : 1;
        live_job *live = &batch->live[request->slot - kind * batch->setup.live_maximum];
        live->requests[kind].computed_rows = request->computed_rows;
    }
    return UM_OK;
}

/* ---- Sampling ------------------------------------------------------------------- */

static size_t chunk_rows(const um_decode_batch *batch) {
    const size_t row_bytes = batch->denoiser.vocabulary_size * sizeof(float);
    const size_t threads = um_thread_pool_size(batch->setup.pool);
    const size_t fitting = batch->setup.logit_bytes / row_bytes;
    const size_t most = fitting > threads ? fitting : threads;
    return batch->wanted_count < most ? batch->wanted_count : most;
}

static um_status allocate_logits(const um_decode_batch *batch, size_t rows, float **logits,
                                 um_error *error) {
    size_t count = 0;
    if (!um_size_multiply(rows, batch->denoiser.vocabulary_size, &count)) {
        return um_error_memory(error, "logits", SIZE_MAX);
    }
    free(*logits);
    *logits = NULL;
    return um_allocate(logits, count, sizeof **logits, "logits", error);
}

/* The first step usually wants the most rows, so this rarely allocates twice. */
static um_status ensure_logits(um_decode_batch *batch, um_error *error) {
    const size_t rows = chunk_rows(batch);
    const bool is_guided = batch->request_count > batch->guidance_first;
    if (rows > batch->logit_rows) {
        batch->logit_rows = 0;
        free(batch->unconditional);
        batch->unconditional = NULL;
        UM_TRY(allocate_logits(batch, rows, &batch->logits, error));
        batch->logit_rows = rows;
    }
    return is_guided && !batch->unconditional
               ? allocate_logits(batch, batch->logit_rows, &batch->unconditional, error)
               : UM_OK;
}

/* Apply guidance to each job's part of the chunk. */
static um_status guide_chunk(um_decode_batch *batch, size_t count, um_error *error) {
    const size_t width = batch->denoiser.vocabulary_size;
    for (size_t i = 0; i < count;) {
        const wanted_row *row = &batch->wanted[batch->chunk_first + i];
        const size_t left = row->live->requests[0].wanted_count - row->index;
        const size_t rows = left < count - i ? left : count - i;
        if (um_decoding_is_guided(row->live->job->decoding)) {
            UM_TRY(batch->denoiser.logits(batch->denoiser.user,
                                          row->live->first_unconditional + row->index, rows,
                                          batch->unconditional, error));
            um_decoding_guide(row->live->job->decoding, rows, batch->unconditional,
                              batch->logits + i * width);
        }
        i += rows;
    }
    return UM_OK;
}

static void sample_row(void *user, size_t task, size_t worker) {
    um_decode_batch *batch = user;
    const size_t width = batch->denoiser.vocabulary_size;
    const wanted_row *row = &batch->wanted[batch->chunk_first + task];
    um_decoding_sample(row->live->job->decoding, row->index, batch->logits + task * width,
                       &batch->scratches[worker]);
}

static um_status sample_all(um_decode_batch *batch, um_error *error) {
    UM_TRY(ensure_logits(batch, error));
    double clock = um_clock_seconds();
    for (size_t first = 0; first < batch->wanted_count; first += batch->logit_rows) {
        const size_t left = batch->wanted_count - first;
        const size_t count = left < batch->logit_rows ? left : batch->logit_rows;
        batch->chunk_first = first;
        UM_TRY(batch->denoiser.logits(batch->denoiser.user, first, count, batch->logits, error));
        UM_TRY(guide_chunk(batch, count, error));
        batch->seconds.projection += lap(&clock);
        um_thread_pool_run(batch->setup.pool, count, sample_row, batch);
        batch->seconds.sampling += lap(&clock);
    }
    return UM_OK;
}

/* ---- The step --------------------------------------------------------------------- */

static void commit_job(um_decode_batch *batch, live_job *live) {
    um_decoding *decoding = live->job->decoding;
    const um_status status = um_decoding_commit(decoding, live->requests, &live->job->error);
    if (status != UM_OK || um_decoding_is_over(decoding)) {
        retire(batch, live, status);
    }
}

static void fail_job(um_decode_batch *batch, live_job *live, um_status status,
                     const um_error *error) {
    live->job->error = *error;
    retire(batch, live, status);
}

/* Take the step of the jobs in the places first .. end - 1. */
static void step_group(um_decode_batch *batch, size_t first, size_t end) {
    um_error error = {0};
    um_status status = collect_requests(batch, first, end, &error);
    if (status == UM_OK && batch->request_count > 0) {
        status = make_forward(batch, &error);
        status = status == UM_OK ? sample_all(batch, &error) : status;
    }
    for (size_t place = first; place < end; place++) {
        live_job *live = &batch->live[place];
        if (live->job && status == UM_OK) {
            commit_job(batch, live);
        } else if (live->job) {
            fail_job(batch, live, status, &error);
        }
    }
}

size_t um_decode_batch_step(um_decode_batch *batch) {
    fill_places(batch);
    ask_all(batch);
    for (size_t first = 0; first < batch->setup.live_maximum;) {
        const size_t end = group_end(batch, first);
        step_group(batch, first, end);
        first = end;
    }
    return um_decode_batch_unfinished(batch);
}
