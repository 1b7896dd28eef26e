/* Recipes: defaults, refused members, overrides, learning rates, fingerprints. */
#include <dirent.h>
#include <math.h>

#include "base/buffer.h"
#include "base/text.h"
#include "scratch.h"
#include "train/recipe/recipe.h"

#define REQUIRED                                                                                   \
    "\"model\": \"base\", \"train\": \"/data/train.shard\", \"objective\": \"diffusion\", "        \
    "\"steps\": 100, \"batch_tokens\": 64, \"context_length\": 32, \"learning_rate\": 0.001"

static um_status parse(const char *text, um_recipe *recipe, um_error *error) {
    return um_recipe_parse(text, strlen(text), "here", "recipe.json", recipe, error);
}

/* The required members and `more`, such as ", \"seed\": 2". */
static um_status parse_with(const char *more, um_recipe *recipe, um_error *error) {
    char text[1024];
    (void)snprintf(text, sizeof text, "{" REQUIRED "%s}", more);
    return parse(text, recipe, error);
}

static um_recipe parsed(const char *more) {
    um_error error = {0};
    um_recipe recipe;
    assert_ok(parse_with(more, &recipe, &error), &error);
    return recipe;
}

static void what_is_left_out_has_its_default(void **state) {
    (void)state;
    const um_recipe recipe = parsed("");
    assert_string_equal(recipe.model, "here/base");
    assert_string_equal(recipe.train, "/data/train.shard");
    assert_string_equal(recipe.validation, "");
    assert_false(recipe.initialise);
    assert_int_equal(recipe.objective, UM_OBJECTIVE_DIFFUSION);
    assert_int_equal(recipe.steps, 100);
    assert_int_equal(recipe.batch_tokens, 64);
    assert_int_equal(recipe.gradient_accumulation, 1);
    assert_int_equal(recipe.context_length, 32);
    assert_int_equal(recipe.seed, 1);
    assert_true(recipe.learning_rate == 0.001 && recipe.minimum_rate_ratio == 0.1);
    assert_int_equal(recipe.warmup_steps, 0);
    assert_true(recipe.beta1 == 0.9 && recipe.beta2 == 0.95 && recipe.epsilon == 1e-8);
    assert_true(recipe.weight_decay == 0.1 && recipe.gradient_clip == 1.0);
    assert_int_equal(recipe.weights, UM_DTYPE_F32);
    assert_int_equal(recipe.products, UM_DTYPE_F32);
    assert_false(recipe.recompute_activations);
    assert_int_equal(recipe.saved_weights, UM_DTYPE_BF16);
    assert_true(recipe.prompt_loss_weight == 1.0 && recipe.mask_prompt_probability == 1.0);
    assert_true(recipe.minimum_mask_rate == 1e-3);
    assert_int_equal(recipe.loss_weighting, UM_WEIGHTING_INVERSE_RATE);
    assert_int_equal(recipe.normalisation, UM_NORMALISE_TOKENS);
    assert_int_equal(recipe.answer_length + recipe.annealing_steps + recipe.validation_interval, 0);
    assert_true(recipe.checkpoint_minutes == 10);
}

