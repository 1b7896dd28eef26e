/* The passes of the likelihood estimator, and their estimates, compared with an enumeration of all
 * masks. */
#include "decode/decode.h"
#include "decode/transformer_denoiser.h"
#include "grpo_testing.h"

/* ---- Batches of passes ------------------------------------------------------ */

/* A random model, and a completion that fills a hole of 4 tokens after 3 others and before 2. */
#define START 3
#define ANSWER 4
#define LENGTH (START + ANSWER + 2)

typedef struct trial {
    um_recipe recipe;
    scratch model;
    um_compute compute;
    um_model_config config;
    um_learner learner;
    int32_t tokens[LENGTH];
    um_completion completion;
    um_grpo_passes passes;
} trial;

static void trial_open(trial *made, const char *more) {
    um_error error = {0};
    *made = (trial){.recipe = make_grpo_recipe(more), .model = scratch_make()};
    made->config = random_model_config();
    made->compute = make_compute(1);
    assert_ok(
        random_model_write(&made->config, TOKENIZER_DATA "qwen_style", made->model.path, &error),
        &error);
    set_member(&made->recipe, "model", made->model.path);
    assert_ok(
        um_learner_create(&made->recipe, &made->config, &made->compute, &made->learner, &error),
        &error);
    assert_ok(um_learner_load_weights(&made->learner, &error), &error);
    for (size_t i = 0; i < LENGTH; i++) {
        made->tokens[i] = (int32_t)(10 + 7 * i);
    }
    made->completion = (um_completion){.tokens = made->tokens,
                                       .length = LENGTH,
                                       .start = START,
                                       .answer_length = ANSWER,
                                       .counted = ANSWER};
}

static void trial_close(trial *made) {
    um_grpo_passes_free(&made->passes);
    um_learner_free(&made->learner);
    scratch_remove(&made->model);
}

static void fill(trial *made, um_mask_place place) {
    um_error error = {0};
    const um_completion *completion = &made->completion;
    assert_ok(um_grpo_passes_fill(&made->passes, &made->recipe, &made->config, &completion, &place,
                                  1, &error),
              &error);
}

static void estimate(trial *made, um_mask_place place, double *estimates) {
    um_error error = {0};
    fill(made, place);
    assert_ok(
        um_grpo_passes_estimate(&made->passes, &made->learner, NULL, false, estimates, &error),
        &error);
}

static void only_the_answer_is_masked_and_counted(void **state) {
    (void)state;
    trial made;
    trial_open(&made, ", \"mask_pairs\": 2");
    made.completion.counted = 3; /* the last one is behind an end token */
    for (uint32_t set = 0; set < 20; set++) {
        const um_mask_place place = {.seed = 1, .set = set};
        fill(&made, place);
        const um_training_batch *batch = &made.passes.batch;
        size_t hidden[ANSWER] = {0};
        assert_int_equal(made.passes.copy_count, 5);
        assert_int_equal(made.passes.token_count, 3);
        for (size_t i = 0; i < 5 * LENGTH; i++) {
            const size_t position = i % LENGTH;
            const size_t row = made.passes.copies[i / LENGTH].sequence * LENGTH + position;
            const bool masked = batch->tokens[row] == made.config.mask_token;
            const bool in_answer = position >= START && position < START + ANSWER;
            assert_true(in_answer || !masked);
            assert_true(masked || batch->tokens[row] == made.tokens[position]);
            if (in_answer) {
                hidden[position - START] += masked;
            }
        }
        for (size_t i = 0; i < ANSWER; i++) {
            assert_int_equal(hidden[i], 3); /* once in each pair, and in the full mask */
        }
        assert_int_equal(batch->target_count, 9);
        for (size_t i = 0; i < batch->target_count; i++) {
            assert_int_equal(batch->targets[i], made.tokens[START + made.passes.token[i]]);
        }
    }
    trial_close(&made);
}

