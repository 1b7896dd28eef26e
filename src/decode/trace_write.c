#include <string.h>

#include "base/json.h"
#include "decode/trace.h"

static um_status finish_line(um_trace_writer *writer, um_error *error) {
    UM_TRY(um_buffer_append_text(&writer->line, "\n", error));
    return writer->write(writer->user, um_buffer_text(&writer->line), writer->line.length, error);
}

static um_status append_named_text(um_buffer *line, const char *name, const char *text,
                                   um_error *error) {
    UM_TRY(um_buffer_append_format(line, error, ",\"%s\":", name));
    return um_json_append_string(line, text, strlen(text), error);
}

static um_status append_canvas(um_buffer *line, const um_trace_header *header, um_error *error) {
    UM_TRY(um_buffer_append_text(line, ",\"tokens\":[", error));
    for (size_t i = 0; i < header->length; i++) {
        UM_TRY(
            um_buffer_append_format(line, error, "%s%ld", i ? "," : "", (long)header->tokens[i]));
    }
    UM_TRY(um_buffer_append_text(line, "],\"holes\":[", error));
    for (size_t i = 0; i < header->hole_count; i++) {
        UM_TRY(um_buffer_append_format(line, error, "%s[%zu,%zu]", i ? "," : "",
                                       header->holes[i].start, header->holes[i].length));
    }
    return um_buffer_append_text(line, "]}", error);
}

static um_status write_header(void *user, const um_trace_header *header, um_error *error) {
    um_trace_writer *writer = user;
    um_buffer *line = &writer->line;
    um_buffer_clear(line);
    UM_TRY(um_buffer_append_text(line, "{\"event\":\"start\",\"version\":1", error));
    UM_TRY(append_named_text(line, "model", header->model, error));
    UM_TRY(append_named_text(line, "algorithm", header->algorithm, error));
    UM_TRY(um_buffer_append_format(
        line, error,
        ",\"seed\":\"%llu\",\"sequence\":%lu,\"steps\":%zu,\"vocabulary_size\":%zu,"
        "\"mask_token\":%ld,\"settings\":",
        (unsigned long long)header->seed, (unsigned long)header->sequence, header->steps,
        header->vocabulary_size, (long)header->mask_token));
    UM_TRY(um_buffer_append_text(line, header->settings, error));
    UM_TRY(append_canvas(line, header, error));
    return finish_line(writer, error);
}

static um_status write_event(void *user, const um_trace_event *event, um_error *error) {
    um_trace_writer *writer = user;
    um_buffer *line = &writer->line;
    um_buffer_clear(line);
    const bool is_commit = event->kind == UM_TRACE_COMMIT;
    UM_TRY(um_buffer_append_format(line, error, "{\"event\":\"%s\",\"step\":%zu,\"position\":%zu",
                                   is_commit ? "commit" : "remask", event->step, event->position));
    if (is_commit) {
        /* 9 digits reproduce the float exactly. */
        UM_TRY(um_buffer_append_format(
            line, error, ",\"token\":%ld,\"confidence\":%.9g,\"entropy\":%.9g", (long)event->token,
            (double)event->confidence, (double)event->entropy));
    }
    UM_TRY(um_buffer_append_text(line, "}", error));
    return finish_line(writer, error);
}

static um_status append_floats(um_buffer *line, const char *name, const float *values, size_t count,
                               um_error *error) {
    UM_TRY(um_buffer_append_format(line, error, ",\"%s\":[", name));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(line, error, "%s%.9g", i ? "," : "", (double)values[i]));
    }
    return um_buffer_append_text(line, "]", error);
}

static um_status append_first_step(um_buffer *line, const um_trace_first_step *first,
                                   um_error *error) {
    if (first->count == 0) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_text(line, ",\"first_step\":{\"positions\":[", error));
    for (size_t i = 0; i < first->count; i++) {
        UM_TRY(um_buffer_append_format(line, error, "%s%zu", i ? "," : "", first->positions[i]));
    }
    UM_TRY(um_buffer_append_text(line, "]", error));
    UM_TRY(append_floats(line, "confidence", first->confidences, first->count, error));
    UM_TRY(append_floats(line, "entropy", first->entropies, first->count, error));
    return um_buffer_append_text(line, "}", error);
}

static um_status write_end(void *user, const um_trace_end *end, um_error *error) {
    um_trace_writer *writer = user;
    um_buffer *line = &writer->line;
    um_buffer_clear(line);
    UM_TRY(um_buffer_append_format(
        line, error,
        "{\"event\":\"end\",\"reason\":\"%s\",\"steps\":%zu,\"forwards\":%zu,\"rows\":%zu,"
        "\"committed\":%zu,\"masked\":%zu,\"seconds\":%.6f",
        um_trace_end_reason_name(end->reason), end->steps, end->forwards, end->rows, end->committed,
        end->masked, end->seconds));
    UM_TRY(append_first_step(line, &end->first_step, error));
    UM_TRY(um_buffer_append_text(line, "}", error));
    return finish_line(writer, error);
}

um_trace_sink um_trace_writer_sink(um_trace_writer *writer) {
    return (um_trace_sink){writer, write_header, write_event, write_end};
}

void um_trace_writer_free(um_trace_writer *writer) {
    um_buffer_free(&writer->line);
}
