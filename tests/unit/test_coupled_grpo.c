/* Whole runs of coupled-GRPO with a toy reward: they learn, do the same every time, and can be
 * stopped anywhere. */
#include "base/memory.h"
#include "grpo_testing.h"

static grpo_watch *make_watch(void) {
    grpo_watch *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    return seen;
}

static void train_to_the_end(const um_recipe *recipe, const scratch *output, grpo_watch *seen) {
    um_error error = {0};
    assert_ok(grpo_train(recipe, output, seen, &error), &error);
}

/* ---- Learning --------------------------------------------------------------- */

static double mean_reward(const grpo_watch *seen, size_t first, size_t end) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        if (!isnan(seen->rewards[i])) {
            sum += seen->rewards[i];
            count++;
        }
    }
    return sum / (double)count;
}

static void reward_rises(const char *more) {
    grpo_workshop made = grpo_workshop_make(more);
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    set_member(&made.recipe, "steps", UM_SANITIZED ? "8" : "80");
    set_member(&made.recipe, "learning_rate", "0.03");
    set_member(&made.recipe, "problems_per_step", "3");
    set_member(&made.recipe, "group_size", "8");
    train_to_the_end(&made.recipe, &output, seen);
    const double before = mean_reward(seen, 0, 8);
    const double after = mean_reward(seen, seen->steps - 8, seen->steps);
    assert_int_equal(seen->steps, UM_SANITIZED ? 8 : 80);
    if (!UM_SANITIZED && !(after > before + 0.8)) {
        fail_msg("reward %g, then %g", before, after);
    }
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

static void reward_rises_with_every_estimator(void **state) {
    (void)state;
    reward_rises("");
    reward_rises(", \"estimator\": \"decoupled\"");
    reward_rises(", \"estimator\": \"full_mask\", \"mask_prompt_probability\": 0.15");
    reward_rises(", \"estimator\": \"trajectory\", \"trajectory_states\": 2");
}

static void reward_rises_with_the_other_options(void **state) {
    (void)state;
    reward_rises(", \"mask_pairs\": 2, \"advantage_baseline\": \"leave_one_out\", "
                 "\"scale_advantages\": true, \"completion_normalisation\": \"tokens\", "
                 "\"completion_extent\": \"all\", \"kl_coefficient\": 0, \"weights\": \"bf16\"");
}

/* ---- Same bits -------------------------------------------------------------- */

#define LONGER                                                                                     \
    ", \"inner_updates\": 3, \"reference_interval\": 2, \"mask_pairs\": 2, \"weights\": "          \
    "\"bf16\", "                                                                                   \
    "\"rollout\": {\"algorithm\": \"threshold\", \"confidence_threshold\": 0.2}, "                 \
    "\"early_stop\": true"
#define SHORTER                                                                                    \
    ", \"inner_updates\": 1, \"estimator\": \"decoupled\", \"kl_coefficient\": 0, "                \
    "\"rollout\": {\"steps\": 3}, \"completion_extent\": \"all\""

#define FOLLOWING                                                                                  \
    ", \"inner_updates\": 3, \"estimator\": \"trajectory\", \"trajectory_states\": 2, "            \
    "\"shared_group_masks\": true, \"rollout\": {\"steps\": 4}"

static const char *const variants[] = {"", LONGER, SHORTER, FOLLOWING};
#define VARIANTS (sizeof variants / sizeof *variants)

static void a_resumed_run_equals_a_straight_one_bit_for_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        const grpo_workshop made = grpo_workshop_make(variants[i]);
        const scratch straight = scratch_make();
        grpo_watch *whole = make_watch();
        train_to_the_end(&made.recipe, &straight, whole);
        for (size_t stop = 1; stop < 6; stop += 1 + stop / 3) { /* 1, 2, 3, 5 */
            um_error error = {0};
            const scratch output = scratch_make();
            grpo_watch *seen = make_watch();
            seen->stop_after = stop;
            assert_int_equal(grpo_train(&made.recipe, &output, seen, &error), UM_ERR_CANCELLED);
            assert_int_equal(seen->steps, stop);
            *seen = (grpo_watch){0};
            train_to_the_end(&made.recipe, &output, seen);
            assert_int_equal(seen->steps, 6 - stop);
            for (size_t j = 0; j < seen->steps; j++) {
                assert_true(seen->reports[j].loss == whole->reports[stop + j].loss);
            }
            assert_same_output(&straight, &output);
            free(seen);
            scratch_remove(&output);
        }
        free(whole);
        scratch_remove(&straight);
        grpo_workshop_remove(&made);
    }
}