/* Members of causal and diffusion recipes, each with a value other than its default. */
static const char *const members[][2] = {
    {"validation", "v.shard"},
    {"initialise", "true"},
    {"objective", "causal"},
    {"steps", "7"},
    {"batch_tokens", "9"},
    {"gradient_accumulation", "3"},
    {"context_length", "11"},
    {"seed", "5"},
    {"learning_rate", "0.5"},
    {"minimum_rate_ratio", "0.25"},
    {"warmup_steps", "4"},
    {"beta1", "0.75"},
    {"beta2", "0.5"},
    {"epsilon", "0.125"},
    {"weight_decay", "0"},
    {"gradient_clip", "0"},
    {"weights", "bf16"},
    {"products", "bf16"},
    {"recompute_activations", "true"},
    {"optimizer", "muon"},
    {"momentum", "0.5"},
    {"saved_weights", "f16"},
    {"prompt_loss_weight", "0.5"},
    {"mask_prompt_probability", "0"},
    {"minimum_mask_rate", "0.5"},
    {"loss_weighting", "none"},
    {"loss_normalisation", "masked"},
    {"answer_length", "6"},
    {"infilling_length", "3"},
    {"answer_padding", "batch"},
    {"pad_token", "<|pad|>"},
    {"mask_token", "<|mask|>"},
    {"packing", "fixed_length"},
    {"mask_prompt_annealing_steps", "12"},
    {"mask_prompt_annealing_epochs", "1.5"},
    {"random_truncation_probability", "0.01"},
    {"clean_prefix_probability", "0.02"},
    {"cart_probability", "0.25"},
    {"attention_annealing_steps", "8"},
    {"validation_interval", "10"},
    {"checkpoint_minutes", "2.5"},
    {"reduction", "fast"},
};
#define MEMBERS (sizeof members / sizeof *members)

static void every_member_can_be_set(void **state) {
    (void)state;
    um_error error = {0};
    um_recipe recipe = parsed("");
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_ok(um_recipe_set(&recipe, members[i][0], members[i][1], &error), &error);
    }
    assert_string_equal(recipe.validation, "v.shard"); /* not relative to the recipe's directory */
    assert_true(recipe.initialise);
    assert_int_equal(recipe.objective, UM_OBJECTIVE_CAUSAL);
    assert_int_equal(recipe.steps, 7);
    assert_int_equal(recipe.batch_tokens, 9);
    assert_int_equal(recipe.gradient_accumulation, 3);
    assert_int_equal(recipe.context_length, 11);
    assert_int_equal(recipe.seed, 5);
    assert_true(recipe.learning_rate == 0.5 && recipe.minimum_rate_ratio == 0.25);
    assert_int_equal(recipe.warmup_steps, 4);
    assert_true(recipe.beta1 == 0.75 && recipe.beta2 == 0.5 && recipe.epsilon == 0.125);
    assert_true(recipe.weight_decay == 0 && recipe.gradient_clip == 0);
    assert_int_equal(recipe.weights, UM_DTYPE_BF16);
    assert_int_equal(recipe.products, UM_DTYPE_BF16);
    assert_true(recipe.recompute_activations);
    assert_int_equal(recipe.optimizer, UM_OPTIMIZER_MUON);
    assert_true(recipe.momentum == 0.5);
    assert_int_equal(recipe.saved_weights, UM_DTYPE_F16);
    assert_true(recipe.prompt_loss_weight == 0.5 && recipe.mask_prompt_probability == 0);
    assert_true(recipe.minimum_mask_rate == 0.5);
    assert_int_equal(recipe.loss_weighting, UM_WEIGHTING_NONE);
    assert_int_equal(recipe.normalisation, UM_NORMALISE_MASKED);
    assert_int_equal(recipe.answer_length, 6);
    assert_int_equal(recipe.infilling_length, 3);
    assert_int_equal(recipe.answer_padding, UM_PADDING_BATCH);
    assert_string_equal(recipe.pad_token, "<|pad|>");
    assert_string_equal(recipe.mask_token, "<|mask|>");
    assert_int_equal(recipe.packing, UM_PACKING_FIXED_LENGTH);
    assert_int_equal(recipe.mask_prompt_steps, 12);
    assert_true(recipe.mask_prompt_epochs == 1.5);
    assert_true(recipe.random_truncation_probability == 0.01);
    assert_true(recipe.clean_prefix_probability == 0.02 && recipe.cart_probability == 0.25);
    assert_int_equal(recipe.annealing_steps, 8);
    assert_int_equal(recipe.validation_interval, 10);
    assert_true(recipe.checkpoint_minutes == 2.5);
    assert_int_equal(recipe.reduction, UM_REDUCTION_FAST);
}

static void expect_refusal(um_status status, const um_error *error, const char *text) {
    assert_true(status != UM_OK);
    if (!strstr(error->message, text)) {
        fail_msg("\"%s\" lacks \"%s\"", error->message, text);
    }
}

