/* The denoiser over a transformer, against whole forwards. */
#include "golden_model.h"

#include "decode/transformer_denoiser.h"

typedef struct denoiser_fixture {
    golden_model model;
    um_compute compute;
    um_transformer_denoiser *denoiser;
    um_denoiser interface;
    size_t width; /* vocabulary */
    size_t length;
} denoiser_fixture;

static denoiser_fixture open_fixture(const char *name) {
    denoiser_fixture made = {0};
    golden_open(name, &made.model);
    made.compute = compute_make(NULL, 2);
    made.width = made.model.config.vocabulary_size;
    made.length = made.model.lengths[0];
    return made;
}

/* The denoiser points into the fixture, so it is created once the fixture is in its final place. */
static void start(denoiser_fixture *fixture) {
    um_error error = {0};
    fixture->model.transformer = (um_transformer){&fixture->model.config, &fixture->model.bound};
    assert_ok(um_transformer_denoiser_create(&fixture->model.transformer, &fixture->compute,
                                             &fixture->denoiser, &error),
              &error);
    fixture->interface = um_transformer_denoiser_interface(fixture->denoiser);
}

static void close_fixture(denoiser_fixture *fixture) {
    um_transformer_denoiser_free(fixture->denoiser);
    compute_free(&fixture->compute);
    golden_close(&fixture->model);
}

/* The logits of every row of tokens[length] by one whole forward; the caller frees them. */
static float *whole_forward(denoiser_fixture *fixture, const int32_t *tokens, size_t length) {
    um_sequence_rows sequence = {.cache = make_cache(&fixture->model, length),
                                 .tokens = tokens,
                                 .row_count = length,
                                 .hidden_rows = fixture->model.indices,
                                 .hidden_count = length};
    const um_row_batch batch = {.sequences = &sequence,
                                .count = 1,
                                .attention = fixture->model.config.attention,
                                .attention_block_length =
                                    fixture->model.config.attention_block_length};
    float *logits = run_logits(&fixture->model, &fixture->compute, &batch);
    um_kv_cache_free(sequence.cache);
    return logits;
}

static float *ask(denoiser_fixture *fixture, const um_denoiser_request *request) {
    um_error error = {0};
    float *logits = make_floats(request->wanted_count * fixture->width);
    um_denoiser_request asked = *request;
    assert_ok(fixture->interface.forward(fixture->interface.user, &asked, 1, &error), &error);
    assert_ok(
        fixture->interface.logits(fixture->interface.user, 0, asked.wanted_count, logits, &error),
        &error);
    return logits;
}

static void assert_row(const denoiser_fixture *fixture, const float *expected, size_t row,
                       const float *logits, size_t index) {
    assert_memory_equal(expected + row * fixture->width, logits + index * fixture->width,
                        fixture->width * sizeof(float));
}

/* ---- Tests -------------------------------------------------------------------- */

static void check_all_positions(const char *name, um_logit_alignment alignment) {
    denoiser_fixture fixture = open_fixture(name);
    fixture.model.config.logit_alignment = alignment;
    start(&fixture);
    const um_denoiser_request request = {.tokens = fixture.model.tokens,
                                         .length = fixture.length,
                                         .wanted = fixture.model.indices,
                                         .wanted_count = fixture.length};
    float *expected = whole_forward(&fixture, request.tokens, request.length);
    float *logits = ask(&fixture, &request);
    for (size_t p = 0; p < fixture.length; p++) {
        const bool shifted = alignment == UM_LOGITS_SHIFTED && p > 0;
        assert_row(&fixture, expected, shifted ? p - 1 : p, logits, p);
    }
    free(expected);
    free(logits);
    close_fixture(&fixture);
}

static void all_rows_give_what_one_whole_forward_gives(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        check_all_positions(golden_names[i], UM_LOGITS_SHIFTED);
        check_all_positions(golden_names[i], UM_LOGITS_AT_POSITION);
    }
}

static void some_positions_give_the_rows_that_predict_them(void **state) {
    (void)state;
    denoiser_fixture fixture = open_fixture("dream");
    fixture.model.config.logit_alignment = UM_LOGITS_SHIFTED;
    start(&fixture);
    const size_t wanted[] = {0, 1, 3, fixture.length};
    const size_t rows[] = {0, 0, 2, fixture.length - 1};
    float *expected = whole_forward(&fixture, fixture.model.tokens, fixture.length);
    for (size_t first = 0; first < 4; first++) {
        const um_denoiser_request request = {.tokens = fixture.model.tokens,
                                             .length = fixture.length,
                                             .wanted = wanted + first,
                                             .wanted_count = 4 - first};
        float *logits = ask(&fixture, &request);
        for (size_t i = first; i < 4; i++) {
            assert_row(&fixture, expected, rows[i], logits, i - first);
        }
        free(logits);
    }
    free(expected);
    close_fixture(&fixture);
}

