/* Requests decoded side by side through the public interface. */
#include "testing.h"

#include "api_testing.h"

#define REQUESTS 5

/* Requests that differ in text, length, options and sample. */
typedef struct request_set {
    um_part parts[REQUESTS][3];
    um_options *options[REQUESTS];
    um_request requests[REQUESTS];
} request_set;

/* The set must not be moved: its requests point into it. */
static void make_requests(request_set *set) {
    static const char *const texts[REQUESTS] = {"def add(a, b):", "x = ", "class Tree:\n    ",
                                                "for i in range", "import "};
    static const size_t lengths[REQUESTS] = {12, 3, 20, 7, 16};
    *set = (request_set){.options = {NULL, OPTIONS("temperature", "1", "seed", "5"),
                                     OPTIONS("cache", "dual", "block_length", "5"),
                                     OPTIONS("algorithm", "low_confidence", "cfg_scale", "1",
                                             "suppress_confidence", "17,18"),
                                     OPTIONS("temperature", "0.5", "suppress", "17,18")}};
    for (size_t i = 0; i < REQUESTS; i++) {
        set->parts[i][0] = text_part(texts[i]);
        set->parts[i][1] = hole_part(lengths[i]);
        set->parts[i][2] = text_part("\n");
        set->requests[i] = (um_request){.parts = set->parts[i],
                                        .part_count = i % 2 == 0 ? 3 : 2,
                                        .options = set->options[i],
                                        .sample = (uint32_t)i};
    }
}

static void free_requests(request_set *set) {
    for (size_t i = 0; i < REQUESTS; i++) {
        um_options_free(set->options[i]);
        set->options[i] = NULL;
    }
}

static um_batch *open_batch(const api_fixture *fixture, um_threads *threads, size_t size) {
    um_error error = {0};
    um_batch *batch = NULL;
    assert_ok(um_batch_create(fixture->model, threads, size, &batch, &error), &error);
    return batch;
}

static void assert_same_result(const um_result *a, const um_result *b) {
    assert_same_tokens(a, b);
    assert_int_equal(a->answer_count, b->answer_count);
    assert_string_equal(a->answers[0].text, b->answers[0].text);
    assert_int_equal(a->forwards, b->forwards);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->finish, b->finish);
    assert_string_equal(a->settings, b->settings);
}

static void keep_trace(char *text, const char *bytes, size_t length) {
    const size_t at = strlen(text);
    assert_true(at + length < 1 << 16);
    memcpy(text + at, bytes, length);
    text[at + length] = '\0';
}

static um_status on_trace(void *user, const char *bytes, size_t length, um_error *error) {
    (void)error;
    if (!strstr(bytes, "\"event\":\"end\"")) { /* it contains timings, which differ */
        keep_trace(user, bytes, length);
    }
    return UM_OK;
}

/* The memory that the requests point to is gone before they are decoded, and each has its own
 * trace. */
static void each_result_is_that_of_the_request_alone(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    static char alone[REQUESTS][1 << 16];
    static char together[REQUESTS][1 << 16];
    request_set set;
    um_result expected[REQUESTS];
    make_requests(&set);
    for (size_t i = 0; i < REQUESTS; i++) {
        const um_callbacks callbacks = {.user = alone[i], .trace = on_trace};
        expected[i] = run_request(fixture.session, &set.requests[i], &callbacks);
    }
    for (size_t size = 1; size <= 6; size++) {
        um_error error = {0};
        um_threads *threads = NULL;
        assert_ok(um_threads_create(1 + size % 3, &threads, &error), &error);
        um_batch *batch = open_batch(&fixture, threads, size);
        memset(together, 0, sizeof together);
        free_requests(&set);
        make_requests(&set);
        for (size_t i = 0; i < REQUESTS; i++) {
            uint64_t id = 0;
            const um_callbacks callbacks = {.user = together[i], .trace = on_trace};
            assert_ok(um_batch_add(batch, &set.requests[i], &callbacks, &id, &error), &error);
            assert_int_equal(id, i);
        }
        free_requests(&set);
        memset(&set, 0x55, sizeof set);
        while (um_batch_step(batch) > 0) {
        }
        um_outcome outcome;
        size_t taken = 0;
        for (; um_batch_take(batch, &outcome); taken++) {
            assert_ok(outcome.status, &outcome.error);
            assert_same_result(&outcome.result, &expected[outcome.id]);
            assert_string_equal(together[outcome.id], alone[outcome.id]);
            um_result_clear(&outcome.result);
        }
        assert_int_equal(taken, REQUESTS);
        um_batch_free(batch);
        um_threads_free(threads);
        make_requests(&set);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        um_result_clear(&expected[i]);
    }
    free_requests(&set);
    api_close(&fixture);
}

static bool cancel_third(void *user) {
    return ++*(size_t *)user == 3;
}

