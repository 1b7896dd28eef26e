#include "testing.h"

#include <math.h>

#include "decode_testing.h"

/* Four positions that entropy, the best probability and the margin each order differently.  Two
 * uniform positions come last, committed by one step. */
static void each_confidence_commits_in_its_own_order(void **state) {
    (void)state;
    static const float probabilities[4][6] = {
        {0.50f, 0.10f, 0.10f, 0.10f, 0.10f, 0.10f},         /* margin .40, entropy 1.50 */
        {0.52f, 0.47f, 0.0025f, 0.0025f, 0.0025f, 0.0025f}, /* margin .05, entropy .75 */
        {0.46f, 0.27f, 0.26f, 0.004f, 0.003f, 0.003f},      /* margin .19, entropy 1.12 */
        {0.44f, 0.43f, 0.1295f, 0.0002f, 0.0002f, 0.0001f}, /* margin .01, entropy .99 */
    };
    static const struct {
        const char *algorithm;
        size_t order[4];
    } expected[] = {
        {"entropy", {1, 3, 2, 0}},
        {"maskgit_plus", {1, 0, 2, 3}},
        {"topk_margin", {0, 2, 1, 3}},
    };
    float table[7 * 7];
    for (size_t p = 0; p < 7; p++) {
        for (size_t v = 0; v < 7; v++) {
            table[p * 7 + v] = p > 0 && p < 5 && v < 6 ? logf(probabilities[p - 1][v])
                               : p < 5                 ? -30.0f
                                                       : 0.0f;
        }
    }
    for (size_t a = 0; a < 3; a++) {
        const int32_t prompt[] = {0};
        um_canvas canvas = {0};
        um_error error = {0};
        assert_ok(um_canvas_create_prompt(prompt, 1, 6, 6, &canvas, &error), &error);
        fake_model model = {.vocabulary_size = 7, .table = table};
        const um_denoiser denoiser = fake_denoiser(&model);
        const um_decode_options options = options_for(expected[a].algorithm);
        event_list *list = calloc(1, sizeof *list);
        assert_non_null(list);
        const um_trace_sink sink = keep_events(list);
        const um_decode_hooks hooks = {.sink = &sink};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
        assert_int_equal(list->count, 6);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(list->events[i].position, expected[a].order[i] + 1);
            assert_int_equal(list->events[i].token, 0);
        }
        free(list);
        um_canvas_free(&canvas);
    }
}

static void a_run_fills_every_mask_and_leaves_the_rest(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(20);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("entropy");
    um_decode_result result = {0};
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
    assert_int_equal(canvas.masked_count, 0);
    assert_int_equal(result.committed, 20);
    assert_int_equal(result.reason, UM_TRACE_COMPLETE);
    for (int32_t p = 0; p < 3; p++) {
        assert_int_equal(canvas.tokens[p], p + 1);
    }
    for (size_t p = 3; p < canvas.length; p++) {
        assert_true(canvas.tokens[p] != FAKE_MASK);
    }
    um_canvas_free(&canvas);
}

/* ---- The same numbers every time ------------------------------------------- */

static const char *const all_algorithms[] = {
    "entropy",         "maskgit_plus", "topk_margin",    "origin",       "low_confidence",
    "random",          "p2",           "autoregressive", "threshold",    "factor",
    "entropy_bounded", "klass",        "prophet",        "hierarchical", "credit"};

static um_decode_options sampling_options(const char *algorithm, uint32_t sequence) {
    um_decode_options options = options_for(algorithm);
    options.temperature = 1;
    options.seed = 11;
    options.sequence = sequence;
    return options;
}

static um_canvas decode_one(const um_decode_options *options, um_thread_pool *pool, size_t masks) {
    um_canvas canvas = make_canvas(masks);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_hooks hooks = {.pool = pool};
    um_error error = {0};
    assert_ok(um_decode_run(&denoiser, &canvas, options, &hooks, NULL, &error), &error);
    return canvas;
}

