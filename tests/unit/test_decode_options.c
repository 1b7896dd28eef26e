#include "testing.h"

#include <math.h>

#include "base/json.h"
#include "decode_testing.h"

static um_status run(const um_decode_options *options, size_t masks, um_error *error) {
    const int32_t prompt[] = {1, 2, 3};
    um_canvas canvas = {0};
    um_error problem = {0};
    assert_ok(um_canvas_create_prompt(prompt, 3, masks, FAKE_MASK, &canvas, &problem), &problem);
    fake_model model = {.vocabulary_size = 64, .seed = 5, .scale = 3};
    const um_denoiser denoiser = fake_denoiser(&model);
    const um_status status = um_decode_run(&denoiser, &canvas, options, NULL, NULL, error);
    um_canvas_free(&canvas);
    return status;
}

static void assert_refused(const um_decode_options *options, const char *message) {
    um_error error = {0};
    assert_int_not_equal(run(options, 8, &error), UM_OK);
    assert_string_equal(error.message, message);
}

/* For each option with a single value, one in range that is not the default. */
static const char *const sample_values[][2] = {
    {"steps", "4"},
    {"eps", "0.3"},
    {"temperature", "0.5"},
    {"top_p", "0.9"},
    {"top_k", "5"},
    {"plain_confidence", "true"},
    {"alg_temp", "0.1"},
    {"block_length", "4"},
    {"cfg_scale", "1"},
    {"seed", "7"},
    {"stop_token", "9"},
    {"forbid_mask", "false"},
    {"cache", "dual"},
    {"cache_refresh", "3"},
    {"cache_window", "2"},
    {"confidence_threshold", "0.5"},
    {"factor", "8"},
    {"entropy_bound", "20"},
    {"kl_threshold", "0.0001"},
    {"history", "0"},
    {"lower_threshold", "0.02"},
    {"credit_decay", "0.1"},
    {"credit_weight", "3"},
    {"credit_exponent", "2"},
};

#define SAMPLES (sizeof sample_values / sizeof sample_values[0])

static bool is_accepted(const um_algorithm *algorithm, size_t option) {
    return (algorithm->options & UM_OPTION_BIT(option)) != 0;
}

/* The options of a cache mean something only with a cache. */
static void set_needed(um_decode_options *options, const um_algorithm *algorithm, size_t option) {
    const bool has_cache = is_accepted(algorithm, UM_OPTION_CACHE);
    if (has_cache && (option == UM_OPTION_CACHE_REFRESH || option == UM_OPTION_CACHE_WINDOW)) {
        options->cache = UM_CACHE_VICINITY;
    }
}

static void append_algorithms_with(size_t option, char *text, size_t size) {
    const um_algorithm *algorithm;
    const char *separator = "";
    for (size_t a = 0; (algorithm = um_algorithm_at(a)) != NULL; a++) {
        if (is_accepted(algorithm, option)) {
            const size_t length = strlen(text);
            (void)snprintf(text + length, size - length, "%s%s", separator, algorithm->name);
            separator = ", ";
        }
    }
}

/* An option is either used or refused by name. */
static void no_algorithm_ignores_an_option(void **state) {
    (void)state;
    const um_algorithm *algorithm;
    for (size_t a = 0; (algorithm = um_algorithm_at(a)) != NULL; a++) {
        for (size_t i = 0; i < SAMPLES; i++) {
            assert_string_equal(um_decode_option_name((um_decode_option)i), sample_values[i][0]);
            um_decode_options options = um_decode_options_default();
            options.algorithm = algorithm->name;
            um_error error = {0};
            set_needed(&options, algorithm, i);
            assert_ok(
                um_decode_options_set(&options, sample_values[i][0], sample_values[i][1], &error),
                &error);
            if (is_accepted(algorithm, i)) {
                assert_ok(run(&options, 8, &error), &error);
                continue;
            }
            char message[512];
            (void)snprintf(message, sizeof message,
                           "%s means nothing to the algorithm %s; leave it out, or choose one of ",
                           sample_values[i][0], algorithm->name);
            append_algorithms_with(i, message, sizeof message);
            assert_refused(&options, message);
        }
    }
}

/* A hash of the commits of a run. */
static uint32_t outcome(const um_decode_options *options) {
    const int32_t prompt[] = {1, 2, 3};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 3, 32, FAKE_MASK, &canvas, &error), &error);
    fake_model model = {.vocabulary_size = 64, .seed = 5, .scale = 1};
    const um_denoiser denoiser = fake_denoiser(&model);
    event_list *events = calloc(1, sizeof *events);
    assert_non_null(events);
    const um_trace_sink sink = keep_events(events);
    const um_decode_hooks hooks = {.sink = &sink};
    assert_ok(um_decode_run(&denoiser, &canvas, options, &hooks, NULL, &error), &error);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < events->count; i++) {
        hash = (hash ^ (uint32_t)events->events[i].step) * 16777619u;
        hash = (hash ^ (uint32_t)events->events[i].position) * 16777619u;
        hash = (hash ^ (uint32_t)events->events[i].token) * 16777619u;
    }
    free(events);
    um_canvas_free(&canvas);
    return hash;
}