static void faulty_recipes_are_refused_with_the_reason(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {", \"step\": 3", "\"step\" is not a member of a recipe"},
        {", \"seed\": \"one\"", "\"seed\" is a string"},
        {", \"pad_token\": \"\"", "\"pad_token\" has 0 bytes, expected 1 to 63"},
        {", \"pad_token\": 7", "\"pad_token\" is an integer"},
        {", \"answer_padding\": \"none\"", "is unknown, expected random, fixed or batch"},
        {", \"loss_weighting\": \"t\"", "is unknown, expected inverse_rate, none or cart"},
        {", \"cart_probability\": 0", "\"cart_probability\" is 0"},
        {", \"clean_prefix_probability\": 2", "\"clean_prefix_probability\" is 2"},
        {", \"seed\": 1.5", "\"seed\" is a number"},
        {", \"seed\": -1", "\"seed\" is -1"},
        {", \"initialise\": 1", "\"initialise\" is an integer"},
        {", \"weights\": \"f16\"", "\"weights\": \"f16\" is unknown"},
        {", \"saved_weights\": \"q4\"", "\"q4\" is unknown"},
        {", \"validation\": 3", "\"validation\" is an integer"},
        {", \"validation\": null", "\"validation\" is missing"},
        {", \"beta1\": 1", "\"beta1\" is 1, expected 0 to 0.999999"},
        {", \"minimum_mask_rate\": 0", "\"minimum_mask_rate\" is 0"},
        {", \"mask_prompt_probability\": 1.01", "expected 0 to 1"},
        {", \"gradient_accumulation\": 0", "\"gradient_accumulation\" is 0"},
        {", \"checkpoint_minutes\": 0", "\"checkpoint_minutes\" is 0"},
        {", \"learning_rate\": 1e-3", "duplicate object key"},
    };
    um_recipe recipe;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        const um_status status = parse_with(cases[i][0], &recipe, &error);
        expect_refusal(status, &error, cases[i][1]);
        expect_refusal(status, &error, "recipe.json: ");
    }
    um_error error = {0};
    expect_refusal(parse("[]", &recipe, &error), &error, "not a JSON object");
    expect_refusal(parse("{", &recipe, &error), &error, "line 1");
    expect_refusal(parse("{\"model\": \"m\"}", &recipe, &error), &error, "\"train\" is missing");
}

static void faulty_settings_are_refused_with_the_reason(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"step", "3", "\"step\" is not a member"},
        {"steps", "", "\"steps\""},
        {"steps", "3x", "\"steps\": \"3x\" is not a whole number"},
        {"steps", "1e3", "\"1e3\" is not a whole number"},
        {"steps", "0", "\"steps\" is 0"},
        {"steps", "99999999999999999999", "is not a whole number of ordinary size"},
        {"learning_rate", "fast", "\"learning_rate\": \"fast\" is not a number"},
        {"learning_rate", "nan", "\"learning_rate\""},
        {"learning_rate", "-1", "\"learning_rate\" is -1"},
        {"learning_rate", "11", "expected 0 to 10"},
        {"initialise", "yes", "\"initialise\""},
        {"objective", "grpo", "\"grpo\" is unknown"},
        {"train", "\xff", "\"train\""},
    };
    um_recipe recipe = parsed("");
    const um_recipe before = recipe;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        expect_refusal(um_recipe_set(&recipe, cases[i][0], cases[i][1], &error), &error,
                       cases[i][2]);
    }
    assert_memory_equal(&recipe, &before, sizeof recipe);
}

/* ---- Members without a reader ------------------------------------------- */

