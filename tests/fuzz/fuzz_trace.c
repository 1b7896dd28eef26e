/* The input is any bytes.  The trace reader either refuses them or returns a trace that survives
 * being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "decode/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static um_status append(void *user, const char *bytes, size_t length, um_error *error) {
    return um_buffer_append(user, bytes, length, error);
}

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static void write_trace(const um_trace *trace, um_buffer *file) {
    um_trace_writer writer = {.user = file, .write = append};
    const um_trace_sink sink = um_trace_writer_sink(&writer);
    require(sink.header(sink.user, &trace->header, NULL) == UM_OK);
    for (size_t i = 0; i < trace->event_count; i++) {
        require(sink.event(sink.user, &trace->events[i], NULL) == UM_OK);
    }
    if (trace->has_end) {
        require(sink.end(sink.user, &trace->end, NULL) == UM_OK);
    }
    um_trace_writer_free(&writer);
}

static void check_round_trip(const um_trace *trace) {
    um_buffer file = {0};
    write_trace(trace, &file);
    um_trace again = {0};
    require(um_trace_read(file.data, file.length, "again", &again, NULL, NULL) == UM_OK);
    require(again.event_count == trace->event_count && again.has_end == trace->has_end);
    int32_t *first = malloc(trace->header.length * sizeof *first);
    int32_t *second = malloc(trace->header.length * sizeof *second);
    require(first && second && again.header.length == trace->header.length);
    um_trace_replay(trace, trace->event_count, first);
    um_trace_replay(&again, again.event_count, second);
    require(memcmp(first, second, trace->header.length * sizeof *first) == 0);
    free(first);
    free(second);
    um_trace_free(&again);
    um_buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_trace trace = {0};
    um_error error = {0};
    size_t used = 0;
    if (um_trace_read((const char *)data, size, "input", &trace, &used, &error) == UM_OK) {
        require(used > 0 && used <= size);
        check_round_trip(&trace);
    } else {
        require(error.message[0] != '\0' && !strchr(error.message, '\n'));
    }
    um_trace_free(&trace);
    return 0;
}