static void prompts_are_masked_when_asked_for(void **state) {
    (void)state;
    trial made;
    trial_open(&made, ", \"estimator\": \"full_mask\", \"mask_prompt_probability\": 0.4");
    size_t masked = 0;
    for (uint32_t set = 0; set < 400; set++) {
        fill(&made, (um_mask_place){.seed = 1, .set = set});
        const um_training_batch *batch = &made.passes.batch;
        assert_int_equal(batch->target_count, ANSWER);
        for (size_t i = 0; i < LENGTH; i++) {
            masked += batch->tokens[i] == made.config.mask_token;
        }
    }
    const double share = ((double)masked - 400 * ANSWER) / (400.0 * (LENGTH - ANSWER));
    assert_true(fabs(share - 0.4) < 0.05);
    trial_close(&made);
}

/* The pass with everything masked sees what the sampler's first forward sees. */
static void likelihoods_are_those_of_the_sampler(void **state) {
    (void)state;
    trial made;
    um_error error = {0};
    double estimates[ANSWER];
    um_transformer_denoiser *sampler = NULL;
    int32_t canvas[LENGTH];
    size_t wanted[ANSWER];
    trial_open(&made, ", \"estimator\": \"full_mask\"");
    estimate(&made, (um_mask_place){.seed = 1}, estimates);
    memcpy(canvas, made.tokens, sizeof canvas);
    for (size_t i = 0; i < ANSWER; i++) {
        wanted[i] = START + i;
        canvas[START + i] = made.config.mask_token;
    }
    assert_ok(
        um_transformer_denoiser_create(&made.learner.transformer, &made.compute, &sampler, &error),
        &error);
    const um_denoiser denoiser = um_transformer_denoiser_interface(sampler);
    um_denoiser_request request = {
        .tokens = canvas, .length = LENGTH, .wanted = wanted, .wanted_count = ANSWER};
    float *logits = calloc(ANSWER * made.config.vocabulary_size, sizeof *logits);
    assert_non_null(logits);
    assert_ok(denoiser.forward(denoiser.user, &request, 1, &error), &error);
    assert_ok(denoiser.logits(denoiser.user, 0, ANSWER, logits, &error), &error);
    for (size_t i = 0; i < ANSWER; i++) {
        const float *row = logits + i * made.config.vocabulary_size;
        double sum = 0;
        for (size_t j = 0; j < made.config.vocabulary_size; j++) {
            sum += exp((double)row[j]);
        }
        const double expected = (double)row[made.tokens[START + i]] - log(sum);
        assert_true(fabs(estimates[i] - expected) < 1e-5);
    }
    free(logits);
    um_transformer_denoiser_free(sampler);
    trial_close(&made);
}

/* Completions of one micro-batch do not see each other. */
static void estimates_do_not_depend_on_the_micro_batch(void **state) {
    (void)state;
    trial made;
    um_error error = {0};
    trial_open(&made, "");
    int32_t other_tokens[7] = {1, 2, 3, 4, 5, 6, 7};
    const um_completion other = {
        .tokens = other_tokens, .length = 7, .start = 2, .answer_length = 5, .counted = 2};
    const um_completion *both[] = {&other, &made.completion};
    const um_mask_place places[] = {{1, 0, 3}, {1, 1, 3}};
    double together[2 + ANSWER];
    double alone[ANSWER];
    estimate(&made, places[1], alone);
    assert_ok(
        um_grpo_passes_fill(&made.passes, &made.recipe, &made.config, both, places, 2, &error),
        &error);
    assert_ok(um_grpo_passes_estimate(&made.passes, &made.learner, NULL, false, together, &error),
              &error);
    for (size_t i = 0; i < ANSWER; i++) {
        assert_true(fabs(together[2 + i] - alone[i]) < 1e-5);
    }
    trial_close(&made);
}

