/* Caches: which rows each policy recomputes, and what stays exact. */
#include "testing.h"

#include "random_transformer.h"

#include "decode/cache_plan.h"

#define MASK 9
#define TRIALS 300

/* ---- Rows ------------------------------------------------------------------------ */

/* 4 fixed tokens, 8 masks in two blocks, 2 fixed tokens. */
typedef struct plan_fixture {
    um_canvas canvas;
    um_cache_plan plan;
} plan_fixture;

static plan_fixture make_plan(um_cache_kind cache, size_t refresh, bool is_shifted,
                              size_t attention_block_length) {
    static const int32_t before[] = {1, 2, 3, 4};
    const um_canvas_segment segments[] = {{false, 4, before}, {true, 8, NULL}, {false, 2, before}};
    um_error error = {0};
    plan_fixture made = {0};
    assert_ok(um_canvas_create(segments, 3, MASK, &made.canvas, &error), &error);
    um_decode_options options = um_decode_options_default();
    options.cache = cache;
    options.cache_refresh = refresh;
    options.cache_window = 1;
    const um_denoiser denoiser = {.is_shifted = is_shifted,
                                  .attention_block_length = attention_block_length};
    assert_ok(um_cache_plan_create(&made.plan, &denoiser, &made.canvas, &options, &error), &error);
    return made;
}

static void free_plan(plan_fixture *fixture) {
    um_cache_plan_free(&fixture->plan);
    um_canvas_free(&fixture->canvas);
}

static void commit(plan_fixture *fixture, size_t position) {
    um_canvas_commit(&fixture->canvas, position, 5);
    um_cache_plan_change(&fixture->plan, position);
}

/* The rows of the next forward, in the block start .. end - 1, as a picture: '#' is recomputed. */
static void assert_rows(plan_fixture *fixture, size_t start, size_t end, const char *expected) {
    char picture[32] = "";
    size_t count = 0;
    const size_t *rows = um_cache_plan_rows(&fixture->plan, &fixture->canvas, start, end, &count);
    memset(picture, rows ? '.' : '#', fixture->canvas.length);
    for (size_t i = 0; i < count; i++) {
        picture[rows[i]] = '#';
    }
    assert_string_equal(picture, expected);
}

static void without_a_cache_every_row_is_recomputed(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_NONE, 0, false, 0);
    assert_rows(&fixture, 4, 8, "##############");
    commit(&fixture, 4);
    assert_rows(&fixture, 4, 8, "##############");
    free_plan(&fixture);
}

static void prefix_recomputes_the_block_and_what_follows(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_PREFIX, 0, false, 0);
    assert_rows(&fixture, 4, 8, "##############");
    commit(&fixture, 5);
    assert_rows(&fixture, 4, 8, "....##########");
    assert_rows(&fixture, 8, 12, "##############"); /* a block begins */
    assert_rows(&fixture, 8, 12, "........######");
    free_plan(&fixture);
    fixture = make_plan(UM_CACHE_PREFIX, 0, true, 0);
    assert_rows(&fixture, 8, 12, "##############");
    assert_rows(&fixture, 8, 12, ".......#######"); /* row 7 predicts position 8 */
    free_plan(&fixture);
}

static void dual_recomputes_the_block_alone(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_DUAL, 0, false, 0);
    assert_rows(&fixture, 4, 8, "##############");
    commit(&fixture, 5);
    assert_rows(&fixture, 4, 8, "....####......");
    commit(&fixture, 6);
    assert_rows(&fixture, 4, 8, "....####......");
    commit(&fixture, 4);
    assert_rows(&fixture, 8, 12, "##############");
    assert_rows(&fixture, 8, 12, "........####..");
    free_plan(&fixture);
    fixture = make_plan(UM_CACHE_DUAL, 0, true, 0);
    assert_rows(&fixture, 8, 12, "##############");
    assert_rows(&fixture, 8, 12, ".......#####..");
    free_plan(&fixture);
}

static void vicinity_recomputes_a_window_around_the_block(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_VICINITY, 0, false, 0);
    assert_rows(&fixture, 4, 8, "##############");
    assert_rows(&fixture, 4, 8, "...######.....");
    assert_rows(&fixture, 8, 12, "##############");
    fixture.plan.window = 100;
    assert_rows(&fixture, 8, 12, "##############");
    free_plan(&fixture);
}

/* A row is recomputed in the first forward after the commit of its token, and kept from then on. */
static void delayed_keeps_what_was_decided_a_step_ago(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_DELAYED, 0, false, 0);
    assert_rows(&fixture, 4, 12, "##############");
    commit(&fixture, 5);
    commit(&fixture, 6);
    assert_rows(&fixture, 4, 12, "....########..");
    commit(&fixture, 9);
    assert_rows(&fixture, 4, 12, "....#..#####..");
    commit(&fixture, 4);
    assert_rows(&fixture, 4, 12, "....#..##.##..");
    assert_rows(&fixture, 4, 12, ".......##.##..");
    free_plan(&fixture);
}