/* The run asks whether to stop between decoding steps, micro-batches and updates: stop it at every
 * seventh question. */
static void a_run_can_be_stopped_in_the_middle_of_a_step(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make("");
    set_member(&made.recipe, "steps", "3");
    const scratch straight = scratch_make();
    grpo_watch *seen = make_watch();
    train_to_the_end(&made.recipe, &straight, seen);
    const size_t questions = seen->questions;
    assert_true(questions > 20);
    for (size_t at = 1; at < questions; at += 7) {
        um_error error = {0};
        const scratch output = scratch_make();
        *seen = (grpo_watch){.stop_questions = at};
        assert_int_equal(grpo_train(&made.recipe, &output, seen, &error), UM_ERR_CANCELLED);
        *seen = (grpo_watch){0};
        train_to_the_end(&made.recipe, &output, seen);
        assert_same_output(&straight, &output);
        scratch_remove(&output);
    }
    free(seen);
    scratch_remove(&straight);
    grpo_workshop_remove(&made);
}

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        const grpo_workshop made = grpo_workshop_make(variants[i]);
        const scratch one = scratch_make();
        grpo_watch *seen = make_watch();
        train_to_the_end(&made.recipe, &one, seen);
        for (size_t threads = 2; threads <= 3; threads++) {
            const scratch more = scratch_make();
            *seen = (grpo_watch){.threads = threads};
            train_to_the_end(&made.recipe, &more, seen);
            assert_same_output(&one, &more);
            scratch_remove(&more);
        }
        free(seen);
        scratch_remove(&one);
        grpo_workshop_remove(&made);
    }
}

/* The size is the number of canvases decoded side by side. */
static void the_size_of_rollout_batches_changes_no_bit(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make("");
    const scratch many = scratch_make();
    const scratch few = scratch_make();
    grpo_watch *seen = make_watch();
    train_to_the_end(&made.recipe, &many, seen);
    set_member(&made.recipe, "rollout_batch", "3");
    *seen = (grpo_watch){0};
    train_to_the_end(&made.recipe, &few, seen);
    assert_same_output(&many, &few);
    free(seen);
    scratch_remove(&many);
    scratch_remove(&few);
    grpo_workshop_remove(&made);
}

/* ---- Rewards ---------------------------------------------------------------- */

/* The judge would give other rewards the second time: the first ones are used again, even for steps
 * whose state was never saved. */
static void rewards_are_judged_once(void **state) {
    (void)state;
    um_error error = {0};
    const grpo_workshop made = grpo_workshop_make("");
    const scratch output = scratch_make();
    const scratch copy = scratch_make();
    grpo_watch *seen = make_watch();
    seen->unsettled = 0.01;
    train_to_the_end(&made.recipe, &output, seen);
    um_buffer journal = {0};
    assert_ok(
        um_file_read(scratch_path(&output, UM_REWARD_JOURNAL_FILE), SIZE_MAX / 2, &journal, &error),
        &error);
    scratch_write(&copy, UM_REWARD_JOURNAL_FILE, journal.data, journal.length - 5); /* torn */
    *seen = (grpo_watch){.unsettled = 0.7};
    seen->stop_after = 4; /* two batches, both whole in the journal */
    assert_int_equal(grpo_train(&made.recipe, &copy, seen, &error), UM_ERR_CANCELLED);
    const scratch first = scratch_make();
    grpo_watch *again = make_watch();
    *again = (grpo_watch){.unsettled = 0.01, .stop_after = 4};
    assert_int_equal(grpo_train(&made.recipe, &first, again, &error), UM_ERR_CANCELLED);
    for (size_t i = 0; i < 4; i++) {
        assert_true(seen->reports[i].loss == again->reports[i].loss);
    }
    um_buffer_free(&journal);
    free(again);
    free(seen);
    scratch_remove(&first);
    scratch_remove(&output);
    scratch_remove(&copy);
    grpo_workshop_remove(&made);
}