/* Estimates of both completions, and the gradients of a loss with these derivatives. */
static void run_pair(trial *made, const um_completion *const *completions,
                     const um_mask_place *places, const double *derivatives, size_t count,
                     double *estimates) {
    um_error error = {0};
    assert_ok(um_grpo_passes_fill(&made->passes, &made->recipe, &made->config, completions, places,
                                  count, &error),
              &error);
    assert_ok(um_grpo_passes_estimate(&made->passes, &made->learner, NULL, true, estimates, &error),
              &error);
    assert_ok(um_grpo_passes_backward(&made->passes, &made->learner, derivatives, &error), &error);
}

/* Under the full mask the completions of a group are one pass, with the targets of both. */
static void equal_copies_are_one_pass(void **state) {
    (void)state;
    trial made;
    trial_open(&made, ", \"pair_rate_minimum\": 0.5, \"pair_rate_maximum\": 0.5");
    um_learner *learner = &made.learner;
    int32_t other_tokens[LENGTH];
    um_completion other = made.completion;
    const um_completion *both[] = {&made.completion, &other};
    const um_mask_place places[] = {{1, 0, 8}, {1, 1, 8}};
    static const double derivatives[ANSWER + 3] = {0.5, -1.5, 0, 1, -0.7, 0.3, 1.1};
    double together[ANSWER + 3];
    double alone[ANSWER + 3];
    float largest = 0;
    memcpy(other_tokens, made.tokens, sizeof other_tokens);
    other_tokens[START + 1] += 1; /* the answers have their first token in common */
    other_tokens[START + 3] += 2;
    other.tokens = other_tokens;
    other.counted = 3;
    um_learner_clear_gradients(learner);
    run_pair(&made, &both[0], &places[0], derivatives, 1, alone);
    run_pair(&made, &both[1], &places[1], derivatives + ANSWER, 1, alone + ANSWER);
    float *gradients = calloc(learner->block_count, sizeof *gradients);
    assert_non_null(gradients);
    memcpy(gradients, learner->gradient_block, learner->block_count * sizeof *gradients);
    um_learner_clear_gradients(learner);
    run_pair(&made, both, places, derivatives, 2, together);
    assert_int_equal(made.passes.copy_count, 6);
    assert_int_equal(made.passes.batch.rows.count, 5);
    assert_int_equal(made.passes.batch.sequences[0].hidden_count, ANSWER);
    for (size_t i = 0; i < ANSWER + 3; i++) {
        assert_true(fabs(together[i] - alone[i]) < 1e-5);
    }
    for (size_t i = 0; i < learner->block_count; i++) {
        assert_true(fabsf(learner->gradient_block[i] - gradients[i]) < 1e-4f);
        largest = fmaxf(largest, fabsf(gradients[i]));
    }
    assert_true(largest > 0.1f);
    free(gradients);
    trial_close(&made);
}

/* ---- Mean and variance ------------------------------------------------------ */

#define MASKS (1 << ANSWER)
#define DRAWS 6000
#define RATES 200 /* of the integral over the pair's rate */

/* log P(token i) with the tokens of `mask` hidden; 0 if token i is not hidden. */
typedef double mask_table[MASKS][ANSWER];

static void tabulate(trial *made, mask_table table) {
    um_error error = {0};
    um_training_batch batch = {0};
    for (size_t mask = 0; mask < MASKS; mask++) {
        size_t first = 0;
        um_training_batch_start(&batch, UM_ATTENTION_FULL);
        assert_ok(um_training_batch_add(&batch, LENGTH, &first, &error), &error);
        memcpy(batch.tokens, made->tokens, sizeof made->tokens);
        for (size_t i = 0; i < ANSWER; i++) {
            table[mask][i] = 0;
            if (mask >> i & 1) {
                batch.tokens[START + i] = made->config.mask_token;
                um_training_batch_add_target(&batch, 0, START + i - 1, made->tokens[START + i], 0);
            }
        }
        assert_ok(um_training_batch_connect(&batch, &made->config, &error), &error);
        assert_ok(um_learner_log_probabilities(&made->learner, NULL, &batch, false, &error),
                  &error);
        for (size_t i = 0, at = 0; i < ANSWER; i++) {
            if (mask >> i & 1) {
                table[mask][i] = (double)batch.log_probabilities[at++];
            }
        }
    }
    um_training_batch_free(&batch);
}

