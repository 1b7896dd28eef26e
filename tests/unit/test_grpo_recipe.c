/* Recipes of coupled-GRPO: defaults, members, decoding options. */
#include <string.h>

#include "testing.h"
#include "train/recipe/recipe.h"
#include "train/recipe/rollout_options.h"

#define REQUIRED                                                                                   \
    "\"model\": \"m\", \"objective\": \"coupled_grpo\", \"steps\": 9, \"batch_tokens\": 64, "      \
    "\"context_length\": 32, \"learning_rate\": 0.001"
#define WHOLE REQUIRED ", \"problems\": \"p.jsonl\""

static um_status parse(const char *members, um_recipe *recipe, um_error *error) {
    char text[1024];
    (void)snprintf(text, sizeof text, "{%s}", members);
    return um_recipe_parse(text, strlen(text), ".", "recipe", recipe, error);
}

static um_recipe parsed(const char *members) {
    um_error error = {0};
    um_recipe recipe;
    assert_ok(parse(members, &recipe, &error), &error);
    return recipe;
}

static void defaults_are_those_of_the_paper(void **state) {
    (void)state;
    const um_recipe recipe = parsed(WHOLE);
    const um_grpo_options *options = &recipe.grpo;
    assert_true(recipe.beta1 == 0.9 && recipe.beta2 == 0.99 && recipe.weight_decay == 0.1);
    assert_true(recipe.gradient_clip == 0.2 && recipe.mask_prompt_probability == 0);
    assert_int_equal(options->group_size, 10);
    assert_int_equal(options->problems_per_step, 8);
    assert_int_equal(options->inner_updates, 2);
    assert_int_equal(options->estimator, UM_ESTIMATOR_COUPLED);
    assert_int_equal(options->mask_pairs, 1);
    assert_int_equal(options->trajectory_states, 4);
    assert_true(!options->shared_pair_rate && !options->shared_group_masks);
    assert_true(options->pair_rate_minimum == 0.2 && options->pair_rate_maximum == 0.8);
    assert_true(options->clip_low == 0.5 && options->clip_high == 0.5);
    assert_true(options->kl_coefficient == 0.01 && !options->scale_advantages);
    assert_int_equal(options->advantage_baseline, UM_BASELINE_GROUP_MEAN);
    assert_int_equal(options->completion_extent, UM_COMPLETION_TO_END);
    assert_int_equal(options->completion_normalisation, UM_MEAN_OF_COMPLETIONS);
    assert_int_equal(options->reference_interval, 64);
    assert_true(options->reference_mixing == 0.6);
    assert_true(options->reward.code == 2.0 && options->reward.format == 0.5);
    assert_true(!options->reward.binary_code);
    assert_int_equal(recipe.problem_options.sandbox, UM_SANDBOX_FULL);
}

static void members_given_go_before_defaults(void **state) {
    (void)state;
    const um_recipe recipe = parsed(
        "\"gradient_clip\": 1, \"beta2\": 0.5, " WHOLE ", \"group_size\": 3, "
        "\"estimator\": \"full_mask\", \"rollout\": {\"steps\": 8, \"algorithm\": \"entropy\"}");
    assert_true(recipe.gradient_clip == 1 && recipe.beta2 == 0.5);
    assert_int_equal(recipe.grpo.group_size, 3);
    assert_int_equal(recipe.grpo.estimator, UM_ESTIMATOR_FULL_MASK);
    assert_string_equal(recipe.grpo.rollout, "{\"algorithm\":\"entropy\",\"steps\":8}");
}

static void expect(um_status status, const um_error *error, const char *text) {
    assert_true(status != UM_OK);
    if (!strstr(error->message, text)) {
        fail_msg("\"%s\" lacks \"%s\"", error->message, text);
    }
}

static void faulty_members_are_refused_with_the_reason(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {REQUIRED, "\"problems\" is missing"},
        {WHOLE ", \"group_size\": 1", "\"group_size\" is 1"},
        {WHOLE ", \"estimator\": \"best\"", "coupled, decoupled, full_mask or trajectory"},
        {WHOLE ", \"rollout\": 5", "\"rollout\": not an object"},
        {WHOLE ", \"rollout\": {\"algorithm\": \"best\"}", "\"rollout\""},
        {WHOLE ", \"rollout\": {\"steps\": 0}", "steps"},
        {WHOLE ", \"rollout\": {\"steps\": [1]}",
         "\"steps\" must be a string of at most 127 bytes, a number, true or false"},
        {WHOLE ", \"rollout\": {\"seed\": 1}", "\"seed\" is not an option here"},
        {WHOLE ", \"rollout\": {\"stepz\": 1}", "stepz"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        um_recipe recipe;
        expect(parse(cases[i][0], &recipe, &error), &error, cases[i][1]);
    }
}

