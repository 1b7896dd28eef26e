/* Parts of the server that its clients cannot show: limits, and which text is shown. */
#include <stdlib.h>

#include "api_testing.h"
#include "serve/api.h"
#include "serve/request_fit.h"

static const um_fit_limits limits = {.length = 20, .infilling_length = 40, .context = 30};

/* An ask between two texts. */
static um_ask between(const char *prefix, const char *suffix) {
    return (um_ask){.samples = 1,
                    .prefix = prefix,
                    .prefix_length = strlen(prefix),
                    .suffix = suffix,
                    .suffix_length = suffix ? strlen(suffix) : 0};
}

static void a_search_tries_powers_of_two_and_the_longest(void **state) {
    (void)state;
    const um_fit_limits searching = {.length = 20, .infilling_length = 40, .searches = true};
    const size_t expected[] = {4, 8, 16, 32, 40};
    size_t lengths[UM_TRIALS_MAXIMUM];
    um_ask ask = between("a", "b");
    assert_int_equal(um_request_fit_lengths(&ask, &searching, lengths), 5);
    assert_memory_equal(lengths, expected, sizeof expected);
    ask.length = 16;
    assert_int_equal(um_request_fit_lengths(&ask, &searching, lengths), 3);
    assert_int_equal(lengths[2], 16);
    ask.length = 1 << 20;
    const um_fit_limits long_ones = {.infilling_length = 4096, .searches = true};
    assert_int_equal(um_request_fit_lengths(&ask, &long_ones, lengths), UM_TRIALS_MAXIMUM);
    assert_int_equal(lengths[UM_TRIALS_MAXIMUM - 1], 4096);
}

static void a_fixed_length_is_the_smaller_of_the_two(void **state) {
    (void)state;
    size_t lengths[UM_TRIALS_MAXIMUM];
    um_ask ask = between("a", NULL);
    assert_int_equal(um_request_fit_lengths(&ask, &limits, lengths), 1);
    assert_int_equal(lengths[0], 20);
    ask.length = 7;
    (void)um_request_fit_lengths(&ask, &limits, lengths);
    assert_int_equal(lengths[0], 7);
    ask.suffix = "b";
    ask.length = 50;
    (void)um_request_fit_lengths(&ask, &limits, lengths);
    assert_int_equal(lengths[0], 40);
}

static size_t positions_of(const um_model *model, const um_request_fit *fit) {
    um_error error = {0};
    size_t sum = 0;
    for (size_t i = 0; i < fit->request.part_count; i++) {
        const um_part *part = &fit->parts[i];
        size_t count = part->length;
        if (part->kind == UM_PART_TEXT) {
            int32_t *tokens = NULL;
            assert_ok(um_tokenize(model, part->text, part->length, false, &tokens, &count, &error),
                      &error);
            um_free(tokens);
        }
        sum += count;
    }
    return sum;
}

static char *repeated(const char *text, size_t times) {
    char *whole = calloc(times * strlen(text) + 1, 1);
    assert_non_null(whole);
    for (size_t i = 0; i < times; i++) {
        memcpy(whole + i * strlen(text), text, strlen(text));
    }
    return whole;
}

static void what_is_shown_always_fits(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_error error = {0};
    const size_t sizes[] = {0, 1, 5, 12, 13, 14, 40, 3000};
    const size_t count = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < count * count * 4; i++) {
        char *prefix = repeated("xé = 1\n", sizes[i % count]);
        char *suffix = repeated("yü = 2\n", sizes[i / count % count]);
        const size_t lengths[] = {1, 40, 90, 1000};
        const size_t length = lengths[i / count / count];
        const um_ask ask = between(prefix, suffix);
        um_request_fit fit = {0};
        assert_ok(um_request_fit_begin(fixture.model, &ask, &limits, &fit, &error), &error);
        assert_ok(um_request_fit_lay(&fit, length, &error), &error);
        const size_t positions = positions_of(fixture.model, &fit);
        assert_true(fit.hole_length >= 1 && fit.hole_length <= length);
        assert_true(positions <= RANDOM_MODEL_CONTEXT && positions - fit.hole_length <= 30);
        const size_t fitting = sizes[i % count] + sizes[i / count % count];
        assert_true(fit.is_cut || fitting <= 30);
        um_request_fit_free(&fit);
        free(prefix);
        free(suffix);
    }
    api_close(&fixture);
}

static void a_prompt_without_room_for_an_answer_is_refused(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_error error = {0};
    char *prompt = repeated("x = 1\n", RANDOM_MODEL_CONTEXT);
    const um_ask ask = between(prompt, NULL);
    um_request_fit fit = {0};
    assert_ok(um_request_fit_begin(fixture.model, &ask, &limits, &fit, &error), &error);
    assert_int_equal(um_request_fit_lay(&fit, 5, &error), UM_ERR_LIMIT);
    assert_non_null(strstr(error.message, "has room for 96"));
    um_request_fit_free(&fit);
    free(prompt);
    api_close(&fixture);
}

static um_job *make_job(bool stream) {
    um_error error = {0};
    um_ask ask = {0};
    um_job *job = NULL;
    assert_ok(um_ask_begin(&ask, "{}", 2, &error), &error);
    ask.stream = stream;
    assert_ok(um_job_create(&um_api_chat.dialect, &ask, "model", &job, &error), &error);
    return job;
}

static void a_stream_that_is_not_read_is_given_up(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer piece = {0};
    char *text = repeated("x", 1 << 20);
    assert_ok(um_buffer_append(&piece, text, 1 << 20, &error), &error);
    for (int stream = 0; stream < 2; stream++) {
        um_job *job = make_job(stream == 1);
        um_status status = UM_OK;
        for (int i = 0; i < 8 && status == UM_OK; i++) {
            status = um_job_write(job, &piece, &error);
        }
        assert_int_equal(status, stream == 1 ? UM_ERR_LIMIT : UM_OK);
        um_job_release(job);
    }
    free(text);
    um_buffer_free(&piece);
}

static void the_first_end_of_a_job_counts(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer read = {0};
    um_job *job = make_job(false);
    assert_false(um_job_read(job, 0, &read));
    um_job_finish(job, UM_RAISE(&error, UM_ERR_LIMIT, "first"), &error);
    um_job_finish(job, UM_OK, NULL);
    assert_true(um_job_read(job, 0, &read));
    assert_int_equal(job->status, UM_ERR_LIMIT);
    assert_string_equal(job->error.message, "first");
    um_buffer_free(&read);
    um_job_release(job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_tries_powers_of_two_and_the_longest),
        cmocka_unit_test(a_fixed_length_is_the_smaller_of_the_two),
        cmocka_unit_test(what_is_shown_always_fits),
        cmocka_unit_test(a_prompt_without_room_for_an_answer_is_refused),
        cmocka_unit_test(a_stream_that_is_not_read_is_given_up),
        cmocka_unit_test(the_first_end_of_a_job_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
