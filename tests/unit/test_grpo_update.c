/* Loss and gradients of a coupled-GRPO update: against PyTorch, against finite differences, and
 * worked by hand. */
#include "base/memory.h"
#include "golden_model.h"
#include "recipe_testing.h"
#include "train/grpo/grpo_loss.h"
#include "train/grpo/grpo_update.h"

static um_recipe make_recipe_text(const char *more) {
    return parse_recipe("\"model\": \"m\", \"problems\": \"p\", \"objective\": \"coupled_grpo\", "
                        "\"steps\": 6, \"context_length\": 96, \"answer_length\": 6",
                        more);
}

/* A learner with a batch of rollouts, ready for an update. */
typedef struct workbench {
    um_recipe recipe;
    um_compute compute;
    um_learner learner;
    um_grpo_reference reference;
    um_grpo_rollouts rollouts;
    um_grpo_updater updater;
} workbench;

static void workbench_open(workbench *made, const um_model_config *config,
                           const um_parameters *weights) {
    um_error error = {0};
    assert_ok(um_kernels_select(NULL, &made->compute.kernels, &error), &error);
    assert_ok(um_learner_create(&made->recipe, config, &made->compute, &made->learner, &error),
              &error);
    assert_ok(um_parameters_copy(made->learner.masters, weights, config, &error), &error);
    assert_ok(um_grpo_reference_create(&made->learner, &made->reference, &error), &error);
    assert_ok(um_grpo_rollouts_create(&made->recipe, &made->rollouts, &error), &error);
    made->updater = (um_grpo_updater){
        .learner = &made->learner, .reference = &made->reference, .rollouts = &made->rollouts};
}

static void workbench_close(workbench *made) {
    um_grpo_updater_free(&made->updater);
    um_grpo_rollouts_free(&made->rollouts);
    um_grpo_reference_free(&made->reference);
    um_learner_free(&made->learner);
}

static void set_completion(um_completion *completion, size_t length, size_t start, size_t answer,
                           size_t counted) {
    *completion = (um_completion){
        .length = length, .start = start, .answer_length = answer, .counted = counted};
    completion->tokens = calloc(um_completion_block(completion), sizeof *completion->tokens);
    assert_non_null(completion->tokens);
    completion->steps = completion->tokens + length;
}

/* Set first_token, and make room for the old log-probabilities of the second update; returns the
 * number of counted tokens. */
static size_t number_tokens(um_grpo_rollouts *rollouts) {
    um_error error = {0};
    size_t total = 0;
    for (size_t i = 0; i < rollouts->count; i++) {
        rollouts->first_token[i] = total;
        total += rollouts->completions[i].counted;
    }
    rollouts->first_token[rollouts->count] = total;
    assert_ok(
        um_grow(&rollouts->old, &rollouts->token_capacity, total, sizeof(double), "old", &error),
        &error);
    return total;
}

/* ---- PyTorch ---------------------------------------------------------------- */

typedef struct golden_case {
    const char *name;
    const char *more; /* of the recipe, as make_grpo_goldens.py has it */
} golden_case;

static const golden_case golden_cases[] = {
    {"coupled", "\"mask_pairs\": 2, \"mask_prompt_probability\": 0.3, \"clip_low\": 0.2, "
                "\"clip_high\": 0.4, \"kl_coefficient\": 0.3"},
    {"decoupled", "\"estimator\": \"decoupled\", \"shared_pair_rate\": true, \"clip_low\": 0.5, "
                  "\"clip_high\": 0.5, \"kl_coefficient\": 0.01, "
                  "\"completion_normalisation\": \"tokens\""},
    {"full_mask", "\"estimator\": \"full_mask\", \"mask_prompt_probability\": 0.15, "
                  "\"clip_low\": 0.2, \"clip_high\": 0.2, \"kl_coefficient\": 0.04, "
                  "\"completion_normalisation\": \"positions\""},
    {"group_masks", "\"shared_group_masks\": true, "
                    "\"mask_prompt_probability\": 0.3, \"clip_low\": 0.3, \"clip_high\": 0.3, "
                    "\"kl_coefficient\": 0.1, \"completion_normalisation\": \"tokens\""},
    {"trajectory", "\"estimator\": \"trajectory\", \"trajectory_states\": 2, "
                   "\"mask_prompt_probability\": 0.2, \"clip_low\": 0.3, \"clip_high\": 0.3, "
                   "\"kl_coefficient\": 0.1, \"completion_normalisation\": \"tokens\""},
};
#define GOLDEN_CASES (sizeof golden_cases / sizeof *golden_cases)

