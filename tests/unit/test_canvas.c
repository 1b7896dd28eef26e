#include "testing.h"

#include "decode/canvas.h"

#define MASK 99

static um_canvas build(const um_canvas_segment *segments, size_t count) {
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create(segments, count, MASK, &canvas, &error), &error);
    return canvas;
}

static void assert_refused(const um_canvas_segment *segments, size_t count, int32_t mask,
                           const char *message) {
    um_canvas canvas = {0};
    um_error error = {0};
    assert_int_equal(um_canvas_create(segments, count, mask, &canvas, &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, message);
    um_canvas_free(&canvas);
}

static void segments_become_fixed_tokens_and_holes(void **state) {
    (void)state;
    const int32_t first[] = {1, 2}, last[] = {3};
    const um_canvas_segment segments[] = {
        {false, 2, first}, {true, 2, NULL}, {true, 1, NULL}, {false, 0, NULL}, {false, 1, last}};
    um_canvas canvas = build(segments, 5);
    const int32_t expected[] = {1, 2, MASK, MASK, MASK, 3};
    assert_int_equal(canvas.length, 6);
    assert_memory_equal(canvas.tokens, expected, sizeof expected);
    assert_int_equal(canvas.hole_count, 2);
    assert_int_equal(canvas.holes[0].start, 2);
    assert_int_equal(canvas.holes[0].length, 2);
    assert_int_equal(canvas.holes[1].start, 4);
    assert_int_equal(canvas.holes[1].length, 1);
    assert_int_equal(canvas.answer_count, 3);
    assert_int_equal(canvas.masked_count, 3);
    um_canvas_free(&canvas);
}

static void masks_inside_fixed_tokens_are_holes(void **state) {
    (void)state;
    const int32_t tokens[] = {MASK, 1, MASK, MASK, 2};
    um_canvas canvas = build(&(um_canvas_segment){false, 5, tokens}, 1);
    assert_int_equal(canvas.hole_count, 2);
    assert_int_equal(canvas.holes[1].start, 2);
    assert_int_equal(canvas.holes[1].length, 2);
    size_t positions[3];
    assert_int_equal(um_canvas_answer_positions(&canvas, positions), 3);
    assert_int_equal(positions[0], 0);
    assert_int_equal(positions[2], 3);
    um_canvas_free(&canvas);
}

static void impossible_canvases_are_refused(void **state) {
    (void)state;
    const int32_t tokens[] = {1, -5};
    assert_refused(NULL, 0, MASK, "canvas: no masked position; add a hole of at least 1 mask");
    assert_refused(&(um_canvas_segment){false, 1, tokens}, 1, MASK,
                   "canvas: no masked position; add a hole of at least 1 mask");
    assert_refused((um_canvas_segment[]){{false, 1, tokens}, {true, 0, NULL}}, 2, MASK,
                   "canvas segment 1: a hole of 0 masks; give it at least 1 or leave it out");
    assert_refused((um_canvas_segment[]){{false, 2, tokens}, {true, 1, NULL}}, 2, MASK,
                   "canvas segment 0: token 1 has the negative id -5");
    assert_refused(&(um_canvas_segment){true, 1, NULL}, 1, -2,
                   "canvas: the mask token has the negative id -2");
    um_canvas canvas = {0};
    const um_canvas_segment huge[] = {{true, SIZE_MAX, NULL}, {true, 5, NULL}};
    assert_int_equal(um_canvas_create(huge, 2, MASK, &canvas, NULL), UM_ERR_LIMIT);
}

static void commits_and_remasks_keep_the_counts(void **state) {
    (void)state;
    const int32_t prompt[] = {1};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 1, 3, MASK, &canvas, &error), &error);
    um_canvas_commit(&canvas, 2, 7);
    size_t positions[3];
    assert_int_equal(um_canvas_masked_positions(&canvas, positions), 2);
    assert_int_equal(positions[0], 1);
    assert_int_equal(positions[1], 3);
    assert_int_equal(canvas.masked_count, 2);
    um_canvas_remask(&canvas, 2);
    assert_int_equal(canvas.tokens[2], MASK);
    assert_int_equal(canvas.masked_count, 3);
    um_canvas_free(&canvas);
}

/* A hole of 3 and a hole of 2; the stop tokens are 51 and 50. */
static void a_canvas_settles_when_each_hole_is_decided_up_to_its_stop(void **state) {
    (void)state;
    const int32_t middle[] = {50};
    const int32_t stops[] = {51, 50};
    bool stopped = true;
    const um_canvas_segment segments[] = {{true, 3, NULL}, {false, 1, middle}, {true, 2, NULL}};
    um_canvas canvas = build(segments, 3);
    assert_false(um_canvas_is_settled(&canvas, stops, 2));
    um_canvas_commit(&canvas, 1, 50);
    assert_int_equal(um_canvas_hole_answer_length(&canvas, 0, stops, 2, NULL), 0);
    assert_false(um_canvas_is_settled(&canvas, stops, 2)); /* position 0 is open */
    um_canvas_commit(&canvas, 0, 4);
    assert_int_equal(um_canvas_hole_answer_length(&canvas, 0, stops, 2, NULL), 1);
    assert_false(um_canvas_is_settled(&canvas, stops, 2)); /* the second hole is open */
    um_canvas_commit(&canvas, 4, 5);
    um_canvas_commit(&canvas, 5, 6);
    assert_true(um_canvas_is_settled(&canvas, stops, 2));
    assert_false(um_canvas_is_settled(&canvas, stops, 1)); /* position 2 is open */
    assert_int_equal(um_canvas_hole_answer_length(&canvas, 1, stops, 2, &stopped), 2);
    assert_false(stopped);
    assert_int_equal(um_canvas_hole_answer_length(&canvas, 0, stops, 2, &stopped), 1);
    assert_true(stopped);
    um_canvas_free(&canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_become_fixed_tokens_and_holes),
        cmocka_unit_test(masks_inside_fixed_tokens_are_holes),
        cmocka_unit_test(impossible_canvases_are_refused),
        cmocka_unit_test(commits_and_remasks_keep_the_counts),
        cmocka_unit_test(a_canvas_settles_when_each_hole_is_decided_up_to_its_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