/* ---- Reports ---------------------------------------------------------------- */

/* The first update on a batch starts from the weights that generated it, so no ratio is clipped;
 * before any update the reference equals the policy. */
static void the_first_update_is_on_policy(void **state) {
    (void)state;
    const grpo_workshop made = grpo_workshop_make(", \"clip_low\": 1e-9, \"clip_high\": 1e-9");
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    train_to_the_end(&made.recipe, &output, seen);
    assert_true(seen->kl[0] == 0);
    for (size_t i = 0; i < 6; i += 2) {
        assert_true(seen->clip_low[i] == 0 && seen->clip_high[i] == 0);
        assert_true(!isnan(seen->rewards[i]));
        assert_true(!!isnan(seen->rewards[i + 1])); /* no new rollouts */
        assert_true(seen->clip_low[i + 1] + seen->clip_high[i + 1] > 0.1);
        assert_true(seen->kl[i + 1] > 0);
    }
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* The mean KL to the reference over steps 2 to 4, if the reference is mixed with this share of the
 * policy after each step. */
static double kl_with_mixing(const char *share) {
    grpo_workshop made = grpo_workshop_make(", \"kl_coefficient\": 0.1, \"inner_updates\": 1, "
                                            "\"reference_interval\": 1, \"steps\": 4");
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    set_member(&made.recipe, "reference_mixing", share);
    train_to_the_end(&made.recipe, &output, seen);
    assert_true(fabs(seen->kl[0]) < 1e-6); /* the reference begins as the policy */
    const double mean = (seen->kl[1] + seen->kl[2] + seen->kl[3]) / 3;
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
    return mean;
}

static void the_reference_follows_by_the_share_of_mixing(void **state) {
    (void)state;
    const double stays = kl_with_mixing("0");
    const double lags = kl_with_mixing("0.8");
    const double follows = kl_with_mixing("1");
    if (!(fabs(follows) < 1e-6 && lags > 1e-6 && stays > 4 * lags)) {
        fail_msg("KL %g, %g, %g", stays, lags, follows);
    }
}

static void validation_measures_passed_problems(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make(", \"validation_interval\": 2");
    write_problems(&made.data, "validation.jsonl");
    set_member(&made.recipe, "validation_problems", scratch_path(&made.data, "validation.jsonl"));
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    train_to_the_end(&made.recipe, &output, seen);
    assert_int_equal(seen->validations, 3);
    assert_int_equal(seen->graded, 3 * 8 + 3 * 3);
    assert_true(seen->pass_rate >= 0 && seen->pass_rate <= 1);
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* ---- What is written ---------------------------------------------------------- */

/* Where nothing is learnt, nothing is estimated: the state must hold zeros, not what the memory
 * held before. */
static void values_that_are_not_estimated_are_zero(void **state) {
    (void)state;
    um_error error = {0};
    const grpo_workshop made =
        grpo_workshop_make(", \"code_weight\": 0, \"kl_coefficient\": 0"); /* equal rewards */
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    seen->stop_after = 1;
    toy_grader toy = {0};
    const um_grader grader = {.grade = toy_grade, .user = &toy};
    const um_compute compute = make_compute(1);
    um_trainer *trainer = NULL;
    assert_ok(
        um_trainer_create_graded(&made.recipe, output.path, &compute, &grader, &trainer, &error),
        &error);
    um_grpo_rollouts *rollouts = &((um_coupled_grpo *)trainer->method_state)->rollouts;
    const size_t most = rollouts->count * 6; /* tokens of the answers */
    assert_ok(
        um_grow(&rollouts->old, &rollouts->token_capacity, most, sizeof(double), "old", &error),
        &error);
    for (size_t i = 0; i < most; i++) {
        rollouts->old[i] = 7;
    }
    const um_trainer_callbacks callbacks = {
        .step = grpo_watch_step, .should_stop = grpo_watch_should_stop, .user = seen};
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_CANCELLED);
    const size_t counted = rollouts->first_token[rollouts->count];
    assert_true(counted > 0 && counted <= most);
    for (size_t i = 0; i < counted; i++) {
        assert_true(rollouts->old[i] == 0);
    }
    um_trainer_free(trainer);
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* As in supervised runs: it replaces that of config.json, also in the result. */
static void the_recipe_names_a_pad_token(void **state) {
    (void)state;
    um_error error = {0};
    grpo_workshop made =
        grpo_workshop_make(", \"steps\": 1, \"inner_updates\": 1, \"early_stop\": true, "
                           "\"pad_token\": \"<|dlm_pad|>\"");
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    um_model_config config;
    train_to_the_end(&made.recipe, &output, seen);
    assert_ok(um_model_config_read(output.path, &config, &error), &error);
    assert_int_equal(config.pad_token, 805);
    set_member(&made.recipe, "pad_token", "<|other|>");
    assert_int_equal(grpo_train(&made.recipe, &output, seen, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "\"pad_token\": \"<|other|>\" is neither a token"));
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

static void the_mask_may_be_named_by_the_tokenizer_alone(void **state) {
    (void)state;
    um_error error = {0};
    json_t *root = NULL;
    grpo_workshop made = grpo_workshop_make(", \"steps\": 1, \"inner_updates\": 1");
    const char *path = scratch_path(&made.model, "config.json");
    assert_ok(um_json_load_file(path, &root, &error), &error);
    assert_int_equal(json_object_del(root, "mask_token_id"), 0);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    um_model_config config;
    train_to_the_end(&made.recipe, &output, seen);
    assert_ok(um_model_config_read(output.path, &config, &error), &error);
    assert_int_equal(config.mask_token, 804);
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* ---- Refusals --------------------------------------------------------------- */

static void expect_refusal(const um_recipe *recipe, const scratch *output, um_status status,
                           const char *text) {
    um_error error = {0};
    grpo_watch *seen = make_watch();
    assert_int_equal(grpo_train(recipe, output, seen, &error), status);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" lacks \"%s\"", error.message, text);
    }
    free(seen);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make("");
    set_member(&made.recipe, "validation_problems", scratch_path(&made.data, "problems.jsonl"));
    const scratch output = scratch_make();
    const struct {
        const char *key;
        const char *value;
        um_status status;
        const char *text;
    } cases[] = {
        {"initialise", "true", UM_ERR_ARGUMENT, "leave out \"initialise\""},
        {"answer_length", "0", UM_ERR_ARGUMENT, "needs \"answer_length\""},
        {"context_length", "12", UM_ERR_LIMIT, "problem one: "},
        {"pair_rate_minimum", "0.9", UM_ERR_ARGUMENT, "\"pair_rate_minimum\" is above"},
        {"problems", "/nowhere/problems.jsonl", UM_ERR_IO, "/nowhere/problems.jsonl"},
        {"rollout", "{\"factor\": 1}", UM_ERR_ARGUMENT, "\"rollout\""},
        {"rollout", "{\"algorithm\": \"autoregressive\"}", UM_ERR_ARGUMENT, "causal model"},
        {"validation_rollout", "{\"factor\": 1}", UM_ERR_ARGUMENT, "\"validation_rollout\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_recipe recipe = made.recipe;
        set_member(&recipe, cases[i].key, cases[i].value);
        expect_refusal(&recipe, &output, cases[i].status, cases[i].text);
    }
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

static void decoding_that_a_trajectory_does_not_follow_is_refused(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make(", \"estimator\": \"trajectory\"");
    const scratch output = scratch_make();
    const struct {
        const char *rollout;
        const char *text;
    } cases[] = {
        {"{\"algorithm\": \"p2\"}", "an algorithm that takes tokens back"},
        {"{\"cfg_scale\": 1}", "\"cfg_scale\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_member(&made.recipe, "rollout", cases[i].rollout);
        expect_refusal(&made.recipe, &output, UM_ERR_ARGUMENT, cases[i].text);
    }
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* The loss would count pads that nobody sampled. */
static void counting_what_is_not_sampled_is_refused(void **state) {
    (void)state;
    grpo_workshop made = grpo_workshop_make(", \"completion_extent\": \"all\"");
    const scratch output = scratch_make();
    set_member(&made.recipe, "early_stop", "true");
    expect_refusal(&made.recipe, &output, UM_ERR_ARGUMENT, "which \"early_stop\" leaves unsampled");
    set_member(&made.recipe, "early_stop", "false");
    set_member(&made.recipe, "rollout.stop_token", "800");
    expect_refusal(&made.recipe, &output, UM_ERR_ARGUMENT,
                   "which \"stop_token\" of \"rollout\" leaves unsampled");
    set_member(&made.recipe, "completion_extent", "to_end");
    set_member(&made.recipe, "rollout.stop_token", "42");
    expect_refusal(&made.recipe, &output, UM_ERR_ARGUMENT, "none of the model's end tokens");
    set_member(&made.recipe, "rollout.stop_token", "800");
    set_member(&made.recipe, "rollout.forbid_mask", "false");
    expect_refusal(&made.recipe, &output, UM_ERR_ARGUMENT, "\"forbid_mask\" false leaves");
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* The journal stays as it was: once the problems are brought back, nothing is judged again. */
static void a_state_of_other_problems_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    const grpo_workshop made = grpo_workshop_make("");
    const scratch output = scratch_make();
    grpo_watch *seen = make_watch();
    seen->stop_after = 1;
    assert_int_equal(grpo_train(&made.recipe, &output, seen, &error), UM_ERR_CANCELLED);
    um_buffer journal = read_output(&output, UM_REWARD_JOURNAL_FILE);
    scratch_write(&made.data, "problems.jsonl", grpo_problems[0], strlen(grpo_problems[0]));
    expect_refusal(&made.recipe, &output, UM_ERR_MISMATCH, "does not hold the problems");
    /* The same texts but another test: the known verdicts do not apply to it. */
    um_buffer text = {0};
    for (size_t i = 0; i < sizeof grpo_problems / sizeof *grpo_problems; i++) {
        assert_ok(um_buffer_append_format(&text, &error, "%s\n", grpo_problems[i]), &error);
    }
    char *digit = strstr(text.data, "== 3");
    assert_non_null(digit);
    digit[3] = '4';
    scratch_write(&made.data, "problems.jsonl", text.data, text.length);
    expect_refusal(&made.recipe, &output, UM_ERR_MISMATCH, "does not hold the problems");
    um_buffer_free(&text);
    um_buffer after = read_output(&output, UM_REWARD_JOURNAL_FILE);
    assert_int_equal(after.length, journal.length);
    assert_memory_equal(after.data, journal.data, journal.length);
    um_buffer_free(&after);
    um_buffer_free(&journal);
    free(seen);
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reward_rises_with_every_estimator),
        cmocka_unit_test(reward_rises_with_the_other_options),
        cmocka_unit_test(a_resumed_run_equals_a_straight_one_bit_for_bit),
        cmocka_unit_test(a_run_can_be_stopped_in_the_middle_of_a_step),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(the_size_of_rollout_batches_changes_no_bit),
        cmocka_unit_test(rewards_are_judged_once),
        cmocka_unit_test(the_first_update_is_on_policy),
        cmocka_unit_test(the_reference_follows_by_the_share_of_mixing),
        cmocka_unit_test(validation_measures_passed_problems),
        cmocka_unit_test(values_that_are_not_estimated_are_zero),
        cmocka_unit_test(the_recipe_names_a_pad_token),
        cmocka_unit_test(the_mask_may_be_named_by_the_tokenizer_alone),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(decoding_that_a_trajectory_does_not_follow_is_refused),
        cmocka_unit_test(counting_what_is_not_sampled_is_refused),
        cmocka_unit_test(a_state_of_other_problems_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
