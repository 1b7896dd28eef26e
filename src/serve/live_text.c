#include "serve/live_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* A probability of 0, as for suppressed confidences, must not make a sum infinite. */
#define SMALLEST_CONFIDENCE 1e-9F

um_status um_live_text_begin(um_live_text *live, const um_start_event *start, um_error *error) {
    um_live_text_free(live);
    if (start->hole_count != 1) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%zu holes; expected one", start->hole_count);
    }
    const size_t length = start->hole_lengths[0];
    UM_TRY(um_allocate(&live->tokens, length, sizeof *live->tokens, "answer", error));
    UM_TRY(
        um_allocate(&live->log_confidence, length, sizeof *live->log_confidence, "answer", error));
    for (size_t i = 0; i < length; i++) {
        live->tokens[i] = UM_NO_TOKEN_ID;
    }
    live->model = start->model;
    live->start = start->hole_starts[0];
    live->previous = live->start > 0 ? start->tokens[live->start - 1] : UM_NO_TOKEN_ID;
    live->length = length;
    live->end = length;
    live->takes_back = start->takes_back;
    return UM_OK;
}

void um_live_text_free(um_live_text *live) {
    free(live->tokens);
    free(live->log_confidence);
    *live = (um_live_text){0};
}

void um_live_text_event(um_live_text *live, const um_event *event) {
    if (event->position < live->start || event->position - live->start >= live->length) {
        return;
    }
    const size_t at = event->position - live->start;
    const bool was_decided = live->tokens[at] != UM_NO_TOKEN_ID;
    const bool is_decided = event->kind == UM_EVENT_COMMIT;
    live->tokens[at] = is_decided ? event->token : UM_NO_TOKEN_ID;
    live->log_confidence[at] = logf(fmaxf(event->confidence, SMALLEST_CONFIDENCE));
    live->changes++;
    live->decided += (size_t)is_decided - (size_t)was_decided;
    if (live->takes_back) {
        return;
    }
    if (event->is_end && at < live->end) {
        live->end = at;
    }
    while (live->settled < live->end && live->tokens[live->settled] != UM_NO_TOKEN_ID) {
        live->settled++;
    }
}

um_status um_live_text_settled(const um_live_text *live, um_buffer *text, um_error *error) {
    if (live->settled == 0) {
        return UM_OK;
    }
    char *settled = NULL;
    size_t length = 0;
    UM_TRY(um_detokenize_after(live->model, live->previous, live->tokens, live->settled, true,
                               &settled, &length, error));
    /* A character whose bytes are not all there yet reads as U+FFFD at the end. */
    const size_t mark = strlen(UM_UTF8_REPLACEMENT);
    while (live->settled < live->end && length >= mark &&
           memcmp(settled + length - mark, UM_UTF8_REPLACEMENT, mark) == 0) {
        length -= mark;
    }
    const um_status status = um_buffer_append(text, settled, length, error);
    um_free(settled);
    return status;
}

um_status um_live_text_frame(const um_live_text *live, um_buffer *text, um_error *error) {
    size_t at = 0;
    while (at < live->end) {
        size_t next = at;
        while (next < live->end && live->tokens[next] != UM_NO_TOKEN_ID) {
            next++;
        }
        if (next == at) {
            UM_TRY(um_buffer_append_text(text, UM_UNDECIDED, error));
            at++;
            continue;
        }
        char *decided = NULL;
        size_t length = 0;
        /* What is undecided in front of it is taken to be text, as the tokens themselves are. */
        const int32_t previous = at > 0 ? live->tokens[at] : live->previous;
        UM_TRY(um_detokenize_after(live->model, previous, live->tokens + at, next - at, true,
                                   &decided, &length, error));
        const um_status status = um_buffer_append(text, decided, length, error);
        um_free(decided);
        UM_TRY(status);
        at = next;
    }
    return UM_OK;
}

double um_live_text_progress(const um_live_text *live) {
    return live->length > 0 ? (double)live->decided / (double)live->length : 0;
}

double um_live_text_mean_log_confidence(const um_live_text *live, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)live->log_confidence[i];
    }
    return count > 0 ? sum / (double)count : log((double)SMALLEST_CONFIDENCE);
}
