/* Every byte of a trace file may be hostile: each record is checked against the canvas as it is
 * after the records before it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "decode/trace.h"

#define TRACE_VERSION 1
#define MAXIMUM_STEPS ((int64_t)1 << 40)

typedef struct trace_reader {
    const char *bytes;
    size_t length;
    size_t at; /* offset of the next line */
    const char *where;
    size_t line_number;
    char place[160]; /* "<where>: line <n>" */
    um_trace *trace;
    um_trace_sink recorder;
    uint8_t *states; /* [header.length] of um_position_state */
    size_t committed;
    size_t masked;
} trace_reader;

/* ---- Lines --------------------------------------------------------------- */

static um_status next_line(trace_reader *reader, json_t **record, um_error *error) {
    const char *start = reader->bytes + reader->at;
    const char *newline = memchr(start, '\n', reader->length - reader->at);
    reader->line_number++;
    (void)snprintf(reader->place, sizeof reader->place, "%.120s: line %zu", reader->where,
                   reader->line_number);
    if (!newline) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: cut off, there is no newline at its end",
                        reader->place);
    }
    const size_t length = (size_t)(newline - start);
    json_error_t problem;
    reader->at += length + 1;
    *record = json_loadb(start, length, 0, &problem);
    if (!*record) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s, column %d: %s", reader->place, problem.column,
                        problem.text);
    }
    return UM_OK;
}

/* ---- The first record ---------------------------------------------------- */

static um_status read_integer(const json_t *value, const char *place, const char *what,
                              int64_t minimum, int64_t maximum, int64_t *out, um_error *error) {
    if (!json_is_integer(value)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %s is not an integer", place, what);
    }
    *out = json_integer_value(value);
    if (*out < minimum || *out > maximum) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: %s is %" PRId64 ", expected %" PRId64 " to %" PRId64, place, what,
                        *out, minimum, maximum);
    }
    return UM_OK;
}

static um_status read_size(const json_t *record, const char *place, const char *key,
                           int64_t minimum, int64_t maximum, size_t *out, um_error *error) {
    int64_t value = 0;
    UM_TRY(um_json_require_integer(record, place, key, minimum, maximum, &value, error));
    *out = (size_t)value;
    return UM_OK;
}

static um_status read_seed(const json_t *record, const char *place, uint64_t *seed,
                           um_error *error) {
    const char *text = NULL;
    UM_TRY(um_json_require_string(record, place, "seed", &text, error));
    char *end = NULL;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"seed\" is not a number from 0 to 2^64 - 1",
                        place);
    }
    return UM_OK;
}

static um_status read_tokens(const json_t *array, const char *place, const um_trace_header *header,
                             int32_t *tokens, um_error *error) {
    for (size_t i = 0; i < header->length; i++) {
        const json_t *item = json_array_get(array, i);
        int64_t token = 0;
        const bool is_mask =
            json_is_integer(item) && json_integer_value(item) == (json_int_t)header->mask_token;
        if (!is_mask) {
            UM_TRY(read_integer(item, place, "an id in \"tokens\"", 0,
                                (int64_t)header->vocabulary_size - 1, &token, error));
        }
        tokens[i] = is_mask ? header->mask_token : (int32_t)token;
    }
    return UM_OK;
}

static um_status read_holes(const json_t *array, const char *place, const um_trace_header *header,
                            um_canvas_hole *holes, um_error *error) {
    size_t end = 0;
    for (size_t h = 0; h < header->hole_count; h++) {
        const json_t *pair = json_array_get(array, h);
        int64_t start = 0, length = 0;
        UM_TRY(read_integer(json_array_get(pair, 0), place, "the start of a hole", (int64_t)end,
                            (int64_t)header->length - 1, &start, error));
        UM_TRY(read_integer(json_array_get(pair, 1), place, "the length of a hole", 1,
                            (int64_t)header->length - start, &length, error));
        holes[h] = (um_canvas_hole){(size_t)start, (size_t)length};
        end = (size_t)(start + length);
    }
    return UM_OK;
}

