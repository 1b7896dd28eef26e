#include "serve/sample.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* ---- Called by the batch ----------------------------------------------------- */

static void on_start(void *user, const um_start_event *start) {
    um_sample *sample = user;
    sample->status = um_live_text_begin(&sample->live, start, &sample->error);
}

static void on_event(void *user, const um_event *event) {
    um_sample *sample = user;
    if (sample->status == UM_OK) {
        um_live_text_event(&sample->live, event);
    }
}

static bool is_cancelled(void *user) {
    const um_sample *sample = user;
    return sample->status != UM_OK || sample->is_stopped || atomic_load(&sample->job->is_cancelled);
}

um_callbacks um_sample_callbacks(um_sample *sample) {
    return (um_callbacks){
        .user = sample, .start = on_start, .event = on_event, .is_cancelled = is_cancelled};
}

/* ---- Stop sequences ------------------------------------------------------------ */

/* Where the first stop sequence of the job begins in `text`, and which it is; the length of the
 * text, and NULL, if there is none. */
static size_t find_stop(const um_ask *ask, const um_buffer *text, const char **stop) {
    size_t first = text->length;
    *stop = NULL;
    for (size_t i = 0; i < ask->stop_count && text->length > 0; i++) {
        const size_t at = um_text_find(text->data, text->length, ask->stops[i]);
        if (at < first) {
            first = at;
            *stop = ask->stops[i];
        }
    }
    return first;
}

/* How many bytes at the end of `text` may be the beginning of a stop sequence. */
static size_t possible_stop(const um_ask *ask, const um_buffer *text) {
    size_t most = 0;
    for (size_t i = 0; i < ask->stop_count; i++) {
        const size_t whole = strlen(ask->stops[i]);
        for (size_t n = um_size_smaller(whole - 1, text->length); n > most; n--) {
            if (memcmp(text->data + text->length - n, ask->stops[i], n) == 0) {
                most = n;
            }
        }
    }
    return most;
}

/* ---- What a stream is told ------------------------------------------------------- */

/* Send what of text[0, end) has not been sent. */
static um_status tell(um_sample *sample, const um_buffer *text, size_t end, um_buffer *out,
                      um_error *error) {
    if (end <= sample->told && (sample->has_told || end > 0)) {
        return UM_OK;
    }
    const char *piece = um_buffer_text(text) + sample->told;
    const um_status status = sample->job->dialect->piece(
        sample->job, sample->index, piece, end - sample->told, !sample->has_told, out, error);
    sample->told = end;
    sample->has_told = true;
    return status;
}

static um_status tell_frame(um_sample *sample, const um_buffer *text, double progress,
                            um_buffer *out, um_error *error) {
    sample->told_changes = sample->live.changes + 1;
    sample->has_told = true;
    return sample->job->dialect->frame(sample->job, sample->index, um_buffer_text(text),
                                       text->length, progress, out, error);
}

static um_status step_frames(um_sample *sample, um_buffer *out, um_error *error) {
    if (sample->told_changes == sample->live.changes + 1) {
        return UM_OK;
    }
    um_buffer text = {0};
    um_status status = um_live_text_frame(&sample->live, &text, error);
    if (status == UM_OK) {
        status = tell_frame(sample, &text, um_live_text_progress(&sample->live), out, error);
    }
    um_buffer_free(&text);
    return status;
}

/* Look for stop sequences in what is settled, and send the pieces of it that cannot be part of one.
 */
static um_status step_settled(um_sample *sample, um_buffer *out, um_error *error) {
    const um_ask *ask = &sample->job->ask;
    if (sample->seen_settled == sample->live.settled) {
        return UM_OK;
    }
    sample->seen_settled = sample->live.settled;
    um_buffer text = {0};
    um_status status = um_live_text_settled(&sample->live, &text, error);
    if (status == UM_OK) {
        const char *stop;
        const size_t end = find_stop(ask, &text, &stop);
        const size_t open = stop ? 0 : possible_stop(ask, &text);
        sample->is_stopped = stop != NULL;
        if (ask->stream && !ask->frames && end - open > sample->told) {
            status = tell(sample, &text, end - open, out, error);
        }
    }
    um_buffer_free(&text);
    return status;
}

um_status um_sample_step(um_sample *sample, um_buffer *out, um_error *error) {
    const um_ask *ask = &sample->job->ask;
    if (sample->is_trial || sample->is_finished || sample->is_stopped || sample->status != UM_OK ||
        !sample->live.tokens) {
        return UM_OK;
    }
    const bool shows_frames = ask->stream && ask->frames;
    if (ask->stop_count > 0 || (ask->stream && !shows_frames)) {
        UM_TRY(step_settled(sample, out, error));
    }
    return shows_frames ? step_frames(sample, out, error) : UM_OK;
}

/* ---- The end ------------------------------------------------------------------------ */

um_status um_sample_tell_end(um_sample *sample, um_buffer *out, um_error *error) {
    const um_ask *ask = &sample->job->ask;
    if (!ask->stream) {
        return UM_OK;
    }
    UM_TRY(ask->frames ? tell_frame(sample, &sample->text, 1, out, error)
                       : tell(sample, &sample->text, sample->text.length, out, error));
    return sample->job->dialect->last(sample->job, sample->index, &sample->outcome, out, error);
}

um_status um_sample_finish(um_sample *sample, const um_result *result, um_error *error) {
    const um_answer *answer = &result->answers[0];
    UM_TRY(um_buffer_append(&sample->text, answer->text, answer->text_length, error));
    const char *stop;
    sample->text.length = find_stop(&sample->job->ask, &sample->text, &stop);
    um_sample_outcome *outcome = &sample->outcome;
    outcome->text = um_buffer_text(&sample->text);
    outcome->length = sample->text.length;
    outcome->stop = stop;
    outcome->finish = stop || result->finish == UM_FINISH_STOP ? "stop" : "length";
    outcome->facts = (um_sample_facts){.prompt_tokens = result->prompt_tokens,
                                       .answer_tokens = result->answer_tokens,
                                       .steps = result->steps,
                                       .forwards = result->forwards,
                                       .rows = result->rows,
                                       .seconds = result->seconds,
                                       .hole_length = sample->hole_length,
                                       .is_cut = sample->is_cut,
                                       .algorithm = result->algorithm};
    sample->has_end = answer->ended;
    sample->mean_log_confidence = um_live_text_mean_log_confidence(
        &sample->live, answer->token_count + (answer->ended ? 1 : 0));
    sample->is_finished = true;
    return UM_OK;
}

void um_sample_free(um_sample *sample) {
    um_live_text_free(&sample->live);
    um_buffer_free(&sample->text);
}
