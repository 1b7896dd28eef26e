/* How requests that leave the algorithm or its options open are decoded. */
#include "api_testing.h"

#define PROMPT "def add(a, b):"
#define MASKS 40

static um_result run(const api_fixture *fixture, um_options *options) {
    const um_part parts[] = {text_part(PROMPT), hole_part(MASKS)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    const um_result result = run_request(fixture->session, &request, NULL);
    um_options_free(options);
    return result;
}

/* Frees both options. */
static void assert_same_run(const api_fixture *fixture, um_options *left, um_options *right) {
    um_result a = run(fixture, left);
    um_result b = run(fixture, right);
    assert_string_equal(a.algorithm, b.algorithm);
    assert_string_equal(a.settings, b.settings);
    assert_same_tokens(&a, &b);
    assert_int_equal(a.forwards, b.forwards);
    assert_int_equal(a.rows, b.rows);
    um_result_clear(&a);
    um_result_clear(&b);
}

/* The settings of the result contain this member, with this JSON value. */
static void assert_setting(const um_result *result, const char *name, const char *json) {
    char member[96];
    (void)snprintf(member, sizeof member, "\"%s\":%s", name, json);
    if (!strstr(result->settings, member)) {
        fail_msg("%s is not in %s", member, result->settings);
    }
}

static void a_request_without_options_commits_by_threshold_with_a_cache(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_info info;
    um_model_get_info(fixture.model, &info);
    assert_string_equal(info.algorithm, "threshold");
    assert_same_run(&fixture, NULL, OPTIONS("temperature", "0"));
    assert_same_run(&fixture, NULL,
                    OPTIONS("algorithm", "threshold", "confidence_threshold", "0.95",
                            "plain_confidence", "true", "block_length", "16", "cache", "dual"));
    api_close(&fixture);
}

/* A nucleus of one token would make every token certain. */
static void certainty_does_not_come_from_temperature_or_top_p(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_result greedy = run(&fixture, NULL);
    um_result sampled = run(&fixture, OPTIONS("temperature", "0.2", "top_p", "0.01"));
    assert_setting(&sampled, "plain_confidence", "true");
    assert_setting(&sampled, "confidence_threshold", "0.949999");
    assert_same_tokens(&greedy, &sampled);
    assert_int_equal(sampled.forwards, greedy.forwards);
    um_result_clear(&sampled);
    um_result_clear(&greedy);
    um_result published =
        run(&fixture, OPTIONS("plain_confidence", "false", "temperature", "0.2", "top_p", "0.01"));
    assert_true(published.forwards < MASKS / 4);
    um_result_clear(&published);
    api_close(&fixture);
}

/* The random model is never confident, so at the default threshold an answer takes one step per
 * token. */
static void what_is_given_stays_beside_the_defaults(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    assert_same_run(&fixture,
                    OPTIONS("confidence_threshold", "0.01", "cache", "none", "block_length", "5"),
                    OPTIONS("algorithm", "threshold", "confidence_threshold", "0.01", "cache",
                            "none", "block_length", "5", "plain_confidence", "true"));
    um_result result = run(&fixture, OPTIONS("cache", "delayed", "cache_refresh", "3"));
    assert_string_equal(result.algorithm, "threshold");
    assert_setting(&result, "cache", "\"delayed\"");
    assert_setting(&result, "cache_refresh", "3");
    um_result_clear(&result);
    api_close(&fixture);
}

static void options_of_the_schedule_ask_for_the_published_sampler(void **state) {
    (void)state;
    static const char *const schedule[][2] = {
        {"steps", "10"}, {"eps", "0.01"}, {"alg_temp", "0.5"}};
    api_fixture fixture = api_open();
    for (size_t i = 0; i < sizeof schedule / sizeof *schedule; i++) {
        um_result result = run(&fixture, OPTIONS(schedule[i][0], schedule[i][1]));
        assert_setting(&result, "cache", "\"none\"");
        assert_setting(&result, "block_length", "40");
        um_result_clear(&result);
        assert_same_run(&fixture, OPTIONS(schedule[i][0], schedule[i][1]),
                        OPTIONS("algorithm", "entropy", schedule[i][0], schedule[i][1]));
    }
    um_result cached = run(&fixture, OPTIONS("steps", "10", "cache", "prefix"));
    assert_string_equal(cached.algorithm, "entropy");
    assert_setting(&cached, "cache", "\"prefix\"");
    um_result_clear(&cached);
    api_close(&fixture);
}

static void llada_models_have_a_published_sampler_of_their_own(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_LLADA;
    config.logit_alignment = UM_LOGITS_AT_POSITION;
    api_fixture fixture = api_open_config(&config);
    assert_same_run(&fixture, OPTIONS("steps", "10"),
                    OPTIONS("algorithm", "low_confidence", "steps", "10"));
    assert_same_run(&fixture, OPTIONS("steps", "10", "top_p", "0.9"),
                    OPTIONS("algorithm", "entropy", "steps", "10", "top_p", "0.9"));
    api_close(&fixture);
}

static void a_named_algorithm_gets_nothing_that_is_not_given(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_result result = run(&fixture, OPTIONS("algorithm", "threshold"));
    assert_setting(&result, "confidence_threshold", "0.90000000000000002");
    assert_setting(&result, "block_length", "40");
    assert_setting(&result, "cache", "\"none\"");
    um_result_clear(&result);
    result = run(&fixture, OPTIONS("algorithm", "entropy"));
    assert_setting(&result, "steps", "40");
    assert_setting(&result, "cache", "\"none\"");
    um_result_clear(&result);
    api_close(&fixture);
}

static void assert_refused(const api_fixture *fixture, um_options *options, const char *message) {
    const um_part parts[] = {text_part(PROMPT), hole_part(MASKS)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    um_error error = {0};
    um_result result;
    assert_int_equal(um_generate(fixture->session, &request, NULL, &result, &error),
                     UM_ERR_ARGUMENT);
    assert_message(&error, message);
    um_options_free(options);
}

static void options_of_other_algorithms_are_refused_by_name(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    assert_refused(&fixture, OPTIONS("factor", "2"),
                   "factor means nothing to the algorithm threshold, the default; leave it out");
    assert_refused(&fixture, OPTIONS("steps", "10", "confidence_threshold", "0.8"),
                   "confidence_threshold means nothing to the algorithm entropy, the default with "
                   "steps, eps or alg_temp; leave it out, or choose one of threshold");
    assert_refused(&fixture, OPTIONS("cache", "none", "cache_refresh", "4"),
                   "cache_refresh means nothing without a cache");
    api_close(&fixture);
}

static void causal_models_write_from_left_to_right(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.attention = UM_ATTENTION_CAUSAL;
    api_fixture fixture = api_open_config(&config);
    um_model_info info;
    um_model_get_info(fixture.model, &info);
    assert_string_equal(info.algorithm, "autoregressive");
    assert_same_run(&fixture, NULL, OPTIONS("algorithm", "autoregressive"));
    assert_refused(&fixture, OPTIONS("steps", "10"),
                   "steps means nothing to the algorithm autoregressive");
    api_close(&fixture);
}

/* The blocks that are filled are those of attention, for which a cache is exact. */
static void block_causal_models_are_decoded_in_their_own_blocks(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.attention = UM_ATTENTION_BLOCK_CAUSAL;
    config.attention_block_length = 4;
    api_fixture fixture = api_open_config(&config);
    um_result result = run(&fixture, NULL);
    assert_string_equal(result.algorithm, "threshold");
    assert_setting(&result, "block_length", "4");
    um_result exact = run(&fixture, OPTIONS("cache", "none"));
    assert_same_tokens(&result, &exact);
    assert_true(result.rows < exact.rows);
    um_result_clear(&result);
    um_result_clear(&exact);
    api_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_options_commits_by_threshold_with_a_cache),
        cmocka_unit_test(certainty_does_not_come_from_temperature_or_top_p),
        cmocka_unit_test(what_is_given_stays_beside_the_defaults),
        cmocka_unit_test(options_of_the_schedule_ask_for_the_published_sampler),
        cmocka_unit_test(llada_models_have_a_published_sampler_of_their_own),
        cmocka_unit_test(a_named_algorithm_gets_nothing_that_is_not_given),
        cmocka_unit_test(options_of_other_algorithms_are_refused_by_name),
        cmocka_unit_test(causal_models_write_from_left_to_right),
        cmocka_unit_test(block_causal_models_are_decoded_in_their_own_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