/* Set the states that the header's canvas starts from. */
static um_status start_states(trace_reader *reader, um_error *error) {
    const um_trace_header *header = &reader->trace->header;
    UM_TRY(um_allocate(&reader->states, header->length, 1, "trace", error));
    for (size_t h = 0; h < header->hole_count; h++) {
        const um_canvas_hole *hole = &header->holes[h];
        for (size_t p = hole->start; p < hole->start + hole->length; p++) {
            const bool is_masked = header->tokens[p] == header->mask_token;
            reader->states[p] = is_masked ? UM_POSITION_MASKED : UM_POSITION_COMMITTED;
            reader->masked += is_masked ? 1 : 0;
            reader->committed += is_masked ? 0 : 1;
        }
    }
    return UM_OK;
}

static um_status read_header_fields(const json_t *record, const char *place,
                                    um_trace_header *header, um_error *error) {
    int64_t number = 0;
    UM_TRY(um_json_require_integer(record, place, "version", TRACE_VERSION, TRACE_VERSION, &number,
                                   error));
    UM_TRY(um_json_require_string(record, place, "model", &header->model, error));
    UM_TRY(um_json_require_string(record, place, "algorithm", &header->algorithm, error));
    UM_TRY(read_seed(record, place, &header->seed, error));
    UM_TRY(um_json_require_integer(record, place, "sequence", 0, UINT32_MAX, &number, error));
    header->sequence = (uint32_t)number;
    UM_TRY(read_size(record, place, "steps", 1, MAXIMUM_STEPS, &header->steps, error));
    UM_TRY(
        read_size(record, place, "vocabulary_size", 1, INT32_MAX, &header->vocabulary_size, error));
    UM_TRY(um_json_require_integer(record, place, "mask_token", UM_NO_TOKEN_ID,
                                   (int64_t)header->vocabulary_size - 1, &number, error));
    header->mask_token = (int32_t)number;
    return UM_OK;
}

/* Read both arrays into the copies, which have the right sizes, and give the header to the
 * recorder. */
static um_status read_canvas(trace_reader *reader, const json_t *tokens, const json_t *holes,
                             um_trace_header *header, int32_t *token_copy,
                             um_canvas_hole *hole_copy, um_error *error) {
    UM_TRY(read_tokens(tokens, reader->place, header, token_copy, error));
    UM_TRY(read_holes(holes, reader->place, header, hole_copy, error));
    header->tokens = token_copy;
    header->holes = hole_copy;
    UM_TRY(reader->recorder.header(reader->recorder.user, header, error));
    return start_states(reader, error);
}

static um_status read_arrays(trace_reader *reader, const json_t *record, um_trace_header *header,
                             um_error *error) {
    json_t *tokens = NULL, *holes = NULL;
    UM_TRY(um_json_require_array(record, reader->place, "tokens", &tokens, error));
    UM_TRY(um_json_require_array(record, reader->place, "holes", &holes, error));
    header->length = json_array_size(tokens);
    header->hole_count = json_array_size(holes);
    if (header->length == 0 || header->length > UM_CANVAS_MAXIMUM_LENGTH) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %zu tokens, expected 1 to %zu", reader->place,
                        header->length, UM_CANVAS_MAXIMUM_LENGTH);
    }
    if (header->hole_count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: no holes", reader->place);
    }
    int32_t *token_copy = NULL;
    um_canvas_hole *hole_copy = NULL;
    um_status status = um_allocate(&token_copy, header->length, sizeof(int32_t), "trace", error);
    if (status == UM_OK) {
        status =
            um_allocate(&hole_copy, header->hole_count, sizeof(um_canvas_hole), "trace", error);
    }
    if (status == UM_OK) {
        status = read_canvas(reader, tokens, holes, header, token_copy, hole_copy, error);
    }
    free(token_copy);
    free(hole_copy);
    return status;
}