static bool same_tokens(const um_canvas *a, const um_canvas *b) {
    return a->length == b->length && memcmp(a->tokens, b->tokens, a->length * sizeof(int32_t)) == 0;
}

/* Sample 2 alone, and after sample 1 with three threads. */
static void a_sample_does_not_depend_on_its_company(void **state) {
    (void)state;
    um_error error = {0};
    um_thread_pool *pool = NULL;
    assert_ok(um_thread_pool_create(3, &pool, &error), &error);
    for (size_t a = 0; a < sizeof all_algorithms / sizeof all_algorithms[0]; a++) {
        const um_decode_options first = sampling_options(all_algorithms[a], 1);
        const um_decode_options second = sampling_options(all_algorithms[a], 2);
        um_canvas alone = decode_one(&second, NULL, 16);
        um_canvas other = decode_one(&first, pool, 16);
        um_canvas after = decode_one(&second, pool, 16);
        assert_true(same_tokens(&alone, &after));
        assert_false(same_tokens(&alone, &other));
        um_canvas_free(&alone);
        um_canvas_free(&other);
        um_canvas_free(&after);
    }
    um_thread_pool_free(pool);
}

/* ---- What is asked of the model -------------------------------------------- */

static void steps_that_commit_nothing_make_no_forward(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(256);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("entropy");
    um_decode_result result = {0};
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
    assert_int_equal(result.steps, 256);
    assert_int_equal(result.forwards, 255); /* the schedule begins with 0 */
    assert_int_equal(model.calls, 255);
    assert_int_equal(model.wanted[0], 256);
    assert_int_equal(model.wanted[1], 255);
    assert_int_equal(model.wanted[254], 2);
    assert_int_equal(model.rows[7], 259);
    um_canvas_free(&canvas);
}

static void origin_asks_only_for_what_it_reveals(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(200);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("origin");
    options.steps = 20;
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
    assert_int_equal(canvas.masked_count, 0);
    assert_int_equal(model.wanted_total, 200);
    um_canvas_free(&canvas);
}

/* Each step reveals about 10 of the 200 (binomial), over many seeds. */
static void origin_reveals_at_the_rate_of_the_schedule(void **state) {
    (void)state;
    double first = 0, last = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        um_error error = {0};
        um_canvas canvas = make_canvas(200);
        fake_model model = {.vocabulary_size = 64}; /* flat */
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("origin");
        options.steps = 20;
        options.seed = seed;
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
        first += (double)model.wanted[0];
        last += (double)model.wanted[model.calls - 1];
        um_canvas_free(&canvas);
    }
    assert_true(fabs(first / 100 - 10) < 1.2);
    assert_true(fabs(last / 100 - 10) < 1.2);
}

static void guidance_makes_a_second_forward_without_the_prompt(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas plain = make_canvas(16), guided = make_canvas(16);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("entropy");
    options.steps = 8;
    assert_ok(um_decode_run(&denoiser, &plain, &options, NULL, NULL, &error), &error);
    const size_t calls = model.calls;
    options.cfg_scale = 2;
    um_decode_result result = {0};
    assert_ok(um_decode_run(&denoiser, &guided, &options, NULL, &result, &error), &error);
    assert_int_equal(model.calls, 3 * calls);
    assert_int_equal(result.forwards, 2 * calls);
    assert_false(same_tokens(&plain, &guided));
    assert_int_equal(guided.tokens[0], 1);
    um_canvas_free(&plain);
    um_canvas_free(&guided);
}

/* ---- Choosing positions ----------------------------------------------------- */

/* Positions with p .9, .6 and .5 compete for one place: at alg_temp .5 the first wins with
 * probability e^1.8 / (e^1.8 + e^1.2 + e^1) = .500. */