static void delayed_keeps_a_shifted_row_once_the_next_token_is_decided_too(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_DELAYED, 0, true, 0);
    assert_rows(&fixture, 4, 12, "##############");
    commit(&fixture, 5);
    assert_rows(&fixture, 4, 12, "...#########..");
    assert_rows(&fixture, 4, 12, "...#########..");
    commit(&fixture, 6); /* row 5 settles with it, a forward later */
    assert_rows(&fixture, 4, 12, "...#########..");
    assert_rows(&fixture, 4, 12, "...##.######..");
    free_plan(&fixture);
}

static void every_so_many_forwards_all_rows_are_recomputed(void **state) {
    (void)state;
    static const um_cache_kind kinds[] = {UM_CACHE_PREFIX, UM_CACHE_DUAL, UM_CACHE_DELAYED,
                                          UM_CACHE_VICINITY};
    for (size_t k = 0; k < 4; k++) {
        plan_fixture fixture = make_plan(kinds[k], 3, false, 0);
        for (size_t i = 0; i < 9; i++) {
            size_t count = 0;
            (void)um_cache_plan_rows(&fixture.plan, &fixture.canvas, 4, 8, &count);
            assert_true(i == 0 || (count == fixture.canvas.length) == (i % 3 == 0));
        }
        free_plan(&fixture);
    }
}

/* Even outside the block: no committed position is still seen as a mask. */
static void a_changed_token_is_always_recomputed(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_DUAL, 0, false, 0);
    assert_rows(&fixture, 8, 12, "##############");
    commit(&fixture, 4);
    assert_rows(&fixture, 8, 12, "....#...####..");
    assert_rows(&fixture, 8, 12, "........####..");
    um_canvas_remask(&fixture.canvas, 4);
    um_cache_plan_change(&fixture.plan, 4);
    assert_rows(&fixture, 8, 12, "....#...####..");
    free_plan(&fixture);
}

/* Blocks of attention 0-2, 3-5, 6-8, 9-11, 12-13: rows that are not seen or that cannot have
 * changed are not recomputed. */
static void blocks_of_attention_bound_what_is_recomputed(void **state) {
    (void)state;
    plan_fixture fixture = make_plan(UM_CACHE_PREFIX, 0, false, 3);
    assert_rows(&fixture, 4, 8, "##############");
    commit(&fixture, 7);
    assert_rows(&fixture, 4, 8, "......###.....");
    commit(&fixture, 4);
    assert_rows(&fixture, 4, 8, "...######.....");
    assert_rows(&fixture, 4, 8, "..............");
    assert_rows(&fixture, 8, 12, ".........###..");
    commit(&fixture, 8);
    assert_rows(&fixture, 8, 12, "......######..");
    free_plan(&fixture);
}

/* ---- Whole runs ------------------------------------------------------------------ */

/* Run a random transformer without and with a cache; false if the runs differ. */
static bool same_with_cache(random_source *source, const um_model_config *config,
                            um_cache_kind cache, size_t refresh, size_t *rows_without,
                            size_t *rows_with) {
    const size_t answer_count = 1 + draw(source, 24);
    random_transformer model;
    make_transformer(&model, config, UM_DTYPE_F32, source->seed, NULL);
    um_canvas canvas = draw_canvas(source, config, answer_count);
    um_decode_options options = draw_options(source, answer_count);
    um_decode_result result = {0};
    event_list *without = decode_alone(&model.interface, &canvas, &options, NULL, &result);
    *rows_without = result.rows;
    options.cache = cache;
    options.cache_refresh = refresh;
    um_decode_options_mark(&options, UM_OPTION_CACHE_REFRESH);
    if (cache == UM_CACHE_VICINITY) {
        options.cache_window = draw(source, 5);
        um_decode_options_mark(&options, UM_OPTION_CACHE_WINDOW);
    }
    event_list *with = decode_alone(&model.interface, &canvas, &options, NULL, &result);
    *rows_with = result.rows;
    const bool same = are_same_events(without, with);
    free(without);
    free(with);
    um_canvas_free(&canvas);
    free_transformer(&model);
    return same;
}

static void recomputing_all_rows_in_every_step_equals_no_cache(void **state) {
    (void)state;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        random_source source = {.seed = trial};
        const um_model_config config = draw_config(&source);
        const um_cache_kind cache = (um_cache_kind)(1 + draw(&source, UM_CACHE_COUNT - 1));
        size_t without = 0;
        size_t with = 0;
        if (!same_with_cache(&source, &config, cache, 1, &without, &with)) {
            fail_msg("trial %d: cache %s with refresh 1 differs", (int)trial,
                     um_cache_policy_at(cache)->name);
        }
        assert_true(with <= without);
    }
}