static um_status read_header(trace_reader *reader, const json_t *record, um_error *error) {
    um_trace_header header = {0};
    UM_TRY(read_header_fields(record, reader->place, &header, error));
    json_t *settings = NULL;
    UM_TRY(um_json_require_object(record, reader->place, "settings", &settings, error));
    char *text = json_dumps(settings, JSON_COMPACT);
    if (!text) {
        return um_error_memory(error, "trace", 0);
    }
    header.settings = text;
    const um_status status = read_arrays(reader, record, &header, error);
    free(text);
    return status;
}

/* ---- The records after it ------------------------------------------------- */

/* Check that the event comes after the previous one, at a position that can be changed that way. */
static um_status check_event(const trace_reader *reader, const um_trace_event *event,
                             um_error *error) {
    const um_trace *trace = reader->trace;
    if (trace->event_count > 0) {
        const um_trace_event *last = &trace->events[trace->event_count - 1];
        if (event->step < last->step ||
            (event->step == last->step && event->position <= last->position)) {
            return UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: step %zu, position %zu comes after step %zu, position %zu",
                            reader->place, event->step, event->position, last->step,
                            last->position);
        }
    }
    const uint8_t expected =
        event->kind == UM_TRACE_COMMIT ? UM_POSITION_MASKED : UM_POSITION_COMMITTED;
    const uint8_t state = reader->states[event->position];
    if (state != expected) {
        static const char *const state_names[] = {"outside the holes", "still masked",
                                                  "committed already"};
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: position %zu is %s", reader->place,
                        event->position, state_names[state]);
    }
    return UM_OK;
}

static um_status read_confidence(const json_t *record, const char *place, um_trace_event *event,
                                 um_error *error) {
    double confidence = 0, entropy = 0;
    UM_TRY(um_json_require_number(record, place, "confidence", &confidence, error));
    UM_TRY(um_json_require_number(record, place, "entropy", &entropy, error));
    if (!(confidence >= 0 && confidence <= 1) || !(entropy >= 0 && entropy <= 100)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: confidence %g or entropy %g is outside 0 to 1 and 0 to 100", place,
                        confidence, entropy);
    }
    event->confidence = (float)confidence;
    event->entropy = (float)entropy;
    return UM_OK;
}

static um_status read_event(trace_reader *reader, const json_t *record, um_trace_event_kind kind,
                            um_error *error) {
    const um_trace_header *header = &reader->trace->header;
    um_trace_event event = {.kind = kind};
    UM_TRY(read_size(record, reader->place, "step", 0, (int64_t)header->steps - 1, &event.step,
                     error));
    UM_TRY(read_size(record, reader->place, "position", 0, (int64_t)header->length - 1,
                     &event.position, error));
    UM_TRY(check_event(reader, &event, error));
    if (kind == UM_TRACE_COMMIT) {
        int64_t token = 0;
        UM_TRY(um_json_require_integer(record, reader->place, "token", 0,
                                       (int64_t)header->vocabulary_size - 1, &token, error));
        event.token = (int32_t)token;
        UM_TRY(read_confidence(record, reader->place, &event, error));
        reader->states[event.position] = UM_POSITION_COMMITTED;
        reader->committed++;
        reader->masked--;
    } else {
        reader->states[event.position] = UM_POSITION_MASKED;
        reader->committed--;
        reader->masked++;
    }
    return reader->recorder.event(reader->recorder.user, &event, error);
}

static um_status read_reason(const char *text, const char *place, um_trace_end_reason *reason,
                             um_error *error) {
#define UM_TRACE_MATCH(name, label)                                                                \
    if (strcmp(text, label) == 0) {                                                                \
        *reason = name;                                                                            \
        return UM_OK;                                                                              \
    }
    UM_TRACE_END_REASON_LIST(UM_TRACE_MATCH)
#undef UM_TRACE_MATCH
    return UM_RAISE(error, UM_ERR_FORMAT, "%s: unknown end reason \"%.40s\"", place, text);
}

/* The arrays of the first step, which have `count` elements. */
typedef struct first_step_arrays {
    size_t *positions;
    float *confidences;
    float *entropies;
    size_t count;
} first_step_arrays;

