/* One seed gives one output, bit for bit: for any number of threads, in any batch, within any
 * bounds on memory, and with a cache that recomputes all rows in every step.  Tested over random
 * transformers with weights of every type, canvases, algorithms and options. */
#include "testing.h"

#include "random_transformer.h"

#include "decode/batch.h"

#define TRIALS 24
#define MAXIMUM_THREADS 4
#define MAXIMUM_JOBS 7

typedef struct job_case {
    um_canvas canvas;
    um_decode_options options;
    event_list *alone; /* the reference: alone, one thread, no cache if that gives the same */
    size_t rows;
} job_case;

static void draw_cache(random_source *source, um_decode_options *options) {
    options->cache = (um_cache_kind)draw(source, UM_CACHE_COUNT);
    if (options->cache != UM_CACHE_NONE && draw(source, 2) == 1) {
        options->cache_refresh = draw(source, 6);
        um_decode_options_mark(options, UM_OPTION_CACHE_REFRESH);
    }
    if (options->cache == UM_CACHE_VICINITY) {
        options->cache_window = draw(source, 6);
    }
}

/* Draw a case; if the model is causal, every second one is autoregressive. */
static job_case draw_case(random_source *source, const um_model_config *config) {
    const size_t answer_count = 1 + draw(source, 20);
    if (config->attention == UM_ATTENTION_CAUSAL && draw(source, 2) == 1) {
        const int32_t prompt[] = {1, 2, 3};
        job_case made = {.options = um_decode_options_default()};
        um_error error = {0};
        made.options.algorithm = "autoregressive";
        made.options.temperature = 1;
        assert_ok(um_canvas_create_prompt(prompt, 1 + draw(source, 3), answer_count,
                                          config->mask_token, &made.canvas, &error),
                  &error);
        return made;
    }
    job_case made = {.canvas = draw_canvas(source, config, answer_count),
                     .options = draw_options(source, answer_count)};
    draw_cache(source, &made.options);
    return made;
}

static void run_alone(job_case *one, const random_transformer *model) {
    um_decode_result result = {0};
    um_decode_options options = one->options;
    if (options.cache_refresh == 1) { /* the same as without a cache */
        options.cache = UM_CACHE_NONE;
        options.cache_refresh = 0;
        options.cache_window = 0;
        options.given = 0;
    }
    one->alone = decode_alone(&model->interface, &one->canvas, &options, NULL, &result);
    one->rows = options.cache == one->options.cache ? result.rows : 0;
}

/* Run all cases in one batch and compare each with its reference. */
static void run_together(const job_case *cases, size_t count, const um_denoiser *denoiser,
                         const um_decode_batch_setup *setup, uint64_t trial) {
    um_decode_batch *batch = NULL;
    um_error error = {0};
    um_decode_job jobs[MAXIMUM_JOBS] = {{0}};
    um_canvas canvases[MAXIMUM_JOBS];
    event_list *events[MAXIMUM_JOBS];
    um_trace_sink sinks[MAXIMUM_JOBS];
    um_decode_hooks hooks[MAXIMUM_JOBS];
    assert_ok(um_decode_batch_create(denoiser, setup, &batch, &error), &error);
    for (size_t i = 0; i < count; i++) {
        canvases[i] = copy_canvas(&cases[i].canvas);
        events[i] = make_events();
        sinks[i] = keep_events(events[i]);
        hooks[i] = (um_decode_hooks){.sink = &sinks[i]};
        assert_ok(um_decode_batch_add(batch, &canvases[i], &cases[i].options, &hooks[i], &jobs[i],
                                      &error),
                  &error);
    }
    while (um_decode_batch_step(batch) > 0) {
    }
    for (size_t i = 0; i < count; i++) {
        assert_ok(jobs[i].status, &jobs[i].error);
        if (!are_same_events(cases[i].alone, events[i])) {
            fail_msg("trial %d, job %zu: %s with cache %s differs among %zu, %zu at a time, with "
                     "%zu threads",
                     (int)trial, i, cases[i].options.algorithm,
                     um_cache_policy_at(cases[i].options.cache)->name, count, setup->live_maximum,
                     um_thread_pool_size(setup->pool));
        }
        assert_true(cases[i].rows == 0 || jobs[i].result.rows == cases[i].rows);
        um_canvas_free(&canvases[i]);
        free(events[i]);
    }
    um_decode_batch_free(batch);
}

/* F32 and the types of files.  Types with 256 elements in a block make a slow trial, so they are
 * rare. */
static um_dtype draw_dtype(random_source *source) {
    static const um_dtype often[] = {UM_DTYPE_F32, UM_DTYPE_F16, UM_DTYPE_BF16, UM_DTYPE_Q8_0,
                                     UM_DTYPE_Q4_0};
    static const um_dtype rare[] = {UM_DTYPE_Q4_K, UM_DTYPE_Q5_K, UM_DTYPE_Q6_K};
    return draw(source, 20) == 0 ? rare[draw(source, 3)] : often[draw(source, 5)];
}

static void check_trial(uint64_t trial, um_thread_pool *const *pools) {
    random_source source = {.seed = 7000 + trial};
    um_model_config config = draw_config(&source);
    if (draw(&source, 4) == 0) {
        config.attention = UM_ATTENTION_CAUSAL;
        config.attention_block_length = 0;
        config.logit_alignment = UM_LOGITS_SHIFTED;
    }
    const um_dtype dtype = draw_dtype(&source);
    widen_for(&config, dtype);
    job_case cases[MAXIMUM_JOBS];
    const bool is_slow = um_dtype_block(dtype) > 32;
    const size_t count = 1 + draw(&source, is_slow ? 3 : MAXIMUM_JOBS);
    config.layer_count = is_slow ? 1 : config.layer_count;
    random_transformer model;
    make_transformer(&model, &config, dtype, trial, NULL);
    for (size_t i = 0; i < count; i++) {
        cases[i] = draw_case(&source, &config);
        run_alone(&cases[i], &model);
    }
    for (size_t threads = 1; threads <= MAXIMUM_THREADS; threads++) {
        random_transformer threaded;
        make_transformer(&threaded, &config, dtype, trial, pools[threads - 1]);
        const um_decode_batch_setup setup = {.pool = pools[threads - 1],
                                             .live_maximum = 1 + draw(&source, 5),
                                             .forward_rows = draw(&source, 120),
                                             .logit_bytes = draw(&source, 4000)};
        run_together(cases, count, &threaded.interface, &setup, trial);
        free_transformer(&threaded);
    }
    for (size_t i = 0; i < count; i++) {
        um_canvas_free(&cases[i].canvas);
        free(cases[i].alone);
    }
    free_transformer(&model);
}

static void threads_batches_and_exact_caches_change_nothing(void **state) {
    (void)state;
    um_thread_pool *pools[MAXIMUM_THREADS];
    um_error error = {0};
    for (size_t i = 0; i < MAXIMUM_THREADS; i++) {
        assert_ok(um_thread_pool_create(i + 1, &pools[i], &error), &error);
    }
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        check_trial(trial, pools);
    }
    for (size_t i = 0; i < MAXIMUM_THREADS; i++) {
        um_thread_pool_free(pools[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_batches_and_exact_caches_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
