/* Canvases decoded side by side: which share a forward, how they come and go, and that none
 * disturbs the others.  test_same_numbers.c shows that results do not depend on company. */
#include "testing.h"

#include "decode_testing.h"

#include "decode/batch.h"

#define JOBS 5

typedef struct batch_fixture {
    fake_model model;
    um_denoiser denoiser;
    um_decode_batch *batch;
    um_canvas canvases[JOBS];
    um_decode_job jobs[JOBS];
} batch_fixture;

/* The fixture must not be moved: its denoiser points into it. */
static void open_batch(batch_fixture *fixture, size_t live_maximum) {
    um_error error = {0};
    *fixture = (batch_fixture){.model = {.vocabulary_size = 64, .seed = 5, .scale = 3}};
    fixture->denoiser = fake_denoiser(&fixture->model);
    const um_decode_batch_setup setup = {.live_maximum = live_maximum};
    assert_ok(um_decode_batch_create(&fixture->denoiser, &setup, &fixture->batch, &error), &error);
}

static void close_batch(batch_fixture *fixture) {
    um_decode_batch_free(fixture->batch);
    for (size_t i = 0; i < JOBS; i++) {
        um_canvas_free(&fixture->canvases[i]);
    }
}

static um_decode_options options_in_steps(size_t steps) {
    um_decode_options options = um_decode_options_default();
    options.algorithm = "low_confidence";
    options.steps = steps;
    return options;
}

/* Prompt 1 2 3, `masks` masks, one position a step. */
static void add(batch_fixture *fixture, size_t job, size_t masks, const um_decode_hooks *hooks) {
    const int32_t prompt[] = {1, 2, 3};
    um_error error = {0};
    const um_decode_options options = options_in_steps(masks);
    assert_ok(um_canvas_create_prompt(prompt, 3, masks, FAKE_MASK, &fixture->canvases[job], &error),
              &error);
    assert_ok(um_decode_batch_add(fixture->batch, &fixture->canvases[job], &options, hooks,
                                  &fixture->jobs[job], &error),
              &error);
}

static void assert_finished(const batch_fixture *fixture, const char *expected) {
    char finished[JOBS + 1] = "";
    for (size_t i = 0; i < JOBS; i++) {
        finished[i] = fixture->jobs[i].is_finished ? '#' : '.';
    }
    assert_string_equal(finished, expected);
}

/* With two places, 0 and 1 go first, 2 follows 0, 3 follows 2, and 4 follows 1. */
static void one_that_is_finished_makes_room_for_one_that_waits(void **state) {
    (void)state;
    static const size_t masks[JOBS] = {1, 3, 1, 2, 2};
    static const char *const finished[] = {"#....", "#.#..", "###..", "####.", "#####"};
    batch_fixture fixture;
    open_batch(&fixture, 2);
    for (size_t i = 0; i < JOBS; i++) {
        add(&fixture, i, masks[i], NULL);
    }
    for (size_t step = 0; step < 5; step++) {
        const size_t calls = fixture.model.calls;
        const size_t left = um_decode_batch_step(fixture.batch);
        assert_int_equal(left, um_decode_batch_unfinished(fixture.batch));
        assert_int_equal(fixture.model.calls - calls, step < 4 ? 2 : 1);
        assert_finished(&fixture, finished[step]);
        assert_int_equal(left == 0, step == 4);
    }
    assert_int_equal(fixture.model.forwards, 5);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(fixture.jobs[i].status, UM_OK);
        assert_int_equal(fixture.jobs[i].result.reason, UM_TRACE_COMPLETE);
        assert_int_equal(fixture.jobs[i].result.forwards, masks[i]);
        assert_int_equal(fixture.canvases[i].masked_count, 0);
    }
    assert_int_equal(um_decode_batch_step(fixture.batch), 0);
    assert_int_equal(fixture.model.forwards, 5);
    close_batch(&fixture);
}

static void jobs_may_be_added_between_steps(void **state) {
    (void)state;
    batch_fixture fixture;
    open_batch(&fixture, 4);
    add(&fixture, 0, 4, NULL);
    assert_int_equal(um_decode_batch_step(fixture.batch), 1);
    add(&fixture, 1, 1, NULL);
    assert_int_equal(um_decode_batch_step(fixture.batch), 1);
    assert_finished(&fixture, ".#...");
    assert_int_equal(fixture.model.calls, 3);
    close_batch(&fixture); /* with job 0 unfinished */
    assert_false(fixture.jobs[0].is_finished);
}

static void bad_options_are_refused_at_once(void **state) {
    (void)state;
    batch_fixture fixture;
    um_error error = {0};
    open_batch(&fixture, 2);
    add(&fixture, 0, 2, NULL);
    um_decode_options options = options_in_steps(4);
    options.block_length = 3;
    um_decode_job job = {0};
    um_canvas canvas = {0};
    const int32_t prompt[] = {1};
    assert_ok(um_canvas_create_prompt(prompt, 1, 4, FAKE_MASK, &canvas, &error), &error);
    assert_int_equal(um_decode_batch_add(fixture.batch, &canvas, &options, NULL, &job, &error),
                     UM_ERR_ARGUMENT);
    assert_int_equal(um_decode_batch_unfinished(fixture.batch), 1);
    assert_null(job.decoding);
    um_canvas_free(&canvas);
    close_batch(&fixture);
}

/* Cancels the second time it is asked. */
static bool cancel_second(void *user) {
    return ++*(size_t *)user == 2;
}