typedef struct moments {
    double mean;
    double variance;
} moments;

static double probability_of(size_t mask, double rate) {
    double probability = 1;
    for (size_t i = 0; i < ANSWER; i++) {
        probability *= mask >> i & 1 ? rate : 1 - rate;
    }
    return probability;
}

/* The estimate of the completion from one pair of masks: the sum over its tokens. */
static double pair_estimate(mask_table table, size_t first, size_t second, double rate) {
    double sum = 0;
    for (size_t i = 0; i < ANSWER; i++) {
        sum += 0.5 * (table[MASKS - 1][i] + table[first][i] / rate + table[second][i] / (1 - rate));
    }
    return sum;
}

/* Over every rate (midpoints), every first mask and, if decoupled, every second mask. */
static moments enumerate(mask_table table, bool coupled) {
    double mean = 0;
    double square = 0;
    for (size_t step = 0; step < RATES; step++) {
        const double rate = 0.2 + 0.6 * ((double)step + 0.5) / RATES;
        for (size_t first = 0; first < MASKS; first++) {
            for (size_t second = 0; second < MASKS; second++) {
                const bool complement = second == (MASKS - 1 - first);
                const double chance =
                    coupled ? (complement ? 1 : 0) : probability_of(second, 1 - rate);
                const double weight = probability_of(first, rate) * chance / RATES;
                const double value = pair_estimate(table, first, second, rate);
                mean += weight * value;
                square += weight * value * value;
            }
        }
    }
    return (moments){mean, square - mean * mean};
}

static moments measure(trial *made) {
    double mean = 0;
    double square = 0;
    for (uint32_t set = 0; set < DRAWS; set++) {
        double estimates[ANSWER];
        double sum = 0;
        estimate(made, (um_mask_place){.seed = 3, .set = set}, estimates);
        for (size_t i = 0; i < ANSWER; i++) {
            sum += estimates[i];
        }
        mean += sum / DRAWS;
        square += sum * sum / DRAWS;
    }
    return (moments){mean, square - mean * mean};
}

static void estimates_have_mean_and_variance_of_all_masks(void **state) {
    (void)state;
    static const char *const estimators[] = {", \"estimator\": \"coupled\"",
                                             ", \"estimator\": \"decoupled\""};
    moments exact[2];
    moments measured[2];
    for (size_t i = 0; i < 2; i++) {
        trial made;
        mask_table table;
        trial_open(&made, estimators[i]);
        tabulate(&made, table);
        exact[i] = enumerate(table, i == 0);
        measured[i] = measure(&made);
        assert_true(fabs(measured[i].mean - exact[i].mean) < 4 * sqrt(exact[i].variance / DRAWS));
        assert_true(fabs(measured[i].variance / exact[i].variance - 1) < 0.1);
        trial_close(&made);
    }
    assert_true(fabs(exact[0].mean - exact[1].mean) < 1e-9 * fabs(exact[0].mean));
    /* The point of the coupling. */
    assert_true(exact[0].variance < 0.7 * exact[1].variance);
    assert_true(measured[0].variance < 0.7 * measured[1].variance);
}

/* The two pairs are independent, so their variances add. */
static void more_pairs_lower_the_variance(void **state) {
    (void)state;
    trial made;
    mask_table table;
    trial_open(&made, ", \"mask_pairs\": 2");
    tabulate(&made, table);
    const moments exact = enumerate(table, true);
    const moments measured = measure(&made);
    double full = 0;
    for (size_t i = 0; i < ANSWER; i++) {
        full += table[MASKS - 1][i];
    }
    /* One pair: (full + pair)/2; two: (full + pair + pair)/3. */
    const double pair = 2 * exact.mean - full;
    const double pair_variance = 4 * exact.variance;
    const double variance = 2 * pair_variance / 9;
    assert_true(fabs(measured.mean - (full + 2 * pair) / 3) < 4 * sqrt(variance / DRAWS));
    assert_true(fabs(measured.variance / variance - 1) < 0.1);
    assert_true(measured.variance < exact.variance);
    trial_close(&made);
}

