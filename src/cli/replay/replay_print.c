/* A recorded run as text and as JSON. */
#include <string.h>

#include "base/json.h"
#include "cli/quote.h"
#include "cli/replay/replay.h"

#define MASK_TEXT "░"

/* The first event from `first` on that belongs to another step. */
static size_t end_of_step(const um_trace *trace, size_t first) {
    size_t last = first;
    while (last < trace->event_count && trace->events[last].step == trace->events[first].step) {
        last++;
    }
    return last;
}

static bool token_bytes(const um_replay *replay, int32_t token, const char **bytes,
                        size_t *length) {
    bool special = false;
    *bytes = "";
    *length = 0;
    return replay->texts.bytes(replay->texts.user, token, bytes, length, &special);
}

/* ---- Text ---------------------------------------------------------------- */

static um_status put_whole_text(const um_replay *replay, um_buffer *output, um_error *error) {
    const size_t before = output->length;
    const um_text_form form = {.mask = MASK_TEXT, .printable = replay->for_terminal};
    UM_TRY(um_text_canvas_text(&replay->canvas, 0, replay->canvas.length, &form, output, error));
    const bool ends = output->length > before && output->data[output->length - 1] == '\n';
    return ends ? UM_OK : um_buffer_append_text(output, "\n", error);
}

static um_status put_step(const um_replay *replay, size_t first, size_t last, um_buffer *output,
                          um_error *error) {
    const um_trace_event *events = replay->trace->events;
    size_t commits = 0;
    double lowest = 1;
    for (size_t i = first; i < last; i++) {
        if (events[i].kind == UM_TRACE_COMMIT) {
            commits++;
            lowest = events[i].confidence < lowest ? (double)events[i].confidence : lowest;
        }
    }
    UM_TRY(um_buffer_append_format(output, error, "%6zu %8zu %11.4f  ", events[first].step + 1,
                                   commits, commits > 0 ? lowest : 0));
    for (size_t i = first; i < last; i++) {
        const char *bytes = NULL;
        size_t length = 0;
        const bool known = token_bytes(replay, events[i].token, &bytes, &length);
        UM_TRY(um_buffer_append_format(output, error, " %zu:", events[i].position));
        if (events[i].kind == UM_TRACE_REMASK) {
            UM_TRY(um_buffer_append_text(output, "masked", error));
        } else if (!known) {
            UM_TRY(um_buffer_append_format(output, error, "%d", (int)events[i].token));
        } else {
            UM_TRY(um_cli_append_quoted(output, bytes, length, error));
        }
    }
    return um_buffer_append_text(output, "\n", error);
}

static um_status put_summary(const um_replay *replay, um_buffer *output, um_error *error) {
    const um_trace *trace = replay->trace;
    const size_t committed = replay->canvas.committed_count;
    const char *algorithm = trace->header.algorithm;
    UM_TRY(um_cli_append_printable(output, algorithm, strlen(algorithm), error));
    UM_TRY(um_buffer_append_format(output, error, ": %zu of %zu positions in %zu steps", committed,
                                   replay->canvas.answer_count, replay->steps));
    if (!trace->has_end) {
        return um_buffer_append_text(output, "; the trace was cut short\n", error);
    }
    UM_TRY(um_buffer_append_format(output, error, ", %zu forwards, %.3f s", trace->end.forwards,
                                   trace->end.seconds));
    if (trace->end.seconds > 0) {
        UM_TRY(um_buffer_append_format(output, error, ", %.1f answer tokens/s",
                                       (double)replay->canvas.text_count / trace->end.seconds));
    }
    return um_buffer_append_format(output, error, "; end: %s\n",
                                   um_trace_end_reason_name(trace->end.reason));
}

um_status um_replay_text(const um_replay *replay, um_buffer *output, um_error *error) {
    UM_TRY(put_whole_text(replay, output, error));
    UM_TRY(um_buffer_append_format(output, error, "\n%6s %8s %11s   %s\n", "step", "commits",
                                   "confidence", "position:token"));
    for (size_t i = 0; i < replay->trace->event_count;) {
        const size_t last = end_of_step(replay->trace, i);
        UM_TRY(put_step(replay, i, last, output, error));
        i = last;
    }
    return put_summary(replay, output, error);
}

/* ---- JSON ---------------------------------------------------------------- */

