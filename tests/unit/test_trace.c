#include "testing.h"

#include <math.h>
#include <stdio.h>

#include "decode_testing.h"

static um_status append(void *user, const char *bytes, size_t length, um_error *error) {
    return um_buffer_append(user, bytes, length, error);
}

/* Two holes of 3 and 5 in a row of 12. */
static um_canvas make_infilling(void) {
    const int32_t before[] = {4, 5};
    const int32_t middle[] = {6};
    const int32_t after[] = {7};
    const um_canvas_segment segments[] = {
        {false, 2, before}, {true, 3, NULL}, {false, 1, middle}, {true, 5, NULL}, {false, 1, after},
    };
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create(segments, 5, 31, &canvas, &error), &error);
    return canvas;
}

/* Decode with `sink`.  *final receives the final canvas; if `final` is NULL, it is freed. */
static void decode_into(const um_trace_sink *sink, const char *algorithm, um_canvas *final) {
    um_canvas canvas = make_infilling();
    fake_model model = {.vocabulary_size = 32, .seed = 9, .scale = 2};
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = um_decode_options_default();
    options.algorithm = algorithm;
    options.temperature = 0.7;
    options.seed = UINT64_MAX;
    const um_decode_hooks hooks = {.sink = sink, .model_name = "tiny \"model\"\n"};
    um_error error = {0};
    assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
    if (final) {
        *final = canvas;
    } else {
        um_canvas_free(&canvas);
    }
}

static um_buffer make_file(const char *algorithm, um_canvas *final) {
    um_buffer file = {0};
    um_trace_writer writer = {.user = &file, .write = append};
    const um_trace_sink sink = um_trace_writer_sink(&writer);
    decode_into(&sink, algorithm, final);
    um_trace_writer_free(&writer);
    return file;
}

static void assert_same_traces(const um_trace *a, const um_trace *b) {
    assert_string_equal(a->header.model, b->header.model);
    assert_string_equal(a->header.algorithm, b->header.algorithm);
    assert_string_equal(a->header.settings, b->header.settings);
    assert_true(a->header.seed == b->header.seed);
    assert_int_equal(a->header.steps, b->header.steps);
    assert_int_equal(a->header.length, b->header.length);
    assert_memory_equal(a->header.tokens, b->header.tokens, a->header.length * sizeof(int32_t));
    assert_int_equal(a->header.hole_count, b->header.hole_count);
    assert_memory_equal(a->header.holes, b->header.holes,
                        a->header.hole_count * sizeof(um_canvas_hole));
    assert_int_equal(a->event_count, b->event_count);
    for (size_t i = 0; i < a->event_count; i++) {
        assert_int_equal(a->events[i].kind, b->events[i].kind);
        assert_int_equal(a->events[i].step, b->events[i].step);
        assert_int_equal(a->events[i].position, b->events[i].position);
        assert_int_equal(a->events[i].token, b->events[i].token);
        assert_true(a->events[i].confidence == b->events[i].confidence);
        assert_true(a->events[i].entropy == b->events[i].entropy);
    }
    assert_int_equal(a->has_end, b->has_end);
    assert_int_equal(a->end.committed, b->end.committed);
    assert_int_equal(a->end.forwards, b->end.forwards);
    assert_int_equal(a->end.rows, b->end.rows);
    assert_int_equal(a->end.reason, b->end.reason);
    const um_trace_first_step *first = &a->end.first_step;
    assert_int_equal(first->count, b->end.first_step.count);
    for (size_t i = 0; i < first->count; i++) {
        assert_int_equal(first->positions[i], b->end.first_step.positions[i]);
        assert_true(first->confidences[i] == b->end.first_step.confidences[i]);
        assert_true(first->entropies[i] == b->end.first_step.entropies[i]);
    }
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    static const char *const algorithms[] = {"entropy", "p2", "origin", "low_confidence"};
    for (size_t a = 0; a < 4; a++) {
        um_error error = {0};
        um_canvas canvas = {0};
        um_buffer file = make_file(algorithms[a], &canvas);
        um_trace recorded = {0}, loaded = {0};
        const um_trace_sink recorder = um_trace_recorder(&recorded);
        decode_into(&recorder, algorithms[a], NULL);
        assert_ok(um_trace_read(file.data, file.length, "t", &loaded, NULL, &error), &error);
        assert_same_traces(&recorded, &loaded);
        assert_true(loaded.event_count >= 8);
        int32_t tokens[12];
        um_trace_replay(&loaded, loaded.event_count, tokens);
        assert_memory_equal(tokens, canvas.tokens, sizeof tokens);
        um_trace_replay(&loaded, 0, tokens);
        assert_int_equal(tokens[2], 31);
        um_trace_free(&recorded);
        um_trace_free(&loaded);
        um_canvas_free(&canvas);
        um_buffer_free(&file);
    }
}