static void alg_temp_draws_positions_by_their_confidence(void **state) {
    (void)state;
    float table[4 * 4] = {0};
    table[4] = logf(0.9f), table[5] = logf(0.1f), table[6] = table[7] = -90;
    table[8] = logf(0.6f), table[9] = logf(0.4f), table[10] = table[11] = -90;
    table[12] = table[13] = logf(0.5f), table[14] = table[15] = -90;
    size_t first = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        const int32_t prompt[] = {0};
        um_canvas canvas = {0};
        um_error error = {0};
        assert_ok(um_canvas_create_prompt(prompt, 1, 3, 3, &canvas, &error), &error);
        fake_model model = {.vocabulary_size = 4, .table = table};
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("maskgit_plus");
        options.alg_temp = 0.5;
        options.seed = seed;
        options.steps = 2; /* commits 1, then 2 */
        um_trace trace = {0};
        const um_trace_sink sink = um_trace_recorder(&trace);
        const um_decode_hooks hooks = {.sink = &sink};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
        assert_true(trace.events[0].step < trace.events[1].step);
        first += trace.events[0].position == 1 ? 1 : 0;
        um_trace_free(&trace);
        um_canvas_free(&canvas);
    }
    assert_true(fabs((double)first / 4000 - 0.5005) < 0.025);
}

static void ties_go_to_the_lowest_position(void **state) {
    (void)state;
    for (size_t a = 0; a < 3; a++) {
        um_canvas canvas = make_canvas(8);
        fake_model model = {.vocabulary_size = 64}; /* flat: all tie */
        const um_denoiser denoiser = fake_denoiser(&model);
        const um_decode_options options = options_for(all_algorithms[a]);
        um_trace trace = {0};
        um_error error = {0};
        const um_trace_sink sink = um_trace_recorder(&trace);
        const um_decode_hooks hooks = {.sink = &sink};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(trace.events[i].position, 3 + i);
        }
        um_trace_free(&trace);
        um_canvas_free(&canvas);
    }
}

/* The random algorithm's order depends on neither confidence nor position. */
static void random_orders_are_uniform(void **state) {
    (void)state;
    size_t first[4] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        um_canvas canvas = make_canvas(4);
        fake_model model = make_model();
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("random");
        options.seed = seed;
        um_trace trace = {0};
        um_error error = {0};
        const um_trace_sink sink = um_trace_recorder(&trace);
        const um_decode_hooks hooks = {.sink = &sink};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
        first[trace.events[0].position - 3]++;
        um_trace_free(&trace);
        um_canvas_free(&canvas);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(first[i] > 420 && first[i] < 580);
    }
}

/* ---- Ending ------------------------------------------------------------------- */

/* The model commits the stop token now and then; the answer up to it stays the same. */
static void stopping_early_does_not_change_the_answer(void **state) {
    (void)state;
    const int32_t stop = 9;
    size_t stopped = 0;
    for (size_t a = 0; a < sizeof all_algorithms / sizeof all_algorithms[0]; a++) {
        if (strcmp(all_algorithms[a], "p2") == 0) {
            continue;
        }
        for (uint32_t sequence = 0; sequence < 20; sequence++) {
            um_decode_options options = sampling_options(all_algorithms[a], sequence);
            um_canvas whole = decode_one(&options, NULL, 24);
            options.stop_token = stop;
            um_canvas early = decode_one(&options, NULL, 24);
            const size_t length = um_canvas_hole_answer_length(&whole, 0, &stop, 1, NULL);
            assert_int_equal(um_canvas_hole_answer_length(&early, 0, &stop, 1, NULL), length);
            assert_memory_equal(whole.tokens, early.tokens, (3 + length) * sizeof(int32_t));
            if (length < 24) {
                assert_int_equal(early.tokens[3 + length], stop);
            }
            stopped += early.masked_count > 0 ? 1 : 0;
            um_canvas_free(&whole);
            um_canvas_free(&early);
        }
    }
    assert_true(stopped > 10); /* else nothing was tested */
}