/* ---- States of the sampler ---------------------------------------------------- */

/* The steps and log-probabilities of the sampler's own choices. */
typedef struct sampled {
    int32_t steps[LENGTH];
    double logarithms[LENGTH];
} sampled;

static um_status note_choice(void *user, const um_trace_event *event, um_error *error) {
    (void)error;
    sampled *made = user;
    made->steps[event->position] = (int32_t)event->step;
    made->logarithms[event->position] = log((double)event->confidence);
    return UM_OK;
}

/* Let the trial's model write the completion in 3 steps; two of its 4 tokens share one. */
static void sample_completion(trial *made, sampled *choices) {
    um_error error = {0};
    um_transformer_denoiser *sampler = NULL;
    um_canvas canvas = {0};
    um_decode_options options = um_decode_options_default();
    const um_canvas_segment segments[] = {
        {false, START, made->tokens},
        {true, ANSWER, NULL},
        {false, LENGTH - START - ANSWER, made->tokens + START + ANSWER}};
    const um_trace_sink sink = {.user = choices, .event = note_choice};
    const um_decode_hooks hooks = {.sink = &sink};
    assert_ok(um_decode_options_set(&options, "steps", "3", &error), &error);
    assert_ok(um_decode_options_set(&options, "temperature", "1", &error), &error);
    /* The estimators use the logits unchanged. */
    assert_ok(um_decode_options_set(&options, "forbid_mask", "false", &error), &error);
    assert_ok(um_canvas_create(segments, 3, made->config.mask_token, &canvas, &error), &error);
    assert_ok(um_transformer_denoiser_create(&made->learner.transformer, &made->compute, &sampler,
                                             &error),
              &error);
    const um_denoiser denoiser = um_transformer_denoiser_interface(sampler);
    assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
    memcpy(made->tokens, canvas.tokens, sizeof made->tokens);
    made->completion.steps = choices->steps;
    made->completion.states = 3;
    um_canvas_free(&canvas);
    um_transformer_denoiser_free(sampler);
}

static void all_states_give_the_probabilities_of_the_sampler(void **state) {
    (void)state;
    trial made;
    sampled choices = {{0}, {0}};
    double estimates[ANSWER];
    trial_open(&made, ", \"estimator\": \"trajectory\", \"trajectory_states\": 0");
    sample_completion(&made, &choices);
    estimate(&made, (um_mask_place){.seed = 1}, estimates);
    assert_int_equal(made.passes.batch.rows.count, 3);
    assert_int_equal(made.passes.batch.target_count, ANSWER);
    for (size_t i = 0; i < ANSWER; i++) {
        assert_true(fabs(estimates[i] - choices.logarithms[START + i]) < 1e-4);
    }
    trial_close(&made);
}

static void drawn_states_have_the_mean_of_all(void **state) {
    (void)state;
    trial made;
    sampled choices = {{0}, {0}};
    double whole[ANSWER];
    double mean[ANSWER] = {0};
    size_t drawn[ANSWER] = {0};
    trial_open(&made, ", \"estimator\": \"trajectory\", \"trajectory_states\": 2");
    sample_completion(&made, &choices);
    for (uint32_t set = 0; set < DRAWS; set++) {
        double estimates[ANSWER];
        estimate(&made, (um_mask_place){.seed = 3, .set = set}, estimates);
        assert_int_equal(made.passes.batch.rows.count, 2);
        for (size_t i = 0; i < ANSWER; i++) {
            mean[i] += estimates[i] / DRAWS;
            drawn[i] += estimates[i] != 0;
        }
    }
    made.recipe.grpo.trajectory_states = 0;
    estimate(&made, (um_mask_place){.seed = 3}, whole);
    for (size_t i = 0; i < ANSWER; i++) {
        /* Drawn with probability 2/3, so the share has a standard deviation of 0.006. */
        assert_true(fabs((double)drawn[i] / DRAWS - 2.0 / 3) < 0.025);
        assert_true(fabs(mean[i] / whole[i] - 1) < 0.04);
    }
    trial_close(&made);
}