static void what_the_run_does_not_read_is_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {", \"mask_pairs\": 2", "\"mask_pairs\" is read by the objective coupled_grpo only"},
        {", \"problems\": \"p.jsonl\"", "\"problems\" is read by the objective coupled_grpo only"},
        {", \"rollout\": {\"steps\": 2}", "\"rollout\" is read by the objective coupled_grpo only"},
        {", \"prompt_loss_weight\": 0", "\"prompt_loss_weight\" is read by the objective causal"},
        {", \"momentum\": 0.95", "\"momentum\" is read by the optimizer muon only; leave it out"},
        {", \"optimizer\": \"adamw\", \"momentum\": 0.9", "\"momentum\" is read by the optimizer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        const um_recipe recipe = parsed(cases[i][0]);
        assert_int_equal(um_recipe_check(&recipe, &error), UM_ERR_ARGUMENT);
        expect_refusal(UM_ERR_ARGUMENT, &error, cases[i][1]);
    }
}

/* What counts is the objective and the optimizer in the end, in whatever order they were set. */
static void what_is_read_is_known_once_all_is_set(void **state) {
    (void)state;
    um_error error = {0};
    um_recipe recipe = parsed("");
    assert_ok(um_recipe_check(&recipe, &error), &error);
    assert_ok(um_recipe_set(&recipe, "momentum", "0.9", &error), &error);
    assert_int_equal(um_recipe_check(&recipe, &error), UM_ERR_ARGUMENT);
    assert_ok(um_recipe_set(&recipe, "optimizer", "muon", &error), &error);
    assert_ok(um_recipe_check(&recipe, &error), &error);
    assert_ok(um_recipe_set(&recipe, "clean_prefix_probability", "0.1", &error), &error);
    assert_ok(um_recipe_check(&recipe, &error), &error);
    assert_ok(um_recipe_set(&recipe, "objective", "causal", &error), &error);
    assert_int_equal(um_recipe_check(&recipe, &error), UM_ERR_ARGUMENT);
    expect_refusal(UM_ERR_ARGUMENT, &error,
                   "\"clean_prefix_probability\" is read by the objective "
                   "diffusion only");
    recipe = parsed("");
    assert_int_not_equal(um_recipe_set(&recipe, "group_size", "1", &error), UM_OK);
    assert_ok(um_recipe_check(&recipe, &error), &error); /* it was refused, so it is not given */
}

static void a_recipe_tells_only_what_is_read(void **state) {
    (void)state;
    const um_recipe recipe = parsed("");
    json_t *told = um_recipe_json(&recipe);
    assert_non_null(json_object_get(told, "loss_weighting"));
    assert_non_null(json_object_get(told, "train"));
    assert_null(json_object_get(told, "prompt_loss_weight"));
    assert_null(json_object_get(told, "momentum"));
    assert_null(json_object_get(told, "group_size"));
    json_decref(told);
}

static void our_recipes_have_nothing_that_is_not_read(void **state) {
    (void)state;
    static const char folder[] = UM_SOURCE_DIRECTORY "/recipes/tiny";
    size_t count = 0;
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        um_error error = {0};
        um_recipe recipe;
        char path[UM_RECIPE_PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!um_text_ends_with(path, ".json")) {
            continue;
        }
        assert_ok(um_recipe_read(path, &recipe, &error), &error);
        if (um_recipe_check(&recipe, &error) != UM_OK) {
            fail_msg("%s: %s", path, error.message);
        }
        count++;
    }
    (void)closedir(stream);
    assert_true(count > 10);
}

static void relative_paths_start_at_the_recipe(void **state) {
    (void)state;
    um_error error = {0};
    um_recipe recipe;
    static const char text[] = "{" REQUIRED ", \"validation\": \"../v.shard\"}";
    const scratch directory = scratch_make();
    scratch_write(&directory, "recipe.json", text, sizeof text - 1);
    assert_ok(um_recipe_read(scratch_path(&directory, "recipe.json"), &recipe, &error), &error);
    assert_string_equal(recipe.model, scratch_path(&directory, "base"));
    assert_string_equal(recipe.train, "/data/train.shard");
    assert_string_equal(recipe.validation, scratch_path(&directory, "../v.shard"));
    assert_int_equal(um_recipe_read(scratch_path(&directory, "other.json"), &recipe, &error),
                     UM_ERR_IO);
    assert_ok(um_recipe_parse(text, sizeof text - 1, ".", "recipe", &recipe, &error), &error);
    assert_string_equal(recipe.model, "base");
    static const char none[] = "{" REQUIRED ", \"validation\": \"\"}"; /* left out */
    assert_ok(um_recipe_parse(none, sizeof none - 1, "recipes", "recipe", &recipe, &error), &error);
    assert_string_equal(recipe.validation, "");
    scratch_remove(&directory);
}