/* An option that an algorithm accepts changes what it does. */
static void every_accepted_option_has_an_effect(void **state) {
    (void)state;
    static const int32_t some_ids[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    const um_algorithm *algorithm;
    for (size_t a = 0; (algorithm = um_algorithm_at(a)) != NULL; a++) {
        um_decode_options base = um_decode_options_default();
        base.algorithm = algorithm->name;
        base.temperature = 0.8;
        if (is_accepted(algorithm, UM_OPTION_STEPS) && !algorithm->open_ended) {
            base.steps = 16;
        }
        if (is_accepted(algorithm, UM_OPTION_CONFIDENCE_THRESHOLD)) {
            base.confidence_threshold = 0.02; /* none of 64 tokens is very probable */
        }
        if (is_accepted(algorithm, UM_OPTION_LOWER_THRESHOLD) ||
            is_accepted(algorithm, UM_OPTION_CREDIT_DECAY)) {
            base.confidence_threshold = 0.08;
        }
        if (is_accepted(algorithm, UM_OPTION_KL_THRESHOLD)) {
            base.kl_threshold = 1000;
        }
        const uint32_t usual = outcome(&base);
        assert_int_equal(outcome(&base), usual);
        for (size_t i = 0; i < UM_OPTION_COUNT; i++) {
            /* These two matter only if the model happens to choose that very token, and the cache
             * only to a model that keeps rows (test_cache.c). */
            if (!is_accepted(algorithm, i) || i == UM_OPTION_STOP_TOKEN ||
                i == UM_OPTION_FORBID_MASK || (UM_OPTIONS_CACHE & UM_OPTION_BIT(i)) != 0) {
                continue;
            }
            um_decode_options options = base;
            uint32_t without = usual;
            if (i == UM_OPTION_PLAIN_CONFIDENCE) {
                options.top_p = 0.02; /* one token: every position is certain */
                if (is_accepted(algorithm, UM_OPTION_CONFIDENCE_THRESHOLD)) {
                    options.confidence_threshold = 0.5;
                }
                without = outcome(&options);
            }
            if (i == UM_OPTION_SUPPRESS) {
                options.suppress = some_ids;
                options.suppress_count = 14;
            } else if (i == UM_OPTION_SUPPRESS_CONFIDENCE) {
                options.suppress_confidence = some_ids;
                options.suppress_confidence_count = 14;
            } else {
                um_error error = {0};
                assert_ok(um_decode_options_set(&options, sample_values[i][0], sample_values[i][1],
                                                &error),
                          &error);
            }
            if (outcome(&options) == without) {
                fail_msg("%s has no effect on %s", um_decode_option_name((um_decode_option)i),
                         algorithm->name);
            }
        }
    }
}

static void values_out_of_range_are_refused(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    um_decode_options_mark(&options, UM_OPTION_STEPS);
    assert_refused(&options, "steps is 0, expected 1 to 1048576");
    options = um_decode_options_default();
    options.eps = 1;
    assert_refused(&options, "eps is 1, expected 1e-08 to 0.999");
    options = um_decode_options_default();
    options.eps = 0;
    assert_refused(&options, "eps is 0, expected 1e-08 to 0.999");
    options = um_decode_options_default();
    options.temperature = -0.5;
    assert_refused(&options, "temperature is -0.5, expected 0 to 100");
    options = um_decode_options_default();
    options.temperature = (double)NAN;
    assert_refused(&options, "temperature is nan, expected 0 to 100");
    options = um_decode_options_default();
    options.top_p = 1.5;
    assert_refused(&options, "top_p is 1.5, expected 0 to 1");
    options = um_decode_options_default();
    options.stop_token = 64;
    assert_refused(&options, "stop_token: id 64 is outside the vocabulary of 64");
    options = um_decode_options_default();
    options.algorithm = "magic";
    assert_refused(&options,
                   "there is no decoding algorithm \"magic\"; choose one of entropy, maskgit_plus, "
                   "topk_margin, origin, low_confidence, random, p2, threshold, factor, "
                   "entropy_bounded, klass, prophet, hierarchical, credit, autoregressive");
}

static void blocks_must_divide_answer_and_steps(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    options.algorithm = "low_confidence";
    options.block_length = 3;
    assert_refused(&options,
                   "block_length is 3, which does not divide the answer's 8 positions; 2 does");
    options.block_length = 2;
    options.steps = 6;
    assert_refused(&options,
                   "steps is 6, which cannot be shared out equally among 4 blocks; 8 can");
}

static void a_budget_must_divide_the_masks_and_has_no_blocks(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    options.algorithm = "threshold";
    options.steps = 3;
    assert_refused(&options,
                   "steps is 3, which does not divide the 8 masks; leave it out to commit "
                   "all that reaches the threshold");
    options.steps = 4;
    options.block_length = 4;
    assert_refused(&options, "threshold: steps is a budget over the whole answer, block_length "
                             "opens a part of it; leave one of them out");
}

static void thresholds_that_cannot_matter_are_refused(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    options.algorithm = "hierarchical";
    options.confidence_threshold = 0.3; /* below the default lower_threshold, which was not given */
    um_error error = {0};
    assert_ok(run(&options, 8, &error), &error);
    options.lower_threshold = 0.5;
    assert_refused(&options, "lower_threshold is 0.5, which means nothing above "
                             "confidence_threshold, 0.3; lower it, or leave it out");
}

static void suppressing_everything_is_refused(void **state) {
    (void)state;
    int32_t ids[64];
    for (int32_t i = 0; i < 64; i++) {
        ids[i] = i;
    }
    um_decode_options options = um_decode_options_default();
    options.suppress = ids;
    options.suppress_count = 64;
    um_error error = {0};
    assert_int_equal(run(&options, 8, &error), UM_ERR_ARGUMENT);
    options.suppress_count = 3;
    ids[1] = 64;
    assert_refused(&options, "suppress: id 64 is outside the vocabulary of 64");
}

static void text_is_parsed_strictly(void **state) {
    (void)state;
    static const char *const bad[][3] = {
        {"steps", "", "steps: \"\" is not a number"},
        {"steps", "4x", "steps: \"4x\" is not a number"},
        {"steps", "4.5", "steps: \"4.5\" is not a whole number"},
        {"steps", "0", "steps is 0, expected 1 to 1048576"},
        {"top_p", "inf", "top_p: \"inf\" is not a number"},
        {"seed", "-1", "seed: \"-1\" is not a whole number from 0 to 2^64 - 1"},
        {"seed", "18446744073709551616",
         "seed: \"18446744073709551616\" is not a whole number from 0 to 2^64 - 1"},
        {"forbid_mask", "yes", "forbid_mask: \"yes\" is not true or false"},
        {"colour", "1", "there is no decoding option \"colour\""},
    };
    um_decode_options options = um_decode_options_default();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        um_error error = {0};
        assert_int_equal(um_decode_options_set(&options, bad[i][0], bad[i][1], &error),
                         UM_ERR_ARGUMENT);
        assert_string_equal(error.message, bad[i][2]);
    }
    assert_int_equal(options.given, 0);
    assert_int_equal(um_decode_options_set(&options, "seed", "18446744073709551615", NULL), UM_OK);
    assert_true(options.seed == UINT64_MAX);
    assert_int_equal(um_decode_options_set(&options, "top_p", "0.25", NULL), UM_OK);
    assert_true(options.top_p == 0.25);
    assert_true(um_decode_options_is_given(&options, UM_OPTION_TOP_P));
}