/* A prompt of 2 tokens, then one more token per request, as in autoregressive decoding. */
static void check_growing(bool with_room) {
    um_error error = {0};
    denoiser_fixture fixture = open_fixture("qwen2_tied");
    fixture.model.config.attention = UM_ATTENTION_CAUSAL;
    fixture.model.config.logit_alignment = UM_LOGITS_SHIFTED;
    start(&fixture);
    if (with_room) {
        assert_ok(um_transformer_denoiser_start(fixture.denoiser, 0, fixture.length, &error),
                  &error);
    }
    float *expected = whole_forward(&fixture, fixture.model.tokens, fixture.length);
    for (size_t length = 2; length <= fixture.length; length++) {
        const size_t row = length - 1;
        const um_denoiser_request request = {.tokens = fixture.model.tokens,
                                             .length = length,
                                             .rows = length == 2 ? NULL : &row,
                                             .row_count = length == 2 ? 0 : 1,
                                             .wanted = &length,
                                             .wanted_count = 1};
        float *logits = ask(&fixture, &request);
        assert_row(&fixture, expected, row, logits, 0);
        free(logits);
    }
    free(expected);
    close_fixture(&fixture);
}

static void growing_by_one_row_equals_the_whole_causal_forward(void **state) {
    (void)state;
    check_growing(true);
    check_growing(false);
}

/* After the token of row 3 changes, asking for rows 4 and up still uses the old keys of row 3,
 * which gives the old logits; asking for row 3 too gives those of a whole forward. */
static void rows_that_are_not_asked_for_keep_their_keys_and_values(void **state) {
    (void)state;
    denoiser_fixture fixture = open_fixture("llada");
    fixture.model.config.attention = UM_ATTENTION_CAUSAL;
    fixture.model.config.logit_alignment = UM_LOGITS_AT_POSITION;
    start(&fixture);
    int32_t *tokens = fixture.model.tokens;
    const size_t last = fixture.length - 1;
    um_denoiser_request request = {
        .tokens = tokens, .length = fixture.length, .wanted = &last, .wanted_count = 1};
    float *before = ask(&fixture, &request);
    tokens[3] = (tokens[3] + 1) % (int32_t)fixture.width;
    float *after = whole_forward(&fixture, tokens, fixture.length);
    request.rows = fixture.model.indices + 4;
    request.row_count = fixture.length - 4;
    float *stale = ask(&fixture, &request);
    assert_row(&fixture, before, 0, stale, 0);
    request.rows = fixture.model.indices + 3;
    request.row_count = fixture.length - 3;
    float *fresh = ask(&fixture, &request);
    assert_row(&fixture, after, last, fresh, 0);
    assert_memory_not_equal(stale, fresh, fixture.width * sizeof(float));
    free(before);
    free(after);
    free(stale);
    free(fresh);
    close_fixture(&fixture);
}

/* With shifted logits position 4 is read from row 3, which is not among the rows. */
static void a_row_that_predicts_a_wanted_position_is_computed_too(void **state) {
    (void)state;
    denoiser_fixture fixture = open_fixture("dream");
    fixture.model.config.logit_alignment = UM_LOGITS_SHIFTED;
    start(&fixture);
    const size_t wanted[] = {4, 5};
    um_denoiser_request request = {.tokens = fixture.model.tokens,
                                   .length = fixture.length,
                                   .wanted = wanted,
                                   .wanted_count = 2};
    float *all = ask(&fixture, &request);
    request.rows = fixture.model.indices + 4;
    request.row_count = fixture.length - 4;
    float *some = ask(&fixture, &request);
    assert_memory_equal(all, some, 2 * fixture.width * sizeof(float));
    free(all);
    free(some);
    close_fixture(&fixture);
}

static void a_shorter_sequence_starts_anew(void **state) {
    (void)state;
    denoiser_fixture fixture = open_fixture("dream");
    fixture.model.config.logit_alignment = UM_LOGITS_AT_POSITION;
    start(&fixture);
    const size_t wanted = 1;
    const size_t row = 1;
    um_denoiser_request request = {.tokens = fixture.model.tokens,
                                   .length = fixture.length,
                                   .wanted = &wanted,
                                   .wanted_count = 1};
    free(ask(&fixture, &request));
    const int32_t other[] = {1, 2, 3};
    request.tokens = other;
    request.length = 3;
    request.rows = &row;
    request.row_count = 1;
    float *logits = ask(&fixture, &request);
    float *expected = whole_forward(&fixture, other, 3);
    assert_row(&fixture, expected, 1, logits, 0);
    free(logits);
    free(expected);
    close_fixture(&fixture);
}