/* Earlier blocks never see later ones, so their keys and values do not change. */
static void with_block_causal_attention_the_block_caches_are_exact(void **state) {
    (void)state;
    static const um_cache_kind kinds[] = {UM_CACHE_PREFIX, UM_CACHE_DUAL, UM_CACHE_VICINITY};
    size_t without_all = 0;
    size_t with_all = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        random_source source = {.seed = trial + TRIALS};
        um_model_config config = draw_config(&source);
        config.attention = UM_ATTENTION_BLOCK_CAUSAL;
        config.attention_block_length = 1 + draw(&source, 8);
        const um_cache_kind cache = kinds[draw(&source, 3)];
        size_t without = 0;
        size_t with = 0;
        if (!same_with_cache(&source, &config, cache, draw(&source, 2) * 4, &without, &with)) {
            fail_msg("trial %d: cache %s differs", (int)trial, um_cache_policy_at(cache)->name);
        }
        without_all += without;
        with_all += with;
    }
    assert_true(with_all * 10 < without_all * 9);
}

/* With full attention a cache is an approximation: fewer rows, and often another answer. */
static void a_cache_computes_fewer_rows(void **state) {
    (void)state;
    size_t differing = 0;
    for (size_t kind = 1; kind < UM_CACHE_COUNT; kind++) {
        size_t without_all = 0;
        size_t with_all = 0;
        for (uint64_t trial = 0; trial < 30; trial++) {
            random_source source = {.seed = trial};
            um_model_config config = draw_config(&source);
            config.attention = UM_ATTENTION_FULL;
            config.attention_block_length = 0;
            size_t without = 0;
            size_t with = 0;
            const bool same =
                same_with_cache(&source, &config, (um_cache_kind)kind, 0, &without, &with);
            differing += same ? 0 : 1;
            without_all += without;
            with_all += with;
        }
        assert_true(with_all < without_all);
    }
    assert_true(differing > 20);
}

/* A prompt of 3, then 12 masks in three blocks of 4: two forwards a block, or four if each step
 * commits one token. */
static void an_algorithm_with_blocks_names_the_one_it_fills(void **state) {
    (void)state;
    static const char *const algorithms[] = {"entropy", "low_confidence", "random", "threshold"};
    for (size_t a = 0; a < 4; a++) {
        const size_t forwards = a < 3 ? 2 : 4;
        const int32_t prompt[] = {1, 2, 3};
        um_canvas canvas = {0};
        um_error error = {0};
        assert_ok(um_canvas_create_prompt(prompt, 3, 12, MASK, &canvas, &error), &error);
        fake_model model = {.vocabulary_size = MASK + 1, .seed = 5, .scale = 3};
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = um_decode_options_default();
        options.algorithm = algorithms[a];
        options.block_length = 4;
        options.cache = UM_CACHE_DUAL;
        if (a < 3) {
            options.steps = 6;
        } else {
            options.confidence_threshold = 2;
        }
        um_decode_result result = {0};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
        assert_int_equal(model.calls, 3 * forwards);
        for (size_t i = 0; i < 3 * forwards; i++) {
            const bool is_first = i % forwards == 0;
            assert_int_equal(model.rows[i], is_first ? 15 : 4);
            assert_int_equal(model.first_row[i], is_first ? 0 : 3 + i / forwards * 4);
        }
        assert_int_equal(result.rows, 3 * (15 + 4 * (forwards - 1)));
        um_canvas_free(&canvas);
    }
}

static void a_name_that_is_no_cache_is_refused(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    um_error error = {0};
    assert_int_equal(um_decode_options_set(&options, "cache", "fast", &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message,
                        "there is no cache \"fast\"; choose one of none, prefix, dual, delayed, "
                        "vicinity");
    assert_int_equal(options.given, 0);
    assert_ok(um_decode_options_set(&options, "cache", "delayed", &error), &error);
    assert_int_equal(options.cache, UM_CACHE_DELAYED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_cache_every_row_is_recomputed),
        cmocka_unit_test(prefix_recomputes_the_block_and_what_follows),
        cmocka_unit_test(dual_recomputes_the_block_alone),
        cmocka_unit_test(vicinity_recomputes_a_window_around_the_block),
        cmocka_unit_test(delayed_keeps_what_was_decided_a_step_ago),
        cmocka_unit_test(delayed_keeps_a_shifted_row_once_the_next_token_is_decided_too),
        cmocka_unit_test(every_so_many_forwards_all_rows_are_recomputed),
        cmocka_unit_test(a_changed_token_is_always_recomputed),
        cmocka_unit_test(blocks_of_attention_bound_what_is_recomputed),
        cmocka_unit_test(recomputing_all_rows_in_every_step_equals_no_cache),
        cmocka_unit_test(with_block_causal_attention_the_block_caches_are_exact),
        cmocka_unit_test(a_cache_computes_fewer_rows),
        cmocka_unit_test(an_algorithm_with_blocks_names_the_one_it_fills),
        cmocka_unit_test(a_name_that_is_no_cache_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
