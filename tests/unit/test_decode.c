#include "testing.h"

#include <math.h>

#include "decode_testing.h"

#define MASK 63

static um_decode_options options_for(const char *algorithm) {
    um_decode_options options = um_decode_options_default();
    options.algorithm = algorithm;
    return options;
}

/* Prompt 1 2 3, then `masks` masks. */
static um_canvas make_canvas(size_t masks) {
    const int32_t prompt[] = {1, 2, 3};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 3, masks, MASK, &canvas, &error), &error);
    return canvas;
}

static fake_model make_model(void) {
    return (fake_model){.vocabulary_size = 64, .seed = 5, .scale = 3};
}

/* Four positions whose certainty differs: by entropy, by the best probability and by margin
 * each order is another one.  Two uniform positions come last, where a step commits both. */
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
        assert_true(canvas.tokens[p] != MASK);
    }
    um_canvas_free(&canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_confidence_commits_in_its_own_order),
        cmocka_unit_test(a_run_fills_every_mask_and_leaves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