static void an_early_stop_is_reported(void **state) {
    (void)state;
    float table[16 * 8] = {0};
    for (size_t p = 0; p < 16; p++) {
        table[p * 8 + 2] = (float)(20 - p); /* token 2 everywhere, the surest leftmost */
    }
    const int32_t prompt[] = {0};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 1, 15, 7, &canvas, &error), &error);
    fake_model model = {.vocabulary_size = 8, .table = table};
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("entropy");
    options.stop_token = 2;
    um_decode_result result = {0};
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
    assert_int_equal(result.reason, UM_TRACE_STOP_TOKEN);
    assert_int_equal(result.forwards, 1);
    assert_int_equal(result.committed, 1);
    assert_int_equal(result.masked, 14);
    um_canvas_free(&canvas);
}

static void surplus_steps_do_nothing(void **state) {
    (void)state;
    static const char *const algorithms[] = {"entropy", "low_confidence", "p2"};
    for (size_t a = 0; a < 3; a++) {
        um_error error = {0};
        um_canvas canvas = make_canvas(5);
        fake_model model = make_model();
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for(algorithms[a]);
        options.steps = 50;
        um_decode_result result = {0};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
        assert_int_equal(result.reason, UM_TRACE_COMPLETE);
        assert_true(a >= 2 || result.forwards <= 5);
        um_canvas_free(&canvas);
    }
}

static void the_mask_is_chosen_only_when_allowed(void **state) {
    (void)state;
    float table[8 * 8] = {0};
    for (size_t p = 0; p < 8; p++) {
        table[p * 8 + 7] = 5; /* the mask is the best everywhere */
        table[p * 8 + 4] = 3;
    }
    for (int forbid = 0; forbid < 2; forbid++) {
        const int32_t prompt[] = {0};
        um_canvas canvas = {0};
        um_error error = {0};
        assert_ok(um_canvas_create_prompt(prompt, 1, 4, 7, &canvas, &error), &error);
        fake_model model = {.vocabulary_size = 8, .table = table};
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("maskgit_plus");
        options.forbid_mask = forbid == 1;
        um_decode_result result = {0};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
        assert_int_equal(result.reason, forbid ? UM_TRACE_COMPLETE : UM_TRACE_OUT_OF_STEPS);
        assert_int_equal(result.masked, forbid ? 0 : 4);
        assert_int_equal(canvas.tokens[1], forbid ? 4 : 7);
        um_canvas_free(&canvas);
    }
}

static bool cancel_at_third(void *user) {
    size_t *asked = user;
    return ++*asked == 3;
}

static void a_cancelled_run_says_so(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(10);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("entropy");
    size_t asked = 0;
    um_trace trace = {0};
    const um_trace_sink sink = um_trace_recorder(&trace);
    const um_decode_hooks hooks = {
        .sink = &sink, .is_cancelled = cancel_at_third, .cancel_user = &asked};
    um_decode_result result = {0};
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, &hooks, &result, &error),
                     UM_ERR_CANCELLED);
    assert_int_equal(result.reason, UM_TRACE_CANCELLED);
    assert_int_equal(result.forwards, 2);
    assert_int_equal(result.committed, 2);
    assert_true(trace.has_end);
    assert_int_equal(trace.end.reason, UM_TRACE_CANCELLED);
    um_trace_free(&trace);
    um_canvas_free(&canvas);
}

static void logits_that_are_not_finite_stop_the_run(void **state) {
    (void)state;
    float table[8 * 8] = {0};
    table[3 * 8 + 5] = NAN;
    const int32_t prompt[] = {0};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 1, 4, 7, &canvas, &error), &error);
    fake_model model = {.vocabulary_size = 8, .table = table};
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("entropy");
    options.steps = 2;
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error),
                     UM_ERR_MISMATCH);
    assert_string_equal(error.message,
                        "step 0, position 3: the model's logits are not finite after division by "
                        "the temperature; look for damaged weights with `unmask inspect "
                        "--scan`, or choose another temperature");
    um_canvas_free(&canvas);
}