static um_status read_first_position(const trace_reader *reader, const json_t *item,
                                     first_step_arrays *arrays, size_t index, um_error *error) {
    const um_trace_header *header = &reader->trace->header;
    const int64_t least = index > 0 ? (int64_t)arrays->positions[index - 1] + 1 : 0;
    int64_t position = 0;
    UM_TRY(read_integer(item, reader->place, "a position of \"first_step\"", least,
                        (int64_t)header->length - 1, &position, error));
    if (reader->states[position] == UM_POSITION_FIXED ||
        header->tokens[position] != header->mask_token) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: position %" PRId64 " of \"first_step\" was not masked", reader->place,
                        position);
    }
    arrays->positions[index] = (size_t)position;
    return UM_OK;
}

static um_status read_first_number(const trace_reader *reader, const json_t *item, const char *what,
                                   double most, float *number, um_error *error) {
    const double value = json_number_value(item);
    if (!json_is_number(item) || !(value >= 0 && value <= most)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %s of \"first_step\" is not from 0 to %g",
                        reader->place, what, most);
    }
    *number = (float)value;
    return UM_OK;
}

static um_status read_first_arrays(const trace_reader *reader, const json_t *positions,
                                   const json_t *confidences, const json_t *entropies,
                                   first_step_arrays *arrays, um_error *error) {
    UM_TRY(um_allocate(&arrays->positions, arrays->count, sizeof(size_t), "trace", error));
    UM_TRY(um_allocate(&arrays->confidences, arrays->count, sizeof(float), "trace", error));
    UM_TRY(um_allocate(&arrays->entropies, arrays->count, sizeof(float), "trace", error));
    for (size_t i = 0; i < arrays->count; i++) {
        UM_TRY(read_first_position(reader, json_array_get(positions, i), arrays, i, error));
        UM_TRY(read_first_number(reader, json_array_get(confidences, i), "a confidence", 1,
                                 &arrays->confidences[i], error));
        UM_TRY(read_first_number(reader, json_array_get(entropies, i), "an entropy", 100,
                                 &arrays->entropies[i], error));
    }
    return UM_OK;
}

static um_status read_first_step(const trace_reader *reader, const json_t *object,
                                 first_step_arrays *arrays, um_error *error) {
    json_t *positions = NULL, *confidences = NULL, *entropies = NULL;
    UM_TRY(um_json_require_array(object, reader->place, "positions", &positions, error));
    UM_TRY(um_json_require_array(object, reader->place, "confidence", &confidences, error));
    UM_TRY(um_json_require_array(object, reader->place, "entropy", &entropies, error));
    arrays->count = json_array_size(positions);
    if (json_array_size(confidences) != arrays->count ||
        json_array_size(entropies) != arrays->count) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: the arrays of \"first_step\" have different lengths", reader->place);
    }
    return read_first_arrays(reader, positions, confidences, entropies, arrays, error);
}

/* Give the record to the recorder, with the first step if it has one. */
static um_status finish_end(const trace_reader *reader, const json_t *record, um_trace_end *end,
                            um_error *error) {
    const json_t *object = json_object_get(record, "first_step");
    first_step_arrays arrays = {0};
    um_status status = UM_OK;
    if (object && !json_is_object(object)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"first_step\" is not an object", reader->place);
    }
    if (object) {
        status = read_first_step(reader, object, &arrays, error);
    }
    if (status == UM_OK) {
        end->first_step = (um_trace_first_step){arrays.count, arrays.positions, arrays.confidences,
                                                arrays.entropies};
        status = reader->recorder.end(reader->recorder.user, end, error);
    }
    free(arrays.positions);
    free(arrays.confidences);
    free(arrays.entropies);
    return status;
}