/* The holes [2, 5) and [6, 11) become [2, 3) and [6, 9). */
static bool is_left(size_t position) {
    return position == 2 || (position >= 6 && position < 9);
}

static void shortened_holes_know_nothing_of_what_was_behind(void **state) {
    (void)state;
    um_trace trace = {0};
    const um_trace_sink recorder = um_trace_recorder(&trace);
    decode_into(&recorder, "entropy", NULL);
    assert_int_equal(trace.event_count, 8);
    assert_int_equal(trace.end.first_step.count, 8);
    um_trace_shorten_holes(&trace, (const size_t[]){1, 3});
    assert_int_equal(trace.header.hole_count, 2);
    assert_true(trace.header.holes[0].start == 2 && trace.header.holes[0].length == 1);
    assert_true(trace.header.holes[1].start == 6 && trace.header.holes[1].length == 3);
    assert_int_equal(trace.event_count, 4);
    assert_int_equal(trace.end.first_step.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(is_left(trace.events[i].position));
        assert_true(i == 0 || trace.events[i].step >= trace.events[i - 1].step);
        assert_true(is_left(trace.end.first_step.positions[i]));
    }
    assert_int_equal(trace.end.steps, trace.events[3].step + 1);
    um_trace_free(&trace);
}

static void p2_leaves_remask_events(void **state) {
    (void)state;
    um_trace trace = {0};
    const um_trace_sink recorder = um_trace_recorder(&trace);
    decode_into(&recorder, "p2", NULL);
    size_t remasks = 0;
    for (size_t i = 0; i < trace.event_count; i++) {
        remasks += trace.events[i].kind == UM_TRACE_REMASK ? 1 : 0;
    }
    assert_true(remasks > 0);
    assert_int_equal(trace.event_count, 8 + 2 * remasks);
    um_trace_free(&trace);
}

static void several_traces_follow_each_other(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer file = make_file("entropy", NULL);
    const size_t first = file.length;
    um_buffer second = make_file("p2", NULL);
    assert_ok(um_buffer_append(&file, second.data, second.length, &error), &error);
    um_trace trace = {0};
    size_t used = 0;
    assert_ok(um_trace_read(file.data, file.length, "t", &trace, &used, &error), &error);
    assert_int_equal(used, first);
    um_trace_free(&trace);
    assert_ok(um_trace_read(file.data + used, file.length - used, "t", &trace, &used, &error),
              &error);
    assert_string_equal(trace.header.algorithm, "p2");
    assert_int_equal(used, second.length);
    um_trace_free(&trace);
    assert_int_equal(um_trace_read(file.data, file.length, "t", &trace, NULL, &error),
                     UM_ERR_FORMAT);
    um_trace_free(&trace);
    um_buffer_free(&file);
    um_buffer_free(&second);
}

#define START                                                                                      \
    "{\"event\":\"start\",\"version\":1,\"model\":\"m\",\"algorithm\":\"entropy\",\"seed\":\"1\"," \
    "\"sequence\":0,\"steps\":4,\"vocabulary_size\":10,\"mask_token\":9,\"settings\":{},"          \
    "\"tokens\":[1,9,9,9],\"holes\":[[1,3]]}\n"
#define COMMIT(step, position, token)                                                              \
    "{\"event\":\"commit\",\"step\":" #step ",\"position\":" #position ",\"token\":" #token        \
    ",\"confidence\":0.5,\"entropy\":0.1}\n"

#define END(first_step)                                                                            \
    "{\"event\":\"end\",\"reason\":\"steps\",\"steps\":1,\"forwards\":1,\"committed\":0,"          \
    "\"masked\":3,"                                                                                \
    "\"seconds\":1,\"first_step\":" first_step "}\n"
#define FIRST_STEP(positions, confidence, entropy)                                                 \
    "{\"positions\":[" positions "],\"confidence\":[" confidence "],\"entropy\":[" entropy "]}"

