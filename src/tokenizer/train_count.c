/* Counts the pieces of large amounts of text with several threads.  Counts are sums, so they do not
 * depend on which thread counts what. */
#include <string.h>

#include "base/memory.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/train_internal.h"

/* Bytes of text that are queued before they are counted, and the minimum length of a slice, except
 * for the last slice of a text. */
#define PENDING_BYTES ((size_t)16 << 20)
#define SLICE_BYTES ((size_t)128 << 10)

static um_status count_piece(void *user, const char *piece, size_t length, um_error *error) {
    return um_piece_counts_add(user, piece, length, 1, error);
}

static um_status count_slice(const um_splitter *splitter, um_count_worker *worker, const char *text,
                             size_t length, um_error *error) {
    UM_TRY(um_normalize(text, length, &worker->normalized, &text, &length, error));
    return um_splitter_run(splitter, &worker->split, text, length, count_piece, &worker->counts,
                           error);
}

static void count_task(void *user, size_t task, size_t number) {
    um_tokenizer_trainer *trainer = user;
    um_count_worker *worker = &trainer->workers[number];
    if (worker->status == UM_OK) {
        const um_text_slice *slice = &trainer->slices[task];
        worker->status =
            count_slice(&trainer->splitter, worker, trainer->pending.data + slice->offset,
                        slice->length, &worker->error);
    }
}

static um_status count_pending(um_tokenizer_trainer *trainer, um_error *error) {
    um_thread_pool_run(trainer->pool, trainer->slice_count, count_task, trainer);
    trainer->slice_count = 0;
    um_buffer_clear(&trainer->pending);
    for (size_t i = 0; i < um_thread_pool_size(trainer->pool); i++) {
        const um_count_worker *worker = &trainer->workers[i];
        if (worker->status != UM_OK) {
            return UM_RAISE(error, worker->status, "%s", worker->error.message);
        }
    }
    return UM_OK;
}

/* The length of a first part of the text that can be split on its own into the same pieces: up to a
 * line feed before a printable ASCII character that is not a space.  No piece of Qwen2's expression
 * spans these two, whatever is around them, and form C does not join them. */
static size_t slice_length(const char *text, size_t length) {
    size_t at = SLICE_BYTES;
    while (at < length) {
        const char *feed = memchr(text + at, '\n', length - at);
        if (!feed) {
            break;
        }
        at = (size_t)(feed - text) + 1;
        if (at < length && text[at] > ' ' && text[at] <= '~') {
            return at;
        }
    }
    return length;
}

um_status um_trainer_queue_text(um_tokenizer_trainer *trainer, const char *text, size_t length,
                                const um_watch *watch, um_error *error) {
    size_t done = 0;
    trainer->texts++;
    trainer->bytes += length;
    while (done < length) {
        const size_t used = slice_length(text + done, length - done);
        UM_TRY(um_grow(&trainer->slices, &trainer->slice_capacity, trainer->slice_count + 1,
                       sizeof *trainer->slices, "slices of text", error));
        trainer->slices[trainer->slice_count++] = (um_text_slice){trainer->pending.length, used};
        UM_TRY(um_buffer_append(&trainer->pending, text + done, used, error));
        done += used;
        if (trainer->pending.length >= PENDING_BYTES) {
            UM_TRY(count_pending(trainer, error));
            UM_TRY(um_watch_tell(watch, done, length, error));
        }
    }
    return UM_OK;
}

um_status um_trainer_finish_counts(um_tokenizer_trainer *trainer, um_error *error) {
    UM_TRY(count_pending(trainer, error));
    for (size_t i = 0; i < um_thread_pool_size(trainer->pool); i++) {
        UM_TRY(um_piece_counts_add_all(&trainer->counts, &trainer->workers[i].counts, error));
        um_piece_counts_free(&trainer->workers[i].counts);
    }
    return UM_OK;
}