static void a_cancelled_one_gives_what_it_has_and_the_others_go_on(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_error error = {0};
    um_outcome outcome;
    request_set set;
    size_t asked = 0;
    const um_callbacks callbacks = {.user = &asked, .is_cancelled = cancel_third};
    make_requests(&set);
    um_batch *batch = open_batch(&fixture, NULL, 2);
    assert_ok(um_batch_add(batch, &set.requests[0], &callbacks, NULL, &error), &error);
    assert_ok(um_batch_add(batch, &set.requests[2], NULL, NULL, &error), &error);
    assert_false(um_batch_take(batch, &outcome));
    while (um_batch_step(batch) > 0) {
    }
    assert_true(um_batch_take(batch, &outcome)); /* the first that ended */
    assert_int_equal(outcome.id, 0);
    assert_int_equal(outcome.status, UM_ERR_CANCELLED);
    assert_int_equal(outcome.result.finish, UM_FINISH_CANCELLED);
    assert_int_equal(outcome.result.forwards, 2);
    assert_non_null(outcome.result.tokens);
    um_result_clear(&outcome.result);
    um_result expected = run_request(fixture.session, &set.requests[2], NULL);
    assert_true(um_batch_take(batch, &outcome));
    assert_ok(outcome.status, &outcome.error);
    assert_same_result(&outcome.result, &expected);
    um_result_clear(&outcome.result);
    um_result_clear(&expected);
    assert_false(um_batch_take(batch, &outcome));
    um_batch_free(batch);
    free_requests(&set);
    api_close(&fixture);
}

static void a_bad_request_is_refused_and_the_others_go_on(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_error error = {0};
    um_outcome outcome;
    um_batch *batch = NULL;
    request_set set;
    assert_int_equal(um_batch_create(fixture.model, NULL, 0, &batch, &error), UM_ERR_ARGUMENT);
    assert_null(batch);
    make_requests(&set);
    batch = open_batch(&fixture, NULL, 3);
    assert_ok(um_batch_add(batch, &set.requests[1], NULL, NULL, &error), &error);
    um_options *options = OPTIONS("algorithm", "entropy", "block_length", "7");
    um_request bad = set.requests[0];
    bad.options = options;
    assert_int_equal(um_batch_add(batch, &bad, NULL, NULL, &error), UM_ERR_ARGUMENT);
    assert_message(&error, "block_length is 7, which does not divide");
    bad = set.requests[0];
    bad.part_count = 1;
    assert_int_equal(um_batch_add(batch, &bad, NULL, NULL, &error), UM_ERR_ARGUMENT);
    assert_message(&error, "no masked position");
    assert_int_equal(um_batch_step(batch), 1);
    while (um_batch_step(batch) > 0) {
    }
    assert_true(um_batch_take(batch, &outcome));
    assert_ok(outcome.status, &outcome.error);
    um_result_clear(&outcome.result);
    assert_false(um_batch_take(batch, &outcome));
    um_options_free(options);
    um_batch_free(batch);
    free_requests(&set);
    api_close(&fixture);
}

/* With requests that wait, that are being decoded, and that are finished but not taken. */
static void a_batch_may_be_freed_at_any_time(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_error error = {0};
    request_set set;
    make_requests(&set);
    for (size_t steps = 0; steps < 8; steps += 2) {
        um_batch *batch = open_batch(&fixture, NULL, 2);
        for (size_t i = 0; i < REQUESTS; i++) {
            assert_ok(um_batch_add(batch, &set.requests[i], NULL, NULL, &error), &error);
        }
        for (size_t i = 0; i < steps; i++) {
            assert_int_not_equal(um_batch_step(batch), 0);
        }
        um_batch_free(batch);
    }
    um_batch_free(NULL);
    free_requests(&set);
    api_close(&fixture);
}

static void a_cache_computes_fewer_positions(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_info info;
    um_model_get_info(fixture.model, &info);
    assert_int_equal(info.cache_bytes, 2 * 2 * 2 * 4 * 4); /* K and V, layers, heads, width, f32 */
    const um_part parts[] = {text_part("def add(a, b):"), hole_part(20)};
    um_options *no_cache = OPTIONS("cache", "none");
    um_request request = {.parts = parts, .part_count = 2, .options = no_cache};
    um_result without = run_request(fixture.session, &request, NULL);
    um_options *options = OPTIONS("cache", "dual", "block_length", "5");
    request.options = options;
    um_result with = run_request(fixture.session, &request, NULL);
    assert_int_equal(without.rows, without.length * without.forwards);
    assert_true(with.rows < without.rows);
    assert_non_null(strstr(with.settings, "\"cache\":\"dual\",\"cache_refresh\":0"));
    assert_non_null(strstr(without.settings, "\"cache\":\"none\""));
    assert_null(strstr(without.settings, "cache_refresh"));
    um_result_clear(&without);
    um_result_clear(&with);
    um_options_free(no_cache);
    um_options_free(options);
    api_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_result_is_that_of_the_request_alone),
        cmocka_unit_test(a_cancelled_one_gives_what_it_has_and_the_others_go_on),
        cmocka_unit_test(a_bad_request_is_refused_and_the_others_go_on),
        cmocka_unit_test(a_batch_may_be_freed_at_any_time),
        cmocka_unit_test(a_cache_computes_fewer_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