static void a_damaged_file_gives_one_line_that_names_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "f: empty, expected a trace"},
        {START "{\"event\":\"commit\",\"step\":0", "f: line 2: cut off, there is no newline at "
                                                   "its end"},
        {START COMMIT(1, 1, 3) COMMIT(0, 2, 3),
         "f: line 3: step 0, position 2 comes after step 1, position 1"},
        {START COMMIT(1, 2, 3) COMMIT(1, 1, 3),
         "f: line 3: step 1, position 1 comes after step 1, position 2"},
        {START COMMIT(1, 1, 3) COMMIT(2, 1, 3), "f: line 3: position 1 is committed already"},
        {START COMMIT(1, 0, 3), "f: line 2: position 0 is outside the holes"},
        {START COMMIT(1, 4, 3), "f: line 2: \"position\" is 4, expected 0 to 3"},
        {START COMMIT(4, 1, 3), "f: line 2: \"step\" is 4, expected 0 to 3"},
        {START COMMIT(1, 1, 10), "f: line 2: \"token\" is 10, expected 0 to 9"},
        {START COMMIT(1, 1, -1), "f: line 2: \"token\" is -1, expected 0 to 9"},
        {START "{\"event\":\"remask\",\"step\":1,\"position\":1}\n",
         "f: line 2: position 1 is still masked"},
        {START "{\"event\":\"dance\"}\n", "f: line 2: unknown event \"dance\""},
        {START "{\"event\":\"end\",\"reason\":\"complete\",\"steps\":1,\"forwards\":1,"
               "\"committed\":3,\"masked\":0,\"seconds\":1}\n",
         "f: line 2: \"committed\" is 3, expected 0 to 0"},
        {START "{\"event\":\"end\",\"reason\":\"steps\",\"steps\":1,\"forwards\":1,\"rows\":-1,"
               "\"committed\":0,\"masked\":3,\"seconds\":1}\n",
         "f: line 2: \"rows\" is -1, expected 0 to 9223372036854775807"},
        {COMMIT(1, 1, 3), "f: line 1: a trace begins with a \"start\" record"},
        {START "[]\n", "f: line 2: not a JSON object"},
        {START END("[]"), "f: line 2: \"first_step\" is not an object"},
        {START END("{}"), "f: line 2: \"positions\" is missing"},
        {START END(FIRST_STEP("1,2", "0.5", "1,1")),
         "f: line 2: the arrays of \"first_step\" have different lengths"},
        {START END(FIRST_STEP("2,1", "0.5,0.5", "1,1")),
         "f: line 2: a position of \"first_step\" is 1, expected 3 to 3"},
        {START END(FIRST_STEP("0", "0.5", "1")),
         "f: line 2: position 0 of \"first_step\" was not masked"},
        {START END(FIRST_STEP("4", "0.5", "1")),
         "f: line 2: a position of \"first_step\" is 4, expected 0 to 3"},
        {START END(FIRST_STEP("1", "1.5", "1")),
         "f: line 2: a confidence of \"first_step\" is not from 0 to 1"},
        {START END(FIRST_STEP("1", "0.5", "\"x\"")),
         "f: line 2: an entropy of \"first_step\" is not from 0 to 100"},
        {START START, "f: more follows the end of the trace at line 2"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        um_error error = {0};
        um_trace trace = {0};
        assert_int_equal(
            um_trace_read(cases[c].text, strlen(cases[c].text), "f", &trace, NULL, &error),
            UM_ERR_FORMAT);
        assert_string_equal(error.message, cases[c].message);
        um_trace_free(&trace);
    }
}