static void what_only_other_objectives_read_is_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"\"train\": \"t\"", "\"train\" is read by the objectives causal and diffusion only"},
        {"\"gradient_accumulation\": 2", "\"gradient_accumulation\" is read by the objectives"},
        {"\"loss_weighting\": \"none\"", "\"loss_weighting\" is read by the objective diffusion"},
        {"\"answer_padding\": \"fixed\"", "\"answer_padding\" is read by the objectives"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        char members[512];
        (void)snprintf(members, sizeof members, WHOLE ", %s", cases[i][0]);
        const um_recipe recipe = parsed(members);
        expect(um_recipe_check(&recipe, &error), &error, cases[i][1]);
    }
    um_error error = {0};
    const um_recipe recipe = parsed(WHOLE ", \"group_size\": 3, \"mask_prompt_probability\": 0.1, "
                                          "\"pad_token\": \"<|dlm_pad|>\"");
    assert_ok(um_recipe_check(&recipe, &error), &error);
}

static void decoding_options_are_set_one_by_one_or_whole(void **state) {
    (void)state;
    um_error error = {0};
    um_recipe recipe = parsed(WHOLE);
    assert_ok(um_recipe_set(&recipe, "rollout.steps", "12", &error), &error);
    assert_ok(um_recipe_set(&recipe, "rollout.cache", "dual", &error), &error);
    assert_string_equal(recipe.grpo.rollout, "{\"cache\":\"dual\",\"steps\":12}");
    assert_ok(um_recipe_set(&recipe, "rollout", "{\"temperature\": 0.5}", &error), &error);
    assert_string_equal(recipe.grpo.rollout, "{\"temperature\":0.5}");
    const um_recipe before = recipe;
    expect(um_recipe_set(&recipe, "rollout.steps", "none", &error), &error, "--set");
    expect(um_recipe_set(&recipe, "rollout", "steps", &error), &error, "rollout");
    expect(um_recipe_set(&recipe, "steps.steps", "1", &error), &error,
           "is not a member of a recipe");
    expect(um_recipe_set(&recipe, "objective", "causal", &error), &error, "say it in the recipe");
    assert_memory_equal(&recipe, &before, sizeof recipe);
}

static void rollouts_have_the_paper_s_temperature_unless_told(void **state) {
    (void)state;
    um_error error = {0};
    um_decode_options options;
    char text[UM_ROLLOUT_TEXT_SIZE] = "{\"top_p\": 0.5, \"steps\": 4, \"forbid_mask\": false}";
    assert_ok(um_rollout_options_parse(text, 1.2, 0.95, &options, &error), &error);
    assert_true(options.temperature == 1.2 && options.top_p == 0.5 && !options.forbid_mask);
    assert_string_equal(options.algorithm, "entropy");
    assert_int_equal(options.steps, 4);
    assert_true(um_decode_options_is_given(&options, UM_OPTION_TEMPERATURE));
    text[0] = '\0';
    assert_ok(um_rollout_options_parse(text, 1.2, 0.95, &options, &error), &error);
    assert_true(options.temperature == 1.2 && options.top_p == 0.95);
}

static void the_fingerprint_tells_runs_apart(void **state) {
    (void)state;
    um_error error = {0};
    static const char *const decisive[][2] = {
        {"group_size", "4"},        {"rollout.steps", "5"},         {"estimator", "decoupled"},
        {"kl_coefficient", "0.5"},  {"early_stop", "true"},         {"code_weight", "1"},
        {"trajectory_states", "2"}, {"shared_group_masks", "true"}, {"binary_code", "true"}};
    static const char *const others[][2] = {{"rollout_batch", "4"},
                                            {"judge_workers", "5"},
                                            {"validation_rollout.steps", "5"},
                                            {"validation_maximum", "4"},
                                            {"problems", "elsewhere"}};
    const um_recipe plain = parsed(WHOLE);
    for (size_t i = 0; i < sizeof decisive / sizeof *decisive; i++) {
        um_recipe changed = plain;
        assert_ok(um_recipe_set(&changed, decisive[i][0], decisive[i][1], &error), &error);
        assert_true(um_recipe_fingerprint(&changed) != um_recipe_fingerprint(&plain));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        um_recipe changed = plain;
        assert_ok(um_recipe_set(&changed, others[i][0], others[i][1], &error), &error);
        assert_true(um_recipe_fingerprint(&changed) == um_recipe_fingerprint(&plain));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_paper),
        cmocka_unit_test(members_given_go_before_defaults),
        cmocka_unit_test(faulty_members_are_refused_with_the_reason),
        cmocka_unit_test(what_only_other_objectives_read_is_refused),
        cmocka_unit_test(decoding_options_are_set_one_by_one_or_whole),
        cmocka_unit_test(rollouts_have_the_paper_s_temperature_unless_told),
        cmocka_unit_test(the_fingerprint_tells_runs_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