static void paths_that_do_not_fit_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_recipe recipe = parsed("");
    char path[UM_RECIPE_PATH_SIZE + 1];
    memset(path, 'a', sizeof path);
    path[UM_RECIPE_PATH_SIZE] = '\0';
    assert_int_equal(um_recipe_set(&recipe, "train", path, &error), UM_ERR_LIMIT);
    assert_int_equal(um_recipe_read(path, &recipe, &error), UM_ERR_LIMIT);
    path[UM_RECIPE_PATH_SIZE - 1] = '\0';
    assert_ok(um_recipe_set(&recipe, "train", path, &error), &error);
    assert_string_equal(recipe.train, path);
}

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-15 + 1e-12 * fabs(b);
}

static void the_learning_rate_warms_up_and_follows_a_cosine(void **state) {
    (void)state;
    um_recipe recipe = parsed(", \"warmup_steps\": 10, \"minimum_rate_ratio\": 0.2");
    assert_true(is_near(um_recipe_learning_rate(&recipe, 0), 0.0001));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 4), 0.0005));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 9), 0.001));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 10), 0.001));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 55), 0.0006)); /* half way */
    /* a third: cos(pi / 3) = 1/2 */
    assert_true(is_near(um_recipe_learning_rate(&recipe, 40), 0.001 * (0.2 + 0.8 * 0.75)));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 100), 0.0002));
    assert_true(is_near(um_recipe_learning_rate(&recipe, 1000), 0.0002));
    for (size_t step = 10; step < 99; step++) {
        assert_true(um_recipe_learning_rate(&recipe, step + 1) <
                    um_recipe_learning_rate(&recipe, step));
    }
    recipe.warmup_steps = 200; /* more than there are steps */
    assert_true(is_near(um_recipe_learning_rate(&recipe, 99), 0.0005));
}

static void prompts_may_be_masked_less_and_less(void **state) {
    (void)state;
    const um_recipe plain = parsed("");
    assert_true(um_recipe_unconditional_share(&plain, 0, 0) == 0);
    const um_recipe steps = parsed(", \"mask_prompt_annealing_steps\": 8");
    assert_true(um_recipe_unconditional_share(&steps, 0, 0) == 1);
    assert_true(um_recipe_unconditional_share(&steps, 2, 9) == 0.75);
    assert_true(um_recipe_unconditional_share(&steps, 7, 9) == 0.125);
    assert_true(um_recipe_unconditional_share(&steps, 8, 9) == 0);
    const um_recipe epochs = parsed(", \"mask_prompt_annealing_epochs\": 0.5");
    assert_true(um_recipe_unconditional_share(&epochs, 99, 0) == 1);
    assert_true(um_recipe_unconditional_share(&epochs, 99, 0.125) == 0.75);
    assert_true(um_recipe_unconditional_share(&epochs, 0, 0.5) == 0);
    assert_true(um_recipe_unconditional_share(&epochs, 0, 3) == 0);
}

static void validation_leaves_out_what_is_random_in_training(void **state) {
    (void)state;
    const um_recipe recipe =
        parsed(", \"random_truncation_probability\": 1, \"clean_prefix_probability\": 1, "
               "\"answer_length\": 9, \"answer_padding\": \"batch\", \"loss_weighting\": \"cart\", "
               "\"loss_normalisation\": \"answers\", \"mask_prompt_probability\": 0.5");
    assert_true(um_recipe_pads(&recipe));
    const um_recipe validation = um_recipe_for_validation(&recipe);
    assert_true(um_recipe_pads(&validation)); /* canvases as in training */
    assert_true(validation.random_truncation_probability == 0);
    assert_true(validation.clean_prefix_probability == 0);
    assert_int_equal(validation.loss_weighting, UM_WEIGHTING_INVERSE_RATE);
    assert_int_equal(validation.normalisation, UM_NORMALISE_TEXT);
    assert_true(validation.mask_prompt_probability == 0.5);
    assert_int_equal(validation.context_length, recipe.context_length);
}