static um_status read_end(trace_reader *reader, const json_t *record, um_error *error) {
    um_trace_end end = {0};
    const char *reason = NULL;
    UM_TRY(um_json_require_string(record, reader->place, "reason", &reason, error));
    UM_TRY(read_reason(reason, reader->place, &end.reason, error));
    UM_TRY(read_size(record, reader->place, "steps", 0, MAXIMUM_STEPS, &end.steps, error));
    UM_TRY(read_size(record, reader->place, "forwards", 0, MAXIMUM_STEPS, &end.forwards, error));
    int64_t rows = 0;
    UM_TRY(um_json_optional_integer(record, reader->place, "rows", 0, INT64_MAX, &rows, error));
    end.rows = (size_t)rows;
    const int64_t committed = (int64_t)reader->committed, masked = (int64_t)reader->masked;
    UM_TRY(
        read_size(record, reader->place, "committed", committed, committed, &end.committed, error));
    UM_TRY(read_size(record, reader->place, "masked", masked, masked, &end.masked, error));
    UM_TRY(um_json_require_number(record, reader->place, "seconds", &end.seconds, error));
    return finish_end(reader, record, &end, error);
}

/* One record; *is_next: it starts another trace and was left unread. */
static um_status read_record(trace_reader *reader, const json_t *record, bool *is_next,
                             um_error *error) {
    const char *kind = NULL;
    UM_TRY(um_json_require_string(record, reader->place, "event", &kind, error));
    const bool is_start = strcmp(kind, "start") == 0;
    if (!reader->states) {
        return is_start ? read_header(reader, record, error)
                        : UM_RAISE(error, UM_ERR_FORMAT,
                                   "%s: a trace begins with a \"start\" record", reader->place);
    }
    *is_next = is_start;
    if (is_start) {
        return UM_OK;
    }
    if (strcmp(kind, "commit") == 0) {
        return read_event(reader, record, UM_TRACE_COMMIT, error);
    }
    if (strcmp(kind, "remask") == 0) {
        return read_event(reader, record, UM_TRACE_REMASK, error);
    }
    if (strcmp(kind, "end") == 0) {
        return read_end(reader, record, error);
    }
    return UM_RAISE(error, UM_ERR_FORMAT, "%s: unknown event \"%.40s\"", reader->place, kind);
}

static um_status read_records(trace_reader *reader, um_error *error) {
    bool is_next = false;
    while (reader->at < reader->length && !reader->trace->has_end && !is_next) {
        const size_t start = reader->at;
        json_t *record = NULL;
        UM_TRY(next_line(reader, &record, error));
        const um_status status = read_record(reader, record, &is_next, error);
        json_decref(record);
        UM_TRY(status);
        if (is_next) {
            reader->at = start;
            reader->line_number--;
        }
    }
    return UM_OK;
}

um_status um_trace_read_next(um_trace_source *source, um_trace *trace, um_error *error) {
    trace_reader reader = {
        .bytes = source->bytes,
        .length = source->length,
        .at = source->at,
        .where = source->where,
        .line_number = source->line,
        .trace = trace,
        .recorder = um_trace_recorder(trace),
    };
    if (source->at == source->length) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: empty, expected a trace", source->where);
    }
    const um_status status = read_records(&reader, error);
    free(reader.states);
    source->at = reader.at;
    source->line = reader.line_number;
    return status;
}

static bool starts_a_trace(const char *line, size_t length) {
    json_t *record = json_loadb(line, length, 0, NULL);
    const char *event = json_string_value(json_object_get(record, "event"));
    const bool starts = event && strcmp(event, "start") == 0;
    json_decref(record);
    return starts;
}

bool um_trace_skip_to_next(um_trace_source *source) {
    while (source->at < source->length) {
        const char *line = source->bytes + source->at;
        const char *newline = memchr(line, '\n', source->length - source->at);
        const size_t length = newline ? (size_t)(newline - line) : source->length - source->at;
        if (newline && starts_a_trace(line, length)) {
            return true;
        }
        source->at += newline ? length + 1 : length;
        source->line++;
    }
    return false;
}

um_status um_trace_read(const char *bytes, size_t length, const char *where, um_trace *trace,
                        size_t *used, um_error *error) {
    um_trace_source source = {.bytes = bytes, .length = length, .where = where};
    UM_TRY(um_trace_read_next(&source, trace, error));
    if (!used && source.at < length) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: more follows the end of the trace at line %zu",
                        where, source.line + 1);
    }
    if (used) {
        *used = source.at;
    }
    return UM_OK;
}