static void tokens_outside_the_vocabulary_are_refused(void **state) {
    (void)state;
    const int32_t prompt[] = {64};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 1, 4, FAKE_MASK, &canvas, &error), &error);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("entropy");
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error),
                     UM_ERR_MISMATCH);
    assert_int_equal(model.calls, 0);
    um_canvas_free(&canvas);
}

/* ---- Autoregressive ------------------------------------------------------------ */

static void autoregressive_is_the_chain_of_argmaxes(void **state) {
    (void)state;
    um_error error = {0};
    const int32_t prompt[] = {1, 2, 3};
    um_canvas canvas = {0};
    assert_ok(um_canvas_create_prompt(prompt, 3, 10, UM_NO_TOKEN_ID, &canvas, &error), &error);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("autoregressive");
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
    int32_t chain[13] = {1, 2, 3};
    for (size_t length = 3; length < 13; length++) {
        float logits[64];
        const um_denoiser_request request = {
            .tokens = chain, .length = length, .wanted = &length, .wanted_count = 1};
        fake_model again = make_model();
        fake_logits(&again, &request, logits);
        for (int32_t v = 0; v < 64; v++) {
            chain[length] = logits[v] > logits[chain[length]] ? v : chain[length];
        }
    }
    assert_memory_equal(canvas.tokens, chain, sizeof chain);
    assert_int_equal(model.calls, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(model.lengths[i], 3 + i);
        assert_int_equal(model.rows[i], i == 0 ? 3 : 1);
        assert_int_equal(model.first_row[i], i == 0 ? 0 : 2 + i);
        assert_int_equal(model.first_wanted[i], 3 + i);
    }
    um_canvas_free(&canvas);
}

static void autoregressive_needs_one_hole_at_the_end(void **state) {
    (void)state;
    const int32_t token[] = {1};
    const um_canvas_segment infill[] = {{false, 1, token}, {true, 2, NULL}, {false, 1, token}};
    const um_canvas_segment empty[] = {{true, 2, NULL}};
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_decode_options options = options_for("autoregressive");
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create(infill, 3, FAKE_MASK, &canvas, &error), &error);
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error),
                     UM_ERR_ARGUMENT);
    um_canvas_free(&canvas);
    assert_ok(um_canvas_create(empty, 1, FAKE_MASK, &canvas, &error), &error);
    assert_int_equal(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error),
                     UM_ERR_ARGUMENT);
    um_canvas_free(&canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_confidence_commits_in_its_own_order),
        cmocka_unit_test(a_run_fills_every_mask_and_leaves_the_rest),
        cmocka_unit_test(a_sample_does_not_depend_on_its_company),
        cmocka_unit_test(steps_that_commit_nothing_make_no_forward),
        cmocka_unit_test(origin_asks_only_for_what_it_reveals),
        cmocka_unit_test(origin_reveals_at_the_rate_of_the_schedule),
        cmocka_unit_test(guidance_makes_a_second_forward_without_the_prompt),
        cmocka_unit_test(alg_temp_draws_positions_by_their_confidence),
        cmocka_unit_test(ties_go_to_the_lowest_position),
        cmocka_unit_test(random_orders_are_uniform),
        cmocka_unit_test(stopping_early_does_not_change_the_answer),
        cmocka_unit_test(an_early_stop_is_reported),
        cmocka_unit_test(surplus_steps_do_nothing),
        cmocka_unit_test(the_mask_is_chosen_only_when_allowed),
        cmocka_unit_test(a_cancelled_run_says_so),
        cmocka_unit_test(logits_that_are_not_finite_stop_the_run),
        cmocka_unit_test(tokens_outside_the_vocabulary_are_refused),
        cmocka_unit_test(autoregressive_is_the_chain_of_argmaxes),
        cmocka_unit_test(autoregressive_needs_one_hole_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
