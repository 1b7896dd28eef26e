#include "decode/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *um_trace_end_reason_name(um_trace_end_reason reason) {
    switch (reason) {
#define UM_TRACE_NAME(name, text)                                                                  \
    case name:                                                                                     \
        return text;
        UM_TRACE_END_REASON_LIST(UM_TRACE_NAME)
#undef UM_TRACE_NAME
    }
    return "unknown";
}

static um_status copy_text(char **copy, const char *text, um_error *error) {
    const size_t size = strlen(text) + 1;
    UM_TRY(um_allocate(copy, size, 1, "trace", error));
    memcpy(*copy, text, size);
    return UM_OK;
}

static um_status record_header(void *user, const um_trace_header *header, um_error *error) {
    um_trace *trace = user;
    um_trace_free(trace);
    UM_TRY(copy_text(&trace->texts[0], header->model, error));
    UM_TRY(copy_text(&trace->texts[1], header->algorithm, error));
    UM_TRY(copy_text(&trace->texts[2], header->settings, error));
    UM_TRY(um_allocate(&trace->tokens, header->length, sizeof(int32_t), "trace", error));
    UM_TRY(um_allocate(&trace->holes, header->hole_count, sizeof(um_canvas_hole), "trace", error));
    memcpy(trace->tokens, header->tokens, header->length * sizeof(int32_t));
    memcpy(trace->holes, header->holes, header->hole_count * sizeof(um_canvas_hole));
    trace->header = *header;
    trace->header.model = trace->texts[0];
    trace->header.algorithm = trace->texts[1];
    trace->header.settings = trace->texts[2];
    trace->header.tokens = trace->tokens;
    trace->header.holes = trace->holes;
    return UM_OK;
}

static um_status record_event(void *user, const um_trace_event *event, um_error *error) {
    um_trace *trace = user;
    UM_TRY(um_grow(&trace->events, &trace->event_capacity, trace->event_count + 1,
                   sizeof(um_trace_event), "trace", error));
    trace->events[trace->event_count++] = *event;
    return UM_OK;
}

static um_status record_first_step(um_trace *trace, const um_trace_first_step *first,
                                   um_error *error) {
    const size_t count = first->count;
    trace->end.first_step = (um_trace_first_step){0};
    if (count == 0) {
        return UM_OK;
    }
    UM_TRY(um_allocate(&trace->first_positions, count, sizeof(size_t), "trace", error));
    UM_TRY(um_allocate(&trace->first_confidences, count, sizeof(float), "trace", error));
    UM_TRY(um_allocate(&trace->first_entropies, count, sizeof(float), "trace", error));
    memcpy(trace->first_positions, first->positions, count * sizeof(size_t));
    memcpy(trace->first_confidences, first->confidences, count * sizeof(float));
    memcpy(trace->first_entropies, first->entropies, count * sizeof(float));
    trace->end.first_step = (um_trace_first_step){count, trace->first_positions,
                                                  trace->first_confidences, trace->first_entropies};
    return UM_OK;
}

static um_status record_end(void *user, const um_trace_end *end, um_error *error) {
    um_trace *trace = user;
    trace->has_end = true;
    trace->end = *end;
    return record_first_step(trace, &end->first_step, error);
}

um_trace_sink um_trace_recorder(um_trace *trace) {
    return (um_trace_sink){trace, record_header, record_event, record_end};
}

void um_trace_free(um_trace *trace) {
    for (size_t i = 0; i < 3; i++) {
        free(trace->texts[i]);
    }
    free(trace->tokens);
    free(trace->holes);
    free(trace->events);
    free(trace->first_positions);
    free(trace->first_confidences);
    free(trace->first_entropies);
    *trace = (um_trace){0};
}

void um_trace_replay(const um_trace *trace, size_t event_count, int32_t *tokens) {
    memcpy(tokens, trace->header.tokens, trace->header.length * sizeof(int32_t));
    for (size_t i = 0; i < event_count && i < trace->event_count; i++) {
        const um_trace_event *event = &trace->events[i];
        tokens[event->position] =
            event->kind == UM_TRACE_COMMIT ? event->token : trace->header.mask_token;
    }
}

/* Whether a hole contains the position; positions may come in any order. */
static bool is_in_hole(const um_trace *trace, size_t position) {
    for (size_t i = 0; i < trace->header.hole_count; i++) {
        const um_canvas_hole *hole = &trace->header.holes[i];
        if (position >= hole->start && position - hole->start < hole->length) {
            return true;
        }
    }
    return false;
}

static void keep_events_in_holes(um_trace *trace) {
    size_t kept = 0;
    for (size_t i = 0; i < trace->event_count; i++) {
        if (is_in_hole(trace, trace->events[i].position)) {
            trace->events[kept++] = trace->events[i];
        }
    }
    trace->event_count = kept;
}

static void keep_first_step_in_holes(um_trace *trace) {
    size_t kept = 0;
    for (size_t i = 0; i < trace->end.first_step.count; i++) {
        if (is_in_hole(trace, trace->first_positions[i])) {
            trace->first_positions[kept] = trace->first_positions[i];
            trace->first_confidences[kept] = trace->first_confidences[i];
            trace->first_entropies[kept++] = trace->first_entropies[i];
        }
    }
    trace->end.first_step.count = kept;
}

void um_trace_shorten_holes(um_trace *trace, const size_t *lengths) {
    for (size_t i = 0; i < trace->header.hole_count; i++) {
        trace->holes[i].length = lengths[i];
    }
    keep_events_in_holes(trace);
    keep_first_step_in_holes(trace);
    trace->end.steps = trace->event_count > 0 ? trace->events[trace->event_count - 1].step + 1 : 0;
}