typedef struct golden_run {
    golden_model model;
    um_checkpoint *expected;
    workbench bench;
} golden_run;

static const float *expected_floats(const golden_run *run, const char *key, size_t count) {
    um_tensor tensor = {0};
    size_t found = 0;
    if (!um_checkpoint_find(run->expected, key, &tensor) || !um_tensor_count(&tensor, &found) ||
        found != count) {
        fail_msg("%s: %zu values, expected %zu", key, found, count);
    }
    return tensor.data;
}

/* Read which step decided each token, if the estimator needs it. */
static void read_steps(golden_run *run) {
    um_grpo_rollouts *rollouts = &run->bench.rollouts;
    if (run->bench.recipe.grpo.estimator != UM_ESTIMATOR_TRAJECTORY) {
        return;
    }
    const float *states = expected_floats(run, "states", 4);
    size_t total = 0;
    for (size_t i = 0; i < 4; i++) {
        total += rollouts->completions[i].answer_length;
    }
    const float *steps = expected_floats(run, "steps", total);
    for (size_t i = 0; i < 4; i++) {
        um_completion *completion = &rollouts->completions[i];
        completion->states = (size_t)states[i];
        for (size_t j = 0; j < completion->answer_length; j++) {
            completion->steps[completion->start + j] = (int32_t)*steps++;
        }
    }
}

static void read_rollouts(golden_run *run) {
    um_grpo_rollouts *rollouts = &run->bench.rollouts;
    const float *shapes = expected_floats(run, "completions", 16);
    const float *advantages = expected_floats(run, "advantages", 4);
    size_t tokens = 0;
    for (size_t i = 0; i < 4; i++) {
        const float *shape = shapes + 4 * i;
        set_completion(&rollouts->completions[i], (size_t)shape[0], (size_t)shape[1],
                       (size_t)shape[2], (size_t)shape[3]);
        rollouts->advantages[i] = (double)advantages[i];
        tokens += (size_t)shape[0];
    }
    const float *ids = expected_floats(run, "tokens", tokens);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < rollouts->completions[i].length; j++) {
            rollouts->completions[i].tokens[j] = (int32_t)*ids++;
        }
    }
    read_steps(run);
    const size_t counted = number_tokens(rollouts);
    const float *old = expected_floats(run, "old", counted);
    for (size_t i = 0; i < counted; i++) {
        rollouts->old[i] = (double)old[i];
    }
    rollouts->number = 3;
    rollouts->is_ready = true;
}

static void golden_run_open(const golden_case *source, size_t batch_tokens, golden_run *run) {
    um_error error = {0};
    char text[512];
    char directory[256];
    (void)snprintf(text, sizeof text,
                   ", \"seed\": 21, \"learning_rate\": 0.1, \"batch_tokens\": %zu, "
                   "\"group_size\": 2, \"problems_per_step\": 2, \"inner_updates\": 2, %s",
                   batch_tokens, source->more);
    (void)snprintf(directory, sizeof directory, "%s/grpo/%s", UM_TEST_DATA, source->name);
    *run = (golden_run){.bench = {.recipe = make_recipe_text(text)}};
    golden_open("dream", &run->model);
    assert_ok(um_checkpoint_open(directory, &run->expected, &error), &error);
    workbench_open(&run->bench, &run->model.config, &run->model.bound);
    for (size_t i = 0; i < run->bench.reference.count; i++) {
        run->bench.reference.block[i] *= 0.97f;
    }
    read_rollouts(run);
}

static void golden_run_close(golden_run *run) {
    workbench_close(&run->bench);
    um_checkpoint_close(run->expected);
    golden_close(&run->model);
}

static um_status compare_gradient(void *user, const char *name, um_tensor *tensor,
                                  const um_tensor *expected, um_error *error) {
    (void)error;
    const golden_run *run = user;
    char key[200];
    size_t count = 0;
    (void)um_tensor_count(expected, &count);
    (void)snprintf(key, sizeof key, "grad.%s", name);
    assert_close((const float *)tensor->data, expected_floats(run, key, count), count, 2e-4, key);
    return UM_OK;
}

static bool is_near(double a, double b, double limit) {
    return fabs(a - b) <= limit * (1 + fabs(b));
}

