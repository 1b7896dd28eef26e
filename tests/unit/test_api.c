/* Requests and results of the public interface, with a small random model. */
#include "api_testing.h"

#include "decode/algorithm.h"
#include "decode/options.h"
#include "decode/trace.h"

#define PROMPT "def add(a, b):"

/* ---- Determinism ---------------------------------------------------------------- */

static um_result run_with_threads(const um_model *model, size_t threads, uint32_t sample) {
    um_error error = {0};
    um_threads *pool = NULL;
    um_session *session = NULL;
    assert_ok(um_threads_create(threads, &pool, &error), &error);
    assert_int_equal(um_threads_count(pool), threads);
    assert_ok(um_session_create(model, pool, &session, &error), &error);
    um_options *options = OPTIONS("temperature", "1", "seed", "11");
    const um_part parts[] = {text_part(PROMPT), hole_part(30)};
    const um_request request = {
        .parts = parts, .part_count = 2, .options = options, .sample = sample};
    const um_result result = run_request(session, &request, NULL);
    um_options_free(options);
    um_session_free(session);
    um_threads_free(pool);
    return result;
}

static void the_number_of_threads_changes_nothing(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_result one = run_with_threads(fixture.model, 1, 0);
    um_result other = run_with_threads(fixture.model, 1, 1);
    assert_int_equal(one.length, other.length);
    assert_memory_not_equal(one.tokens, other.tokens, one.length * sizeof *one.tokens);
    for (size_t threads = 2; threads <= 3; threads++) {
        um_result more = run_with_threads(fixture.model, threads, 0);
        assert_same_tokens(&one, &more);
        um_result_clear(&more);
    }
    um_result_clear(&one);
    um_result_clear(&other);
    api_close(&fixture);
}

static void a_result_tells_where_its_time_went(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    const um_part parts[] = {text_part(PROMPT), hole_part(6)};
    const um_request request = {.parts = parts, .part_count = 2};
    for (int i = 0; i < 2; i++) {
        um_result result = run_request(fixture.session, &request, NULL);
        assert_true(result.forward_seconds > 0);
        assert_true(result.projection_seconds > 0);
        assert_true(result.sampling_seconds > 0);
        const double parts_seconds =
            result.forward_seconds + result.projection_seconds + result.sampling_seconds;
        assert_true(parts_seconds <= result.seconds); /* without those of the first request */
        um_result_clear(&result);
    }
    api_close(&fixture);
}

static void a_session_remembers_nothing_of_earlier_requests(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    const um_part parts[] = {text_part(PROMPT), hole_part(12)};
    const um_part long_parts[] = {text_part("x = 1"), hole_part(60)};
    const um_request request = {.parts = parts, .part_count = 2};
    const um_request long_request = {.parts = long_parts, .part_count = 2};
    um_result first = run_request(fixture.session, &request, NULL);
    um_result between = run_request(fixture.session, &long_request, NULL);
    um_result second = run_request(fixture.session, &request, NULL);
    assert_same_tokens(&first, &second);
    um_result_clear(&first);
    um_result_clear(&between);
    um_result_clear(&second);
    api_close(&fixture);
}

/* ---- Canvases --------------------------------------------------------------------- */

static void each_hole_has_its_answer(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_options *options = OPTIONS("end_tokens", "false");
    const int32_t tokens[] = {5, 6, 7};
    const um_part parts[] = {text_part("def "),
                             hole_part(3),
                             text_part("(a):"),
                             hole_part(5),
                             {.kind = UM_PART_TOKENS, .tokens = tokens, .length = 3},
                             hole_part(1)};
    const um_request request = {.parts = parts, .part_count = 6, .options = options};
    um_result result = run_request(fixture.session, &request, NULL);
    assert_int_equal(result.answer_count, 3);
    assert_int_equal(result.answers[0].length, 3);
    assert_int_equal(result.answers[1].length, 5);
    assert_int_equal(result.answers[2].length, 1);
    assert_int_equal(result.answer_tokens, 9);
    assert_int_equal(result.length, result.prompt_tokens + 9);
    assert_int_equal(result.finish, UM_FINISH_LENGTH);
    assert_memory_equal(result.tokens + result.answers[2].start - 3, tokens, sizeof tokens);
    for (size_t i = 0; i < 3; i++) {
        const um_answer *answer = &result.answers[i];
        assert_false(answer->ended);
        assert_int_equal(answer->token_count, answer->length);
        assert_memory_equal(answer->tokens, result.tokens + answer->start,
                            answer->length * sizeof *answer->tokens);
        assert_int_equal(answer->text_length, strlen(answer->text));
    }
    um_result_clear(&result);
    um_options_free(options);
    api_close(&fixture);
}