/* Messages count the lines of the file, not those of the trace. */
static void lines_are_counted_over_all_traces(void **state) {
    (void)state;
    um_error error = {0};
    um_trace trace = {0};
    const char *text = START COMMIT(1, 1, 3) START END("null") START COMMIT(0, 0, 3);
    um_trace_source source = {.bytes = text, .length = strlen(text), .where = "f"};
    assert_ok(um_trace_read_next(&source, &trace, &error), &error);
    assert_int_equal(source.line, 2);
    um_trace_free(&trace);
    assert_int_equal(um_trace_read_next(&source, &trace, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "f: line 4: \"first_step\" is not an object");
    um_trace_free(&trace);
}

/* What the model thought of each masked position before anything was committed. */
static void the_first_step_is_recorded(void **state) {
    (void)state;
    static const char *const algorithms[] = {"entropy", "p2", "low_confidence"};
    for (size_t a = 0; a < 3; a++) {
        um_trace trace = {0};
        const um_trace_sink recorder = um_trace_recorder(&trace);
        decode_into(&recorder, algorithms[a], NULL);
        const um_trace_first_step *first = &trace.end.first_step;
        static const size_t positions[] = {2, 3, 4, 6, 7, 8, 9, 10};
        assert_int_equal(first->count, 8);
        assert_memory_equal(first->positions, positions, sizeof positions);
        for (size_t i = 0; i < first->count; i++) {
            assert_true(first->confidences[i] > 0 && first->confidences[i] <= 1);
            assert_true(first->entropies[i] >= 0);
        }
        /* If the first event belongs to the first step, it has the same numbers. */
        const um_trace_event *event = &trace.events[0];
        for (size_t i = 0; i < first->count && trace.events[0].step == 0; i++) {
            if (first->positions[i] == event->position) {
                assert_true(first->confidences[i] == event->confidence);
                assert_true(first->entropies[i] == event->entropy);
            }
        }
        um_trace_free(&trace);
    }
}

static void a_damaged_header_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *from;
        const char *to;
    } edits[] = {
        {"\"version\":1", "\"version\":2"},
        {"\"seed\":\"1\"", "\"seed\":\"-1\""},
        {"\"seed\":\"1\"", "\"seed\":1"},
        {"\"sequence\":0", "\"sequence\":-1"},
        {"\"steps\":4", "\"steps\":0"},
        {"[1,9,9,9]", "[1,9,9,11]"},
        {"[1,9,9,9]", "[]"},
        {"[1,9,9,9]", "[1,9,9,\"9\"]"},
        {"[[1,3]]", "[[1,4]]"},
        {"[[1,3]]", "[[1,0]]"},
        {"[[1,3]]", "[[2,1],[1,1]]"},
        {"[[1,3]]", "[[1,2],[2,1]]"},
        {"[[1,3]]", "[]"},
        {"[[1,3]]", "[[-1,3]]"},
        {"[[1,3]]", "[3]"},
        {"\"settings\":{}", "\"settings\":[]"},
        {"\"mask_token\":9", "\"mask_token\":10"},
        {"\"vocabulary_size\":10", "\"vocabulary_size\":99999999999"},
    };
    for (size_t e = 0; e < sizeof edits / sizeof edits[0]; e++) {
        char text[512];
        const char *at = strstr(START, edits[e].from);
        assert_non_null(at);
        const int before = (int)(at - START);
        (void)snprintf(text, sizeof text, "%.*s%s%s", before, START, edits[e].to,
                       at + strlen(edits[e].from));
        um_error error = {0};
        um_trace trace = {0};
        assert_int_equal(um_trace_read(text, strlen(text), "f", &trace, NULL, &error),
                         UM_ERR_FORMAT);
        assert_ptr_equal(strstr(error.message, "f: line 1: "), error.message);
        um_trace_free(&trace);
    }
}

static void a_run_that_was_cut_between_records_is_read(void **state) {
    (void)state;
    um_error error = {0};
    um_trace trace = {0};
    const char *text = START COMMIT(1, 1, 3);
    assert_ok(um_trace_read(text, strlen(text), "f", &trace, NULL, &error), &error);
    assert_false(trace.has_end);
    assert_int_equal(trace.event_count, 1);
    um_trace_free(&trace);
}

static void every_truncation_is_an_error_or_a_shorter_trace(void **state) {
    (void)state;
    um_buffer file = make_file("p2", NULL);
    for (size_t length = 0; length < file.length; length++) {
        um_trace trace = {0};
        char *copy = malloc(length ? length : 1);
        assert_non_null(copy);
        memcpy(copy, file.data, length);
        const bool whole_lines = length > 0 && copy[length - 1] == '\n';
        const um_status status = um_trace_read(copy, length, "f", &trace, NULL, NULL);
        assert_int_equal(status, whole_lines ? UM_OK : UM_ERR_FORMAT);
        assert_false(trace.has_end);
        um_trace_free(&trace);
        free(copy);
    }
    um_buffer_free(&file);
}

static um_status refuse(void *user, const char *bytes, size_t length, um_error *error) {
    (void)user;
    (void)bytes;
    (void)length;
    return UM_RAISE(error, UM_ERR_IO, "disk full");
}

static void a_failing_writer_stops_the_run(void **state) {
    (void)state;
    um_trace_writer writer = {.write = refuse};
    const um_trace_sink sink = um_trace_writer_sink(&writer);
    um_canvas canvas = make_infilling();
    fake_model model = {.vocabulary_size = 32};
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = um_decode_options_default();
    const um_decode_hooks hooks = {.sink = &sink};
    um_error error = {0};
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), UM_ERR_IO);
    assert_string_equal(error.message, "disk full");
    assert_int_equal(model.calls, 0);
    um_trace_writer_free(&writer);
    um_canvas_free(&canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(shortened_holes_know_nothing_of_what_was_behind),
        cmocka_unit_test(p2_leaves_remask_events),
        cmocka_unit_test(several_traces_follow_each_other),
        cmocka_unit_test(a_damaged_file_gives_one_line_that_names_the_place),
        cmocka_unit_test(lines_are_counted_over_all_traces),
        cmocka_unit_test(the_first_step_is_recorded),
        cmocka_unit_test(a_damaged_header_is_refused),
        cmocka_unit_test(a_run_that_was_cut_between_records_is_read),
        cmocka_unit_test(every_truncation_is_an_error_or_a_shorter_trace),
        cmocka_unit_test(a_failing_writer_stops_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