/* The validation shard and interval, the interval between checkpoints, recomputation and the type
 * of the written weights do not decide what is learnt. */
static bool is_decisive(const char *key) {
    return strcmp(key, "validation") != 0 && strcmp(key, "validation_interval") != 0 &&
           strcmp(key, "checkpoint_minutes") != 0 && strcmp(key, "recompute_activations") != 0 &&
           strcmp(key, "saved_weights") != 0;
}

static void the_fingerprint_tells_runs_apart(void **state) {
    (void)state;
    um_error error = {0};
    const um_recipe plain = parsed("");
    uint64_t seen[MEMBERS + 1] = {um_recipe_fingerprint(&plain)};
    size_t count = 1;
    for (size_t i = 0; i < MEMBERS; i++) {
        um_recipe changed = plain;
        assert_ok(um_recipe_set(&changed, members[i][0], members[i][1], &error), &error);
        const uint64_t fingerprint = um_recipe_fingerprint(&changed);
        if (!is_decisive(members[i][0])) {
            assert_true(fingerprint == seen[0]);
            continue;
        }
        for (size_t j = 0; j < count; j++) {
            if (fingerprint == seen[j]) {
                fail_msg("%s leaves the fingerprint as it was", members[i][0]);
            }
        }
        seen[count++] = fingerprint;
    }
    um_recipe moved = plain;
    assert_ok(um_recipe_set(&moved, "model", "elsewhere", &error), &error);
    assert_ok(um_recipe_set(&moved, "train", "elsewhere", &error), &error);
    assert_true(um_recipe_fingerprint(&moved) == seen[0]);
}

/* The number is that of a run of an earlier version, in its state and its metrics. */
static void a_fingerprint_is_that_of_earlier_versions(void **state) {
    (void)state;
    static const char text[] =
        "{\"model\": \"m\", \"train\": \"t\", \"objective\": \"causal\", \"optimizer\": \"muon\", "
        "\"products\": \"bf16\", \"steps\": 6500, \"batch_tokens\": 4096, \"context_length\": 256, "
        "\"learning_rate\": 0.0015, \"minimum_rate_ratio\": 0.05, \"warmup_steps\": 40, "
        "\"weight_decay\": 0.05, \"prompt_loss_weight\": 0.0, \"seed\": 7}";
    um_error error = {0};
    um_recipe recipe;
    assert_ok(parse(text, &recipe, &error), &error);
    assert_true(um_recipe_fingerprint(&recipe) == UINT64_C(0x8257ccb445e258a5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(every_member_can_be_set),
        cmocka_unit_test(faulty_recipes_are_refused_with_the_reason),
        cmocka_unit_test(faulty_settings_are_refused_with_the_reason),
        cmocka_unit_test(what_the_run_does_not_read_is_refused),
        cmocka_unit_test(what_is_read_is_known_once_all_is_set),
        cmocka_unit_test(a_recipe_tells_only_what_is_read),
        cmocka_unit_test(our_recipes_have_nothing_that_is_not_read),
        cmocka_unit_test(relative_paths_start_at_the_recipe),
        cmocka_unit_test(paths_that_do_not_fit_are_refused),
        cmocka_unit_test(the_learning_rate_warms_up_and_follows_a_cosine),
        cmocka_unit_test(prompts_may_be_masked_less_and_less),
        cmocka_unit_test(validation_leaves_out_what_is_random_in_training),
        cmocka_unit_test(the_fingerprint_tells_runs_apart),
        cmocka_unit_test(a_fingerprint_is_that_of_earlier_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