static void masks_of_special_text_are_holes(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_part parts[] = {text_part("a<|mask|><|mask|>b<|mask|>")};
    parts[0].special = true;
    const um_request request = {.parts = parts, .part_count = 1};
    um_result result = run_request(fixture.session, &request, NULL);
    assert_int_equal(result.answer_count, 2);
    assert_int_equal(result.answers[0].length, 2);
    assert_int_equal(result.answers[1].length, 1);
    um_result_clear(&result);
    parts[0].special = false; /* now it is text, and there is nothing to fill in */
    um_error error = {0};
    assert_int_equal(um_generate(fixture.session, &request, NULL, &result, &error),
                     UM_ERR_ARGUMENT);
    assert_null(result.tokens);
    api_close(&fixture);
}

static void messages_come_before_the_parts(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    const um_message messages[] = {{"user", "Add <|im_end|>", 14}};
    const um_part parts[] = {text_part("def"), hole_part(4)};
    const um_request request = {
        .messages = messages, .message_count = 1, .parts = parts, .part_count = 2};
    int32_t *tokens = NULL;
    size_t count = 0;
    assert_ok(um_tokenize_messages(fixture.model, messages, 1, &tokens, &count, &error), &error);
    um_result result = run_request(fixture.session, &request, NULL);
    assert_true(result.prompt_tokens > count);
    assert_memory_equal(result.tokens, tokens, count * sizeof *tokens);
    um_free(tokens);
    um_result_clear(&result);
    api_close(&fixture);
}

/* ---- Ends --------------------------------------------------------------------------- */