static um_status put_string(const char *text, um_buffer *output, um_error *error) {
    return um_json_append_string(output, text, strlen(text), error);
}

static um_status put_range_text(const um_replay *replay, size_t first, size_t last,
                                um_buffer *output, um_error *error) {
    um_buffer text = {0};
    const um_text_form form = {.mask = MASK_TEXT};
    um_status status = um_text_canvas_text(&replay->canvas, first, last, &form, &text, error);
    if (status == UM_OK) {
        status = um_json_append_string(output, um_buffer_text(&text), text.length, error);
    }
    um_buffer_free(&text);
    return status;
}

static um_status put_json_holes(const um_replay *replay, um_buffer *output, um_error *error) {
    const um_text_canvas *canvas = &replay->canvas;
    UM_TRY(um_buffer_append_text(output, " \"holes\": [", error));
    for (size_t i = 0; i < canvas->hole_count; i++) {
        const um_canvas_hole *hole = &canvas->holes[i];
        UM_TRY(um_buffer_append_format(
            output, error, "%s{\"start\": %zu, \"length\": %zu, \"text\": ", i == 0 ? "" : ", ",
            hole->start, hole->length));
        UM_TRY(put_range_text(replay, hole->start, hole->start + hole->length, output, error));
        UM_TRY(um_buffer_append_text(output, "}", error));
    }
    return um_buffer_append_text(output, "],\n", error);
}

static um_status put_json_event(const um_replay *replay, const um_trace_event *event,
                                um_buffer *output, um_error *error) {
    if (event->kind == UM_TRACE_REMASK) {
        return um_buffer_append_format(output, error,
                                       "{\"step\": %zu, \"position\": %zu, \"remask\": true}",
                                       event->step, event->position);
    }
    const char *bytes = NULL;
    size_t length = 0;
    (void)token_bytes(replay, event->token, &bytes, &length);
    UM_TRY(um_buffer_append_format(
        output, error, "{\"step\": %zu, \"position\": %zu, \"token\": %d, \"text\": ", event->step,
        event->position, (int)event->token));
    UM_TRY(um_json_append_string(output, bytes, length, error));
    return um_buffer_append_format(output, error, ", \"confidence\": %.9g, \"entropy\": %.9g}",
                                   (double)event->confidence, (double)event->entropy);
}

static um_status put_json_end(const um_trace *trace, um_buffer *output, um_error *error) {
    if (!trace->has_end) {
        return um_buffer_append_text(output, " \"end\": null,\n", error);
    }
    return um_buffer_append_format(
        output, error, " \"end\": \"%s\", \"forwards\": %zu, \"seconds\": %.6f,\n",
        um_trace_end_reason_name(trace->end.reason), trace->end.forwards, trace->end.seconds);
}

um_status um_replay_json(const um_replay *replay, um_buffer *output, um_error *error) {
    const um_trace_header *header = &replay->trace->header;
    UM_TRY(um_buffer_append_text(output, "{\"model\": ", error));
    UM_TRY(put_string(header->model, output, error));
    UM_TRY(um_buffer_append_text(output, ", \"algorithm\": ", error));
    UM_TRY(put_string(header->algorithm, output, error));
    UM_TRY(um_buffer_append_format(output, error,
                                   ", \"seed\": \"%llu\", \"sequence\": %u,\n"
                                   " \"steps\": %zu, \"committed\": %zu, \"masked\": %zu,\n",
                                   (unsigned long long)header->seed, (unsigned)header->sequence,
                                   replay->steps, replay->canvas.committed_count,
                                   replay->canvas.answer_count - replay->canvas.committed_count));
    UM_TRY(put_json_end(replay->trace, output, error));
    UM_TRY(um_buffer_append_text(output, " \"text\": ", error));
    UM_TRY(put_range_text(replay, 0, replay->canvas.length, output, error));
    UM_TRY(um_buffer_append_text(output, ",\n", error));
    UM_TRY(put_json_holes(replay, output, error));
    UM_TRY(um_buffer_append_text(output, " \"events\": [", error));
    for (size_t i = 0; i < replay->trace->event_count; i++) {
        UM_TRY(um_buffer_append_text(output, i == 0 ? "\n  " : ",\n  ", error));
        UM_TRY(put_json_event(replay, &replay->trace->events[i], output, error));
    }
    return um_buffer_append_text(output, "]}\n", error);
}