static void assert_refused(denoiser_fixture *fixture, const um_denoiser_request *request,
                           um_status status, const char *text) {
    um_error error = {0};
    um_denoiser_request asked = *request;
    assert_int_equal(fixture->interface.forward(fixture->interface.user, &asked, 1, &error),
                     status);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, error.message);
    }
}

static void impossible_requests_are_refused_and_harm_nothing(void **state) {
    (void)state;
    um_error error = {0};
    denoiser_fixture fixture = open_fixture("dream");
    fixture.model.config.logit_alignment = UM_LOGITS_AT_POSITION;
    start(&fixture);
    const size_t too_long = fixture.model.config.maximum_positions + 1;
    const size_t wanted = 1;
    const size_t backwards[] = {2, 1};
    const um_denoiser_request good = {.tokens = fixture.model.tokens,
                                      .length = fixture.length,
                                      .wanted = &wanted,
                                      .wanted_count = 1};
    um_denoiser_request bad = good;
    bad.length = too_long;
    assert_refused(&fixture, &bad, UM_ERR_LIMIT, "positions");
    assert_int_equal(um_transformer_denoiser_start(fixture.denoiser, 0, too_long, &error),
                     UM_ERR_LIMIT);
    bad = good;
    bad.length = 0;
    assert_refused(&fixture, &bad, UM_ERR_ARGUMENT, "empty");
    bad = good;
    bad.wanted = &fixture.length; /* one past the end, without shifted logits */
    assert_refused(&fixture, &bad, UM_ERR_ARGUMENT, "wanted position 0");
    bad = good;
    bad.rows = backwards;
    bad.row_count = 2;
    assert_refused(&fixture, &bad, UM_ERR_ARGUMENT, "row 1 is 1");
    int32_t outside[] = {0, 0, (int32_t)fixture.width};
    bad = good;
    bad.tokens = outside;
    bad.length = 3;
    assert_refused(&fixture, &bad, UM_ERR_MISMATCH, "");
    float *expected = whole_forward(&fixture, good.tokens, good.length);
    float *logits = ask(&fixture, &good);
    assert_row(&fixture, expected, 1, logits, 0);
    free(expected);
    free(logits);
    close_fixture(&fixture);
}

/* Each of two sequences in one forward gives what it gives alone, whatever the other's rows are. */
static void sequences_side_by_side_do_not_see_each_other(void **state) {
    (void)state;
    um_error error = {0};
    denoiser_fixture fixture = open_fixture("dream");
    fixture.model.config.logit_alignment = UM_LOGITS_SHIFTED;
    start(&fixture);
    const size_t first[] = {0, 1, 3};
    const size_t second[] = {2, 4};
    const int32_t *tokens = fixture.model.tokens;
    um_denoiser_request requests[] = {
        {.slot = 1, .tokens = tokens, .length = fixture.length, .wanted = first, .wanted_count = 3},
        {.slot = 4,
         .tokens = tokens + 1,
         .length = fixture.length - 1,
         .wanted = second,
         .wanted_count = 2}};
    float *one = ask(&fixture, &requests[0]);
    float *other = ask(&fixture, &requests[1]);
    const um_denoiser *interface = &fixture.interface;
    assert_ok(interface->forward(interface->user, requests, 2, &error), &error);
    assert_int_equal(requests[0].computed_rows, fixture.length);
    assert_int_equal(requests[1].computed_rows, fixture.length - 1);
    for (size_t from = 0; from < 5; from++) {
        for (size_t count = 1; from + count <= 5; count++) {
            float *logits = make_floats(count * fixture.width);
            assert_ok(interface->logits(interface->user, from, count, logits, &error), &error);
            for (size_t i = from; i < from + count; i++) {
                const float *expected = i < 3 ? one : other;
                assert_row(&fixture, expected, i < 3 ? i : i - 3, logits, i - from);
            }
            free(logits);
        }
    }
    requests[1].slot = 1;
    assert_int_equal(interface->forward(interface->user, requests, 2, &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, "denoiser: slot 1 is asked for twice");
    free(one);
    free(other);
    close_fixture(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_give_what_one_whole_forward_gives),
        cmocka_unit_test(some_positions_give_the_rows_that_predict_them),
        cmocka_unit_test(growing_by_one_row_equals_the_whole_causal_forward),
        cmocka_unit_test(rows_that_are_not_asked_for_keep_their_keys_and_values),
        cmocka_unit_test(a_row_that_predicts_a_wanted_position_is_computed_too),
        cmocka_unit_test(a_shorter_sequence_starts_anew),
        cmocka_unit_test(sequences_side_by_side_do_not_see_each_other),
        cmocka_unit_test(impossible_requests_are_refused_and_harm_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