static um_result run_stopping(um_session *session, const char *stop, const char *early) {
    um_options *options = OPTIONS("algorithm", "maskgit_plus", "stop_token", stop, "early_stop",
                                  early, "temperature", "0.7", "seed", "3");
    const um_part parts[] = {text_part(PROMPT), hole_part(40)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    const um_result result = run_request(session, &request, NULL);
    um_options_free(options);
    return result;
}

/* Every third token of an answer serves as the stop token in turn. */
static void stopping_early_does_not_change_the_answer(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_result plain = run_stopping(fixture.session, "0", "false");
    size_t fewer = 0;
    for (size_t i = 0; i < 40; i += 3) {
        char stop[16];
        (void)snprintf(stop, sizeof stop, "%ld", (long)plain.tokens[plain.answers[0].start + i]);
        um_result whole = run_stopping(fixture.session, stop, "false");
        um_result early = run_stopping(fixture.session, stop, "true");
        assert_same_tokens(&plain, &whole);
        assert_true(early.answers[0].ended);
        assert_int_equal(early.finish, UM_FINISH_STOP);
        assert_int_equal(whole.finish, UM_FINISH_STOP);
        assert_true(early.answers[0].token_count <= i);
        assert_string_equal(early.answers[0].text, whole.answers[0].text);
        assert_int_equal(early.answers[0].token_count, whole.answers[0].token_count);
        fewer += early.forwards < whole.forwards ? 1 : 0;
        um_result_clear(&whole);
        um_result_clear(&early);
    }
    assert_true(fewer > 0);
    um_result_clear(&plain);
    api_close(&fixture);
}

/* Every token is suppressed except an end token and one other control token. */
static void answers_end_at_end_tokens_and_leave_control_tokens_out(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_buffer ids = {0};
    um_error error = {0};
    for (int id = 0; id < 820; id++) {
        if (id != 801 && id != 802) { /* <|im_start|>, <|im_end|> */
            assert_ok(um_buffer_append_format(&ids, &error, "%s%d", ids.length ? "," : "", id),
                      &error);
        }
    }
    um_options *options = OPTIONS("algorithm", "entropy", "suppress", um_buffer_text(&ids),
                                  "temperature", "1", "early_stop", "false");
    const um_part parts[] = {text_part(PROMPT), hole_part(20)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    um_result result = run_request(fixture.session, &request, NULL);
    const um_answer *answer = &result.answers[0];
    assert_true(answer->ended);
    assert_true(answer->token_count > 0 && answer->token_count < 20);
    assert_int_equal(result.tokens[answer->start + answer->token_count], 802);
    assert_int_equal(answer->tokens[0], 801);
    assert_string_equal(answer->text, "");
    um_result_clear(&result);
    um_options_free(options);
    um_buffer_free(&ids);
    api_close(&fixture);
}

/* ---- Callbacks ------------------------------------------------------------------------ */

typedef struct witness {
    const um_model *model;
    int32_t tokens[RANDOM_MODEL_CONTEXT];
    size_t length;
    size_t starts;
    size_t commits;
    size_t remasks;
    size_t last_step;
    um_buffer trace;
    size_t calls_left;   /* calls of is_cancelled until one returns true */
    size_t records_left; /* calls of the trace until one fails; 0: none does */
    bool trace_failed;
} witness;

static void see_start(void *user, const um_start_event *start) {
    witness *seen = user;
    seen->starts++;
    seen->length = start->length;
    memcpy(seen->tokens, start->tokens, start->length * sizeof *start->tokens);
    assert_int_equal(start->hole_count, 1);
    assert_int_equal(start->mask_token, 804);
    assert_int_equal(start->tokens[start->hole_starts[0]], 804);
    assert_int_equal(start->hole_starts[0] + start->hole_lengths[0], start->length);
}

static void see_event(void *user, const um_event *event) {
    witness *seen = user;
    assert_true(event->step >= seen->last_step);
    seen->last_step = event->step;
    if (event->kind == UM_EVENT_REMASK) {
        seen->tokens[event->position] = 804;
        seen->remasks++;
        return;
    }
    const char *bytes = NULL;
    size_t count = 0;
    if (um_token_bytes(seen->model, event->token, &bytes, &count)) {
        assert_int_equal(event->byte_count, count);
        assert_memory_equal(event->bytes, bytes, count);
    } else {
        assert_int_equal(event->byte_count, 0);
    }
    assert_true(event->confidence > 0 && event->confidence <= 1);
    assert_true(event->entropy >= 0);
    seen->tokens[event->position] = event->token;
    seen->commits++;
}

static bool see_cancel(void *user) {
    witness *seen = user;
    return seen->calls_left > 0 && --seen->calls_left == 0;
}

static um_status see_trace(void *user, const char *bytes, size_t length, um_error *error) {
    witness *seen = user;
    assert_false(seen->trace_failed); /* it is not called again */
    if (seen->records_left > 0 && --seen->records_left == 0) {
        seen->trace_failed = true;
        return UM_RAISE(error, UM_ERR_IO, "the sink is full");
    }
    assert_int_equal(bytes[length - 1], '\n');
    return um_buffer_append(&seen->trace, bytes, length, error);
}

static um_callbacks callbacks_of(witness *seen) {
    return (um_callbacks){.user = seen,
                          .start = see_start,
                          .event = see_event,
                          .is_cancelled = see_cancel,
                          .trace = see_trace};
}

static void check_events(const char *algorithm) {
    um_error error = {0};
    api_fixture fixture = api_open();
    um_options *options = OPTIONS("algorithm", algorithm, "temperature", "0.8", "steps", "10");
    const um_part parts[] = {text_part(PROMPT), hole_part(20)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    witness seen = {.model = fixture.model};
    const um_callbacks callbacks = callbacks_of(&seen);
    um_result result = run_request(fixture.session, &request, &callbacks);
    assert_int_equal(seen.starts, 1);
    assert_int_equal(seen.commits - seen.remasks, 20);
    assert_int_equal(seen.length, result.length);
    assert_memory_equal(seen.tokens, result.tokens, result.length * sizeof *result.tokens);
    um_trace trace = {0};
    assert_ok(um_trace_read(seen.trace.data, seen.trace.length, "trace", &trace, NULL, &error),
              &error);
    assert_int_equal(trace.event_count, seen.commits + seen.remasks);
    assert_true(trace.has_end);
    assert_int_equal(trace.end.forwards, result.forwards);
    assert_string_equal(trace.header.algorithm, result.algorithm);
    assert_string_equal(result.algorithm, algorithm);
    um_trace_free(&trace);
    um_buffer_free(&seen.trace);
    um_result_clear(&result);
    um_options_free(options);
    api_close(&fixture);
}

static void events_and_trace_tell_the_whole_run(void **state) {
    (void)state;
    check_events("entropy");
    check_events("p2");
}

static void a_cancelled_run_gives_what_it_has(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    const um_part parts[] = {text_part(PROMPT), hole_part(20)};
    const um_request request = {.parts = parts, .part_count = 2};
    witness seen = {.model = fixture.model, .calls_left = 6};
    const um_callbacks callbacks = callbacks_of(&seen);
    um_result result;
    assert_int_equal(um_generate(fixture.session, &request, &callbacks, &result, &error),
                     UM_ERR_CANCELLED);
    assert_int_equal(result.finish, UM_FINISH_CANCELLED);
    assert_int_equal(result.forwards, 5);
    assert_int_equal(seen.commits, 5);
    assert_memory_equal(seen.tokens, result.tokens, result.length * sizeof *result.tokens);
    um_result_clear(&result);
    um_buffer_free(&seen.trace);
    api_close(&fixture);
}

static void a_failing_trace_ends_the_run_with_its_error(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    const um_part parts[] = {text_part(PROMPT), hole_part(4)};
    const um_request request = {.parts = parts, .part_count = 2};
    for (size_t records = 1; records <= 3; records += 2) {
        witness seen = {.model = fixture.model, .records_left = records};
        const um_callbacks callbacks = callbacks_of(&seen);
        um_result result;
        assert_int_equal(um_generate(fixture.session, &request, &callbacks, &result, &error),
                         UM_ERR_IO);
        assert_true(seen.trace_failed);
        assert_string_equal(error.message, "the sink is full");
        assert_null(result.tokens);
        assert_null(result.answers);
        um_buffer_free(&seen.trace);
    }
    api_close(&fixture);
}

/* ---- Refusals --------------------------------------------------------------------------- */

static void assert_refused(const api_fixture *fixture, const um_request *request, um_status status,
                           const char *text) {
    um_error error = {0};
    um_result result;
    assert_int_equal(um_generate(fixture->session, request, NULL, &result, &error), status);
    assert_message(&error, text);
    assert_null(result.tokens);
    um_result_clear(&result);
}

static void impossible_requests_are_refused(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    const int32_t outside[] = {820};
    const int32_t negative[] = {-5};
    um_part parts[] = {text_part(PROMPT), hole_part(90)};
    um_request request = {.parts = parts, .part_count = 2};
    assert_refused(&fixture, &request, UM_ERR_LIMIT, "has room for 96");
    request.part_count = 1;
    assert_refused(&fixture, &request, UM_ERR_ARGUMENT, "no masked position");
    request.part_count = 0;
    assert_refused(&fixture, &request, UM_ERR_ARGUMENT, "no masked position");
    request.part_count = 2;
    parts[1] = hole_part(0);
    assert_refused(&fixture, &request, UM_ERR_ARGUMENT, "hole of 0");
    parts[1] = hole_part(4);
    parts[0] = (um_part){.kind = UM_PART_TOKENS, .tokens = outside, .length = 1};
    assert_refused(&fixture, &request, UM_ERR_MISMATCH, "820");
    parts[0].tokens = negative;
    assert_refused(&fixture, &request, UM_ERR_ARGUMENT, "-5");
    const int kind = 7;
    memcpy(&parts[0].kind, &kind, sizeof kind); /* what a program in another language may hold */
    assert_refused(&fixture, &request, UM_ERR_ARGUMENT, "unknown kind 7");
    api_close(&fixture);
}

static void assert_options_refused(const api_fixture *fixture, um_options *options,
                                   um_status status, const char *text) {
    const um_part parts[] = {text_part(PROMPT), hole_part(8)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    assert_refused(fixture, &request, status, text);
    um_options_free(options);
}

static void options_that_do_not_fit_are_refused(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    assert_options_refused(&fixture, OPTIONS("algorithm", "p2", "block_length", "4"),
                           UM_ERR_ARGUMENT, "block_length means nothing");
    assert_options_refused(&fixture, OPTIONS("algorithm", "p2", "early_stop", "true"),
                           UM_ERR_ARGUMENT, "early_stop means nothing");
    assert_options_refused(&fixture, OPTIONS("algorithm", "autoregressive"), UM_ERR_MISMATCH,
                           "needs a causal model");
    assert_options_refused(&fixture, OPTIONS("stop_token", "820"), UM_ERR_MISMATCH,
                           "stop_token: id 820");
    assert_options_refused(&fixture, OPTIONS("suppress", "820"), UM_ERR_MISMATCH, "820");
    api_close(&fixture);
}

static void wrong_texts_leave_options_as_they_were(void **state) {
    (void)state;
    const char *const wrong[][2] = {
        {"steps", "0"},        {"steps", "many"},   {"temperature", "-1"}, {"seed", "-1"},
        {"seed", "1x"},        {"algorithm", ""},   {"suppress", ""},      {"suppress", "1,"},
        {"suppress", "1,,2"},  {"suppress", "-1"},  {"early_stop", "yes"}, {"end_tokens", "1"},
        {"forbid_mask", "no"}, {"nothing", "true"}, {"stop_token", "-1"}};
    api_fixture fixture = api_open();
    um_options *options = OPTIONS("temperature", "1", "seed", "4", "suppress", "17,18");
    const um_part parts[] = {text_part(PROMPT), hole_part(12)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    um_result before = run_request(fixture.session, &request, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        um_error error = {0};
        assert_int_equal(um_options_set(options, wrong[i][0], wrong[i][1], &error),
                         UM_ERR_ARGUMENT);
        assert_message(&error, wrong[i][0]);
    }
    um_result after = run_request(fixture.session, &request, NULL);
    assert_same_tokens(&before, &after);
    assert_string_equal(before.settings, after.settings);
    assert_non_null(strstr(after.settings, "\"suppress\":[17,18]"));
    um_result_clear(&before);
    um_result_clear(&after);
    um_options_free(options);
    api_close(&fixture);
}

static void every_option_and_algorithm_is_listed(void **state) {
    (void)state;
    um_option_info info;
    size_t count = 0;
    bool seen_last = false;
    for (; um_option_at(count, &info); count++) {
        assert_non_null(info.name);
        assert_non_null(info.value);
        assert_true(strlen(info.help) > 10);
        seen_last = strcmp(info.name, "end_tokens") == 0;
    }
    assert_true(seen_last);
    assert_int_equal(count, UM_OPTION_COUNT + 3); /* algorithm, early_stop, end_tokens */
    const char *name = NULL;
    const char *summary = NULL;
    for (count = 0; um_algorithm_at(count); count++) {
        assert_true(um_option_algorithm_at(count, &name, &summary));
        assert_string_equal(name, um_algorithm_at(count)->name);
        assert_true(strlen(summary) > 10);
    }
    assert_true(count >= 15);
    assert_false(um_option_algorithm_at(count, &name, &summary));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(a_result_tells_where_its_time_went),
        cmocka_unit_test(a_session_remembers_nothing_of_earlier_requests),
        cmocka_unit_test(each_hole_has_its_answer),
        cmocka_unit_test(masks_of_special_text_are_holes),
        cmocka_unit_test(messages_come_before_the_parts),
        cmocka_unit_test(stopping_early_does_not_change_the_answer),
        cmocka_unit_test(answers_end_at_end_tokens_and_leave_control_tokens_out),
        cmocka_unit_test(events_and_trace_tell_the_whole_run),
        cmocka_unit_test(a_cancelled_run_gives_what_it_has),
        cmocka_unit_test(a_failing_trace_ends_the_run_with_its_error),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
        cmocka_unit_test(wrong_texts_leave_options_as_they_were),
        cmocka_unit_test(every_option_and_algorithm_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