static void loss_and_gradients_are_those_of_pytorch(void **state) {
    (void)state;
    static const size_t batch_tokens[] = {1, 70, 100000}; /* one, some, all in a micro-batch */
    const um_run_observer never = {0};
    for (size_t i = 0; i < GOLDEN_CASES; i++) {
        for (size_t j = 0; j < 3; j++) {
            um_error error = {0};
            golden_run run;
            um_grpo_update_report report = {0};
            golden_run_open(&golden_cases[i], batch_tokens[j], &run);
            assert_ok(um_grpo_gradients(&run.bench.updater, 1, &never, &report, &error), &error);
            assert_true(is_near(report.loss, (double)*expected_floats(&run, "loss", 1), 1e-5));
            assert_true(is_near(report.kl, (double)*expected_floats(&run, "kl", 1), 1e-5));
            assert_true(
                is_near(report.clip_low, (double)*expected_floats(&run, "clip_low", 1), 1e-6));
            assert_true(
                is_near(report.clip_high, (double)*expected_floats(&run, "clip_high", 1), 1e-6));
            assert_true(report.clip_low > 0 && report.clip_high > 0);
            assert_ok(um_parameters_visit(&run.bench.learner.gradients, &run.model.config,
                                          compare_gradient, &run, &error),
                      &error);
            golden_run_close(&run);
        }
    }
}

/* um_grpo_estimate_old stores the estimates under the second update's masks. */
static void old_log_probabilities_share_the_masks_of_their_update(void **state) {
    (void)state;
    um_error error = {0};
    golden_run run;
    um_grpo_update_report report = {0};
    const um_run_observer never = {0};
    golden_run_open(&golden_cases[0], 100, &run);
    um_grpo_rollouts *rollouts = &run.bench.rollouts;
    const size_t counted = rollouts->first_token[rollouts->count];
    assert_ok(um_grpo_estimate_old(&run.bench.updater, &never, &report, &error), &error);
    const float *estimates = expected_floats(&run, "estimates", counted);
    for (size_t i = 0; i < counted; i++) {
        assert_true(is_near(rollouts->old[i], (double)estimates[i], 1e-5));
    }
    golden_run_close(&run);
}

/* ---- By hand ---------------------------------------------------------------- */

/* Three tokens, a, b and the mask, and a model in which nothing but the output projection H
 * matters: all layers are zero, each embedding is (1, 1), so every hidden state is h = (1, 1) up to
 * epsilon, and all logits are H h.  H starts at zero: every token has probability 1/3. */
static um_model_config three_tokens(void) {
    return (um_model_config){.family = UM_FAMILY_DREAM,
                             .vocabulary_size = 3,
                             .hidden_size = 2,
                             .intermediate_size = 1,
                             .layer_count = 1,
                             .head_count = 1,
                             .kv_head_count = 1,
                             .head_dim = 2,
                             .maximum_positions = 8,
                             .rms_norm_epsilon = 1e-12,
                             .rope_base = 10000,
                             .attention = UM_ATTENTION_FULL,
                             .logit_alignment = UM_LOGITS_SHIFTED,
                             .mask_token = 2,
                             .bos_token = UM_NO_TOKEN_ID,
                             .eos_token = UM_NO_TOKEN_ID,
                             .pad_token = UM_NO_TOKEN_ID};
}

static void open_three_tokens(workbench *made) {
    um_error error = {0};
    um_parameters weights = {0};
    float *block = NULL;
    size_t count = 0;
    const um_model_config config = three_tokens();
    made->recipe = make_recipe_text(
        ", \"batch_tokens\": 1000, \"group_size\": 2, \"problems_per_step\": 1, "
        "\"learning_rate\": 0.1, \"clip_low\": 0.2, \"clip_high\": 0.2, \"kl_coefficient\": 0.01, "
        "\"pair_rate_minimum\": 0.5, \"pair_rate_maximum\": 0.5, \"gradient_clip\": 0, "
        "\"weight_decay\": 0, \"minimum_rate_ratio\": 1, "
        "\"epsilon\": 1e-5"); /* above rounding errors, which would else move the row of the mask */
    assert_ok(um_parameters_lay_out(&weights, &config, &block, &count, &error), &error);
    for (size_t i = 0; i < 6; i++) {
        um_tensor_f32(&weights.embedding)[i] = 1;
    }
    for (size_t i = 0; i < 2; i++) {
        um_tensor_f32(&weights.final_norm)[i] = 1;
        um_tensor_f32(&weights.layers[0].attention_norm)[i] = 1;
        um_tensor_f32(&weights.layers[0].mlp_norm)[i] = 1;
    }
    workbench_open(made, &config, &weights);
    um_parameters_free(&weights);
}

