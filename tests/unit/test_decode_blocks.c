/* Blocks of an answer: what each requests of the model, and where it ends. */
#include "testing.h"

#include "decode_testing.h"

static void blocks_are_asked_for_one_after_the_other(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(12);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("low_confidence");
    options.block_length = 4;
    options.steps = 6;
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
    assert_int_equal(model.calls, 6);
    static const size_t wanted[] = {4, 2, 4, 2, 4, 2};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(model.wanted[i], wanted[i]);
        assert_true(model.first_wanted[i] >= 3 + i / 2 * 4);
    }
    um_canvas_free(&canvas);
}

/* A prompt of 3, so that attention blocks of 4 end after 1, 5 and 9 answer positions. */
static void blocks_end_where_those_of_attention_do(void **state) {
    (void)state;
    static const struct {
        size_t attention_block_length;
        size_t block_length;
        size_t wanted[7];
    } cases[] = {
        {0, 4, {4, 4, 4}}, {4, 4, {1, 4, 4, 3}}, {4, 2, {1, 2, 2, 2, 2, 2, 1}}, {4, 0, {12}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        um_canvas canvas = make_canvas(12);
        fake_model model = make_model();
        um_denoiser denoiser = fake_denoiser(&model);
        denoiser.attention_block_length = cases[i].attention_block_length;
        um_decode_options options = options_for("threshold");
        options.confidence_threshold = 0; /* a block a step */
        if (cases[i].block_length > 0) {
            options.block_length = cases[i].block_length;
        }
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
        size_t first = 3;
        for (size_t call = 0; call < model.calls; call++) {
            assert_int_equal(model.wanted[call], cases[i].wanted[call]);
            assert_int_equal(model.first_wanted[call], first);
            first += model.wanted[call];
        }
        assert_int_equal(first, canvas.length);
        um_canvas_free(&canvas);
    }
}

/* Two steps a block, from t = 1 through 0.5005 to 0.001: trunc(4 x 0.4995) = 1 position, then the
 * rest. */
static void each_block_has_the_whole_schedule(void **state) {
    (void)state;
    um_error error = {0};
    um_canvas canvas = make_canvas(12);
    fake_model model = make_model();
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("entropy");
    options.block_length = 4;
    options.steps = 6;
    assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, NULL, &error), &error);
    assert_int_equal(canvas.masked_count, 0);
    assert_int_equal(model.calls, 6);
    static const size_t wanted[] = {4, 3, 4, 3, 4, 3};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(model.wanted[i], wanted[i]);
        assert_true(model.first_wanted[i] >= 3 + i / 2 * 4);
    }
    um_canvas_free(&canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_asked_for_one_after_the_other),
        cmocka_unit_test(blocks_end_where_those_of_attention_do),
        cmocka_unit_test(each_block_has_the_whole_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