static void what_was_not_sampled_has_no_state(void **state) {
    (void)state;
    trial made;
    int32_t steps[LENGTH] = {0};
    trial_open(&made, ", \"estimator\": \"trajectory\"");
    made.completion.steps = steps;
    steps[START + 2] = UM_NOT_SAMPLED; /* a token that replaces a mask */
    made.completion.states = 1;
    fill(&made, (um_mask_place){.seed = 1});
    assert_int_equal(made.passes.batch.rows.count, 1);
    assert_int_equal(made.passes.batch.target_count, ANSWER - 1);
    assert_int_equal(made.passes.batch.tokens[START + 2], made.config.mask_token);
    made.completion.states = 0;
    assert_int_equal(um_grpo_passes_rows(&made.recipe.grpo, &made.completion), 0);
    trial_close(&made);
}

/* ---- Gradients -------------------------------------------------------------- */

static double weighted_estimate(trial *made, const double *derivatives) {
    double estimates[ANSWER];
    double sum = 0;
    estimate(made, (um_mask_place){.seed = 1, .set = 2}, estimates);
    for (size_t i = 0; i < ANSWER; i++) {
        sum += derivatives[i] * estimates[i];
    }
    return sum;
}

/* Derivatives of both signs, as advantages give them. */
static void gradients_are_finite_differences(void **state) {
    (void)state;
    trial made;
    um_error error = {0};
    double estimates[ANSWER];
    static const double derivatives[ANSWER] = {0.5, -1.5, 0, 1};
    trial_open(&made, ", \"mask_pairs\": 2");
    um_learner *learner = &made.learner;
    fill(&made, (um_mask_place){.seed = 1, .set = 2});
    um_learner_clear_gradients(learner);
    assert_ok(um_grpo_passes_estimate(&made.passes, learner, NULL, true, estimates, &error),
              &error);
    assert_ok(um_grpo_passes_backward(&made.passes, learner, derivatives, &error), &error);
    size_t compared = 0;
    for (size_t i = 0; i < learner->block_count; i += 97) {
        const float gradient = learner->gradient_block[i];
        if (fabsf(gradient) < 0.05f) {
            continue;
        }
        const float before = learner->parameter_block[i];
        learner->parameter_block[i] = before + 2e-3f;
        const double above = weighted_estimate(&made, derivatives);
        learner->parameter_block[i] = before - 2e-3f;
        const double below = weighted_estimate(&made, derivatives);
        learner->parameter_block[i] = before;
        assert_true(fabs((above - below) / 4e-3 / (double)gradient - 1) < 0.03);
        compared++;
    }
    assert_true(compared > 10);
    trial_close(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_answer_is_masked_and_counted),
        cmocka_unit_test(prompts_are_masked_when_asked_for),
        cmocka_unit_test(likelihoods_are_those_of_the_sampler),
        cmocka_unit_test(estimates_do_not_depend_on_the_micro_batch),
        cmocka_unit_test(equal_copies_are_one_pass),
        cmocka_unit_test(estimates_have_mean_and_variance_of_all_masks),
        cmocka_unit_test(more_pairs_lower_the_variance),
        cmocka_unit_test(all_states_give_the_probabilities_of_the_sampler),
        cmocka_unit_test(drawn_states_have_the_mean_of_all),
        cmocka_unit_test(what_was_not_sampled_has_no_state),
        cmocka_unit_test(gradients_are_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