/* One problem, two answers of one token: "a" earns 1, "b" nothing. */
static void answer_a_or_b(um_grpo_rollouts *rollouts, const um_grpo_options *options) {
    const double rewards[] = {1, 0};
    for (size_t i = 0; i < 2; i++) {
        set_completion(&rollouts->completions[i], 2, 1, 1, 1);
        rollouts->completions[i].tokens[1] = (int32_t)i;
    }
    um_grpo_advantages(options, rewards, 2, rollouts->advantages);
    (void)number_tokens(rollouts);
}

static void one_step_of_three_tokens_is_as_worked_by_hand(void **state) {
    (void)state;
    um_error error = {0};
    workbench made = {0};
    um_grpo_update_report report = {0};
    um_update_report update = {0};
    const um_run_observer never = {0};
    open_three_tokens(&made);
    answer_a_or_b(&made.rollouts, &made.recipe.grpo);
    assert_ok(um_grpo_estimate_old(&made.updater, &never, &report, &error), &error);

    /* Rates are 1/2, so a token hidden in one pass of the pair counts twice there: its estimate is
     * (lp + 2 lp)/2 = 1.5 lp, with lp = -log 3. */
    for (size_t i = 0; i < 2; i++) {
        assert_true(is_near(made.rollouts.old[i], -1.5 * log(3), 1e-6));
    }

    /* Advantages are +1/2 and -1/2.  With ratios 1 and no distance from the reference the loss is
     * (-1/2 + 1/2)/2 = 0, and its derivatives with respect to the estimates are -1/4 and +1/4.
     * Those with respect to the logits are 1.5 times that, times (onehot - p); as h = (1, 1), they
     * are also those with respect to the elements of a row of H:
     *   a: -0.375 (1 - 1/3) + 0.375 (0 - 1/3) = -0.375
     *   b: +0.375,  mask: 0 */
    report = (um_grpo_update_report){0};
    assert_ok(um_grpo_gradients(&made.updater, 0, &never, &report, &error), &error);
    assert_true(fabs(report.loss) < 1e-7 && report.kl == 0);
    const float *head = made.learner.gradients.head.data;
    static const double expected[] = {-0.375, -0.375, 0.375, 0.375, 0, 0};
    for (size_t i = 0; i < 6; i++) {
        assert_true(is_near((double)head[i], expected[i], 1e-6));
    }

    /* But for epsilon, Adam's first step is the learning rate against the sign: rows of H become
     * (0.1, 0.1), (-0.1, -0.1) and 0, logits 0.2, -0.2 and 0. */
    assert_ok(um_learner_update(&made.learner, 1, &update, &error), &error);
    assert_true(is_near(update.gradient_norm, 0.75, 1e-5));
    const float *weights = made.learner.parameters.head.data;
    static const double moved[] = {0.1, 0.1, -0.1, -0.1, 0, 0};
    for (size_t i = 0; i < 6; i++) {
        assert_true(is_near((double)weights[i], moved[i], 1e-4));
    }

    /* Z = e^0.2 + e^-0.2 + 1 = 3.0401335, log(Z/3) = 0.0132891.  The estimates have moved by
     *   a: 1.5 ( 0.2 - 0.0132891) =  0.2800663, ratio 1.3232, clipped at 1.2, as A > 0
     *   b: 1.5 (-0.2 - 0.0132891) = -0.3199337, ratio 0.7262, clipped at 0.8, as A < 0
     * The reference is still where they began: kl = e^-d + d - 1 = 0.0357999 and 0.0571028.
     * Loss: (-1.2/2 + 0.8/2)/2 + 0.01 (0.0357999 + 0.0571028)/2 = -0.0995355. */
    report = (um_grpo_update_report){0};
    assert_ok(um_grpo_gradients(&made.updater, 1, &never, &report, &error), &error);
    assert_true(report.clip_low == 0.5 && report.clip_high == 0.5);
    assert_true(fabs(report.kl - (0.0357999 + 0.0571028) / 2) < 1e-4);
    assert_true(fabs(report.loss + 0.0995355) < 1e-6);
    workbench_close(&made);
}

/* ---- Arithmetic ------------------------------------------------------------- */

static um_grpo_options plain_options(void) {
    return make_recipe_text(", \"batch_tokens\": 1, \"learning_rate\": 1").grpo;
}