static void settings_are_json_with_the_options_in_use(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    const int32_t ids[] = {4, 5};
    options.algorithm = "autoregressive";
    options.temperature = 0.2;
    options.suppress = ids;
    options.suppress_count = 2;
    um_buffer json = {0};
    um_error error = {0};
    assert_ok(um_decode_options_format(&options, &json, &error), &error);
    assert_string_equal(um_buffer_text(&json),
                        "{\"temperature\":0.20000000000000001,\"top_p\":1,\"top_k\":0,"
                        "\"seed\":\"0\",\"forbid_mask\":true,\"suppress\":[4,5]}");
    json_t *root = NULL;
    assert_ok(um_json_load_bytes(json.data, json.length, "t", &root, &error), &error);
    json_decref(root);
    um_buffer_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_algorithm_ignores_an_option),
        cmocka_unit_test(every_accepted_option_has_an_effect),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(blocks_must_divide_answer_and_steps),
        cmocka_unit_test(a_budget_must_divide_the_masks_and_has_no_blocks),
        cmocka_unit_test(thresholds_that_cannot_matter_are_refused),
        cmocka_unit_test(suppressing_everything_is_refused),
        cmocka_unit_test(text_is_parsed_strictly),
        cmocka_unit_test(settings_are_json_with_the_options_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