static void one_that_is_cancelled_leaves_the_others_alone(void **state) {
    (void)state;
    batch_fixture fixture;
    size_t asked = 0;
    const um_decode_hooks hooks = {.is_cancelled = cancel_second, .cancel_user = &asked};
    open_batch(&fixture, 3);
    add(&fixture, 0, 4, NULL);
    add(&fixture, 1, 4, &hooks);
    add(&fixture, 2, 4, NULL);
    while (um_decode_batch_step(fixture.batch) > 0) {
    }
    assert_int_equal(fixture.jobs[1].status, UM_ERR_CANCELLED);
    assert_string_equal(fixture.jobs[1].error.message, "cancelled before step 1");
    assert_int_equal(fixture.jobs[1].result.committed, 1);
    assert_int_equal(fixture.jobs[1].result.reason, UM_TRACE_CANCELLED);
    for (size_t i = 0; i < 3; i += 2) {
        assert_int_equal(fixture.jobs[i].status, UM_OK);
        assert_int_equal(fixture.jobs[i].result.committed, 4);
    }
    close_batch(&fixture);
}

static um_status refuse_event(void *user, const um_trace_event *event, um_error *error) {
    (void)user;
    return UM_RAISE(error, UM_ERR_IO, "no room for position %zu", event->position);
}

static um_status refuse_header(void *user, const um_trace_header *header, um_error *error) {
    (void)user;
    return UM_RAISE(error, UM_ERR_IO, "no room for %zu tokens", header->length);
}

static void one_whose_trace_fails_leaves_the_others_alone(void **state) {
    (void)state;
    batch_fixture fixture;
    const um_trace_sink sinks[] = {{.event = refuse_event}, {.header = refuse_header}};
    const um_decode_hooks hooks[] = {{.sink = &sinks[0]}, {.sink = &sinks[1]}};
    open_batch(&fixture, 2);
    add(&fixture, 0, 3, &hooks[0]);
    add(&fixture, 1, 3, &hooks[1]);
    add(&fixture, 2, 3, NULL);
    while (um_decode_batch_step(fixture.batch) > 0) {
    }
    assert_int_equal(fixture.jobs[0].status, UM_ERR_IO);
    assert_non_null(strstr(fixture.jobs[0].error.message, "no room for position "));
    assert_int_equal(fixture.jobs[1].status, UM_ERR_IO);
    assert_string_equal(fixture.jobs[1].error.message, "no room for 6 tokens");
    assert_int_equal(fixture.jobs[2].status, UM_OK);
    assert_int_equal(fixture.canvases[2].masked_count, 0);
    close_batch(&fixture);
}

/* With 10 rows a forward, the canvases of 5, 6 and 7 tokens cannot share one; those of 5 and 4
 * can. */
static void many_rows_are_spread_over_several_forwards(void **state) {
    (void)state;
    batch_fixture fixture;
    um_error error = {0};
    open_batch(&fixture, 1);
    um_decode_batch_free(fixture.batch);
    const um_decode_batch_setup setup = {.live_maximum = 5, .forward_rows = 10};
    assert_ok(um_decode_batch_create(&fixture.denoiser, &setup, &fixture.batch, &error), &error);
    static const size_t masks[JOBS] = {2, 3, 4, 2, 1};
    for (size_t i = 0; i < JOBS; i++) {
        add(&fixture, i, masks[i], NULL);
    }
    (void)um_decode_batch_step(fixture.batch);
    assert_int_equal(fixture.model.calls, 5);
    assert_int_equal(fixture.model.forwards, 4);
    close_batch(&fixture);
}

static um_status start_fails_for_long_ones(void *user, size_t slot, size_t maximum_length,
                                           um_error *error) {
    (void)user;
    (void)slot;
    return maximum_length > 6 ? UM_RAISE(error, UM_ERR_LIMIT, "too long") : UM_OK;
}

static void one_that_cannot_start_leaves_the_others_alone(void **state) {
    (void)state;
    batch_fixture fixture;
    um_error error = {0};
    open_batch(&fixture, 1);
    um_decode_batch_free(fixture.batch);
    fixture.denoiser.start = start_fails_for_long_ones;
    const um_decode_batch_setup setup = {.live_maximum = 2};
    assert_ok(um_decode_batch_create(&fixture.denoiser, &setup, &fixture.batch, &error), &error);
    add(&fixture, 0, 3, NULL);
    add(&fixture, 1, 4, NULL);
    add(&fixture, 2, 2, NULL);
    while (um_decode_batch_step(fixture.batch) > 0) {
    }
    assert_int_equal(fixture.jobs[0].status, UM_OK);
    assert_int_equal(fixture.jobs[1].status, UM_ERR_LIMIT);
    assert_string_equal(fixture.jobs[1].error.message, "too long");
    assert_int_equal(fixture.jobs[2].status, UM_OK);
    close_batch(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_finished_makes_room_for_one_that_waits),
        cmocka_unit_test(jobs_may_be_added_between_steps),
        cmocka_unit_test(bad_options_are_refused_at_once),
        cmocka_unit_test(one_that_is_cancelled_leaves_the_others_alone),
        cmocka_unit_test(one_whose_trace_fails_leaves_the_others_alone),
        cmocka_unit_test(many_rows_are_spread_over_several_forwards),
        cmocka_unit_test(one_that_cannot_start_leaves_the_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