static void advantages_of_a_group_sum_to_zero(void **state) {
    (void)state;
    static const double rewards[] = {2.5, 0, 0.5, 1.25, 0.75, 2.5, 1e-3};
    for (int variant = 0; variant < 4; variant++) {
        um_grpo_options options = plain_options();
        options.advantage_baseline =
            variant & 1 ? UM_BASELINE_LEAVE_ONE_OUT : UM_BASELINE_GROUP_MEAN;
        options.scale_advantages = (variant & 2) != 0;
        double advantages[7];
        double sum = 0;
        um_grpo_advantages(&options, rewards, 7, advantages);
        for (size_t i = 0; i < 7; i++) {
            sum += advantages[i];
        }
        assert_true(fabs(sum) < 1e-12);
        assert_true(advantages[0] > 0 && advantages[1] < 0);
    }
}

static void advantages_are_those_of_the_definitions(void **state) {
    (void)state;
    um_grpo_options options = plain_options();
    static const double rewards[] = {3, 0, 0};
    double advantages[3];
    um_grpo_advantages(&options, rewards, 3, advantages);
    assert_true(advantages[0] == 2 && advantages[1] == -1 && advantages[2] == -1);
    options.advantage_baseline = UM_BASELINE_LEAVE_ONE_OUT; /* 3 - 0, and 0 - 1.5 */
    um_grpo_advantages(&options, rewards, 3, advantages);
    assert_true(advantages[0] == 3 && advantages[1] == -1.5 && advantages[2] == -1.5);
    options.scale_advantages = true; /* the deviation of 3, 0, 0 is the root of 3 */
    um_grpo_advantages(&options, rewards, 3, advantages);
    assert_true(is_near(advantages[0], 3 / (sqrt(3) + 1e-4), 1e-12));
    static const double equal[] = {0.1, 0.1, 0.1};
    um_grpo_advantages(&options, equal, 3, advantages);
    assert_true(advantages[0] == 0 && advantages[1] == 0 && advantages[2] == 0);
}

static void the_derivative_is_that_of_the_loss(void **state) {
    (void)state;
    um_grpo_options options = plain_options();
    options.clip_low = 0.2;
    options.clip_high = 0.4;
    options.kl_coefficient = 0.3;
    size_t clipped = 0;
    for (double move = -0.9; move < 1; move += 0.17) {
        for (int sign = -1; sign <= 1; sign += 2) {
            um_grpo_token token = {
                .current = -2 + move, .old = -2, .reference = -2.3, .advantage = 0.7 * sign};
            const um_grpo_token_loss at = um_grpo_loss_of_token(&options, &token);
            token.current += 1e-6;
            const double above = um_grpo_loss_of_token(&options, &token).loss;
            token.current -= 2e-6;
            const double below = um_grpo_loss_of_token(&options, &token).loss;
            assert_true(fabs((above - below) / 2e-6 - at.derivative) < 1e-6);
            assert_true(at.kl >= 0);
            clipped += at.clipped_low + at.clipped_high;
        }
    }
    assert_true(clipped > 3);
}

/* From an exponent of 20 on both exponentials are lines with the slope there. */
static void estimates_far_apart_give_finite_gradients(void **state) {
    (void)state;
    um_grpo_options options = plain_options();
    options.kl_coefficient = 0.01;
    um_grpo_token token = {.current = -200, .old = -200, .reference = 0, .advantage = 1};
    um_grpo_token_loss at = um_grpo_loss_of_token(&options, &token);
    assert_true(is_near(at.derivative, -1 + 0.01 * (1 - exp(20)), 1e-3));
    assert_true(is_near(at.kl, exp(20) * 181 - 201, 1));
    token = (um_grpo_token){.current = 900, .old = 0, .reference = 900, .advantage = 0};
    at = um_grpo_loss_of_token(&options, &token);
    assert_true(at.derivative == 0 && isfinite(at.loss));
    token.advantage = -1;
    at = um_grpo_loss_of_token(&options, &token);
    assert_true(is_near(at.derivative, exp(20), 1e-3) && is_near(at.loss, exp(20) * 881, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_gradients_are_those_of_pytorch),
        cmocka_unit_test(old_log_probabilities_share_the_masks_of_their_update),
        cmocka_unit_test(one_step_of_three_tokens_is_as_worked_by_hand),
        cmocka_unit_test(advantages_of_a_group_sum_to_zero),
        cmocka_unit_test(advantages_are_those_of_the_definitions),
        cmocka_unit_test(the_derivative_is_that_of_the_loss),
        cmocka_unit_test(estimates_far_apart_give_finite_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
