/* Training runs of a tiny model: what they learn, and that they learn it the same every time. */
#include "trainer_testing.h"

/* ---- Learning ---------------------------------------------------------- */

static double mean_token_loss(const watch *seen, size_t first, size_t count) {
    double sum = 0;
    for (size_t i = first; i < first + count; i++) {
        sum += seen->reports[i].token_loss;
    }
    return sum / (double)count;
}

/* The second word repeats the first, so the cross-entropy of the completion falls to nearly nothing
 * from log 12, that of a model which knows only the letters. */
static void copying_is_learnt(const char *objective, const char *more) {
    workshop made = workshop_make(objective, more);
    set_member(&made.recipe, "steps", "350");
    set_member(&made.recipe, "batch_tokens", "160");
    const scratch output = scratch_make();
    watch *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    train_whole(&made.recipe, &output, seen);
    assert_int_equal(seen->steps, 350);
    assert_true(mean_token_loss(seen, 0, 5) > 2.3);
    assert_true(mean_token_loss(seen, 330, 20) < 0.6);
    assert_int_equal(seen->validations, 1);
    assert_true(seen->validation.token_loss < 0.8);
    assert_true(seen->validation.accuracy > 0.75);
    free(seen);
    scratch_remove(&output);
    workshop_remove(&made);
}

static void a_causal_model_learns_to_copy(void **state) {
    (void)state;
    copying_is_learnt("causal", ", \"initialise\": true, \"prompt_loss_weight\": 0");
}

static void a_diffusion_model_learns_to_copy(void **state) {
    (void)state;
    copying_is_learnt("diffusion", ", \"initialise\": true, \"mask_prompt_probability\": 0");
}

static void a_diffusion_model_with_rounded_weights_learns_to_copy(void **state) {
    (void)state;
    copying_is_learnt("diffusion", ", \"initialise\": true, \"mask_prompt_probability\": 0, "
                                   "\"weights\": \"bf16\", \"attention_annealing_steps\": 40");
}

static void a_diffusion_model_with_bf16_products_learns_to_copy(void **state) {
    (void)state;
    copying_is_learnt("diffusion", ", \"initialise\": true, \"mask_prompt_probability\": 0, "
                                   "\"products\": \"bf16\"");
}

/* ---- Same bits --------------------------------------------------------- */

static const char *const variants[][2] = {
    {"diffusion", ""},
    {"causal", ", \"initialise\": true, \"seed\": 3, \"saved_weights\": \"f32\""},
    {"diffusion", ", \"weights\": \"bf16\", \"attention_annealing_steps\": 7, "
                  "\"gradient_accumulation\": 2, \"validation_interval\": 3, \"answer_length\": 9, "
                  "\"warmup_steps\": 4, \"mask_prompt_probability\": 0.5"},
    {"diffusion", ", \"packing\": \"fixed_length\", \"context_length\": 30, "
                  "\"random_truncation_probability\": 0.3, \"clean_prefix_probability\": 0.3, "
                  "\"loss_normalisation\": \"masked\""},
    {"diffusion", ", \"mask_prompt_probability\": 0, \"mask_prompt_annealing_epochs\": 1, "
                  "\"answer_length\": 9, \"answer_padding\": \"fixed\", "
                  "\"loss_weighting\": \"cart\", \"loss_normalisation\": \"answers\""},
    {"diffusion", ", \"mask_prompt_probability\": 0, \"mask_prompt_annealing_steps\": 7, "
                  "\"answer_padding\": \"batch\", \"clean_prefix_probability\": 0.5"},
    {"diffusion", ", \"products\": \"bf16\""},
};
#define VARIANTS (sizeof variants / sizeof *variants)

static workshop variant_make(size_t index) {
    workshop made = workshop_make(variants[index][0], variants[index][1]);
    set_member(&made.recipe, "steps", "12");
    return made;
}

static void a_resumed_run_equals_a_straight_one_bit_for_bit(void **state) {
    (void)state;
    static const size_t stops[] = {1, 5, 11, 12};
    for (size_t i = 0; i < VARIANTS; i++) {
        const workshop made = variant_make(i);
        const scratch straight = scratch_make();
        watch whole = {0};
        train_whole(&made.recipe, &straight, &whole);
        for (size_t j = 0; j < sizeof stops / sizeof *stops; j++) {
            um_error error = {0};
            const scratch output = scratch_make();
            watch first = {.stop_after = stops[j]};
            assert_int_equal(train_watched(&made.recipe, &output, &first, &error),
                             UM_ERR_CANCELLED);
            assert_int_equal(first.steps, stops[j]);
            assert_int_equal(first.saves, 1);
            assert_int_equal(first.saved_step, stops[j]);
            assert_false(um_file_exists(output.path, "model.safetensors"));
            watch second = {0};
            train_whole(&made.recipe, &output, &second);
            assert_int_equal(second.steps, 12 - stops[j]);
            assert_same_output(&straight, &output);
            scratch_remove(&output);
        }
        scratch_remove(&straight);
        workshop_remove(&made);
    }
}

static void a_finished_run_is_written_again_as_it_was(void **state) {
    (void)state;
    const workshop made = variant_make(0);
    const scratch once = scratch_make();
    const scratch twice = scratch_make();
    watch seen = {0};
    train_whole(&made.recipe, &once, &seen);
    train_whole(&made.recipe, &twice, &(watch){0});
    watch again = {0};
    train_whole(&made.recipe, &twice, &again);
    assert_int_equal(again.steps, 0);
    assert_true(again.validation.loss == seen.validation.loss);
    assert_same_output(&once, &twice);
    assert_true(um_file_exists(twice.path, UM_MODEL_DONE_FILE));
    scratch_remove(&once);
    scratch_remove(&twice);
    workshop_remove(&made);
}

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        const workshop made = variant_make(i);
        const scratch one = scratch_make();
        train_whole(&made.recipe, &one, &(watch){0});
        for (size_t threads = 2; threads <= 3; threads++) {
            const scratch more = scratch_make();
            train_whole(&made.recipe, &more, &(watch){.threads = threads});
            assert_same_output(&one, &more);
            scratch_remove(&more);
        }
        scratch_remove(&one);
        workshop_remove(&made);
    }
}

static void recomputed_activations_change_no_bit(void **state) {
    (void)state;
    workshop made = variant_make(2);
    const scratch stored = scratch_make();
    const scratch recomputed = scratch_make();
    train_whole(&made.recipe, &stored, &(watch){.threads = 2});
    set_member(&made.recipe, "recompute_activations", "true");
    train_whole(&made.recipe, &recomputed, &(watch){.threads = 2});
    assert_same_output(&stored, &recomputed);
    scratch_remove(&stored);
    scratch_remove(&recomputed);
    workshop_remove(&made);
}

/* The loss is near, but not the same, because the products differ. */
static void products_of_bf16_change_the_loss_a_little(void **state) {
    (void)state;
    workshop made = variant_make(0);
    const scratch exact = scratch_make();
    const scratch rounded = scratch_make();
    watch first = {0};
    watch second = {0};
    train_whole(&made.recipe, &exact, &first);
    set_member(&made.recipe, "products", "bf16");
    train_whole(&made.recipe, &rounded, &second);
    assert_true(first.reports[0].loss != second.reports[0].loss);
    assert_true(fabs(first.reports[0].loss - second.reports[0].loss) <
                0.02 * first.reports[0].loss);
    scratch_remove(&exact);
    scratch_remove(&rounded);
    workshop_remove(&made);
}

static void seeds_change_the_run(void **state) {
    (void)state;
    workshop made = variant_make(0);
    const scratch one = scratch_make();
    const scratch other = scratch_make();
    watch first = {0};
    watch second = {0};
    train_whole(&made.recipe, &one, &first);
    set_member(&made.recipe, "seed", "2");
    train_whole(&made.recipe, &other, &second);
    assert_true(first.reports[0].loss != second.reports[0].loss);
    scratch_remove(&one);
    scratch_remove(&other);
    workshop_remove(&made);
}

/* ---- Parts of a step --------------------------------------------------- */

/* For causal documents of one length, two batches of five equal one batch of ten. */
static void accumulated_gradients_are_those_of_one_large_batch(void **state) {
    (void)state;
    workshop made = workshop_make("causal", ", \"steps\": 3");
    const scratch one = scratch_make();
    const scratch two = scratch_make();
    watch large = {0};
    watch halves = {0};
    train_whole(&made.recipe, &one, &large);
    set_member(&made.recipe, "batch_tokens", "40");
    set_member(&made.recipe, "gradient_accumulation", "2");
    train_whole(&made.recipe, &two, &halves);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(halves.reports[i].rows, large.reports[i].rows);
        assert_true(fabs(halves.reports[i].loss / large.reports[i].loss - 1) < 1e-5);
        assert_true(fabs(halves.reports[i].token_loss / large.reports[i].token_loss - 1) < 1e-5);
        assert_true(fabs(halves.reports[i].gradient_norm / large.reports[i].gradient_norm - 1) <
                    1e-4);
        assert_true(halves.reports[i].accuracy == large.reports[i].accuracy);
        assert_true(fabs(halves.reports[i].flops / large.reports[i].flops - 1) < 1e-12);
    }
    /* Updates would hide a constant factor of the gradient; the second moments, the last block of
     * the state, do not. */
    um_buffer states[2] = {read_output(&one, UM_TRAINING_STATE_FILE),
                           read_output(&two, UM_TRAINING_STATE_FILE)};
    const size_t count = states[0].length / sizeof(float) / 3 - 100; /* inside the second moments */
    const float *moments[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(states[i].length, states[0].length);
        moments[i] = (const float *)(const void *)states[i].data +
                     (states[i].length / sizeof(float) - count);
    }
    assert_true(fabs(um_block_norm(moments[0], count) / um_block_norm(moments[1], count) - 1) <
                1e-3);
    um_buffer_free(&states[0]);
    um_buffer_free(&states[1]);
    scratch_remove(&one);
    scratch_remove(&two);
    workshop_remove(&made);
}

/* With one document and no learning, only the masks change from one micro-batch to the next, and a
 * step of two micro-batches has the masks of two steps of one. */
static void every_micro_batch_has_masks_of_its_own(void **state) {
    (void)state;
    workshop made = workshop_make("diffusion", ", \"steps\": 6");
    static const um_document one[] = {{30, 0, 0}};
    write_shard(scratch_path(&made.data, "one.shard"), 1, one, 12);
    set_member(&made.recipe, "train", scratch_path(&made.data, "one.shard"));
    set_member(&made.recipe, "batch_tokens", "30");
    set_member(&made.recipe, "learning_rate", "0");
    const scratch single = scratch_make();
    const scratch paired = scratch_make();
    watch singles = {0};
    watch pairs = {0};
    train_whole(&made.recipe, &single, &singles);
    set_member(&made.recipe, "steps", "3");
    set_member(&made.recipe, "gradient_accumulation", "2");
    train_whole(&made.recipe, &paired, &pairs);
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(singles.reports[i].loss != singles.reports[j].loss);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        const double mean = (singles.reports[2 * i].loss + singles.reports[2 * i + 1].loss) / 2;
        assert_true(fabs(pairs.reports[i].loss / mean - 1) < 1e-9);
    }
    scratch_remove(&single);
    scratch_remove(&paired);
    workshop_remove(&made);
}

/* Causal attention plus links up to the last annealing step, full attention from then on. */
static void attention_is_annealed_for_as_long_as_the_recipe_says(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("diffusion", ", \"attention_annealing_steps\": 3");
    const um_compute compute = make_compute(1);
    for (size_t stop = 1; stop <= 5; stop++) {
        const scratch output = scratch_make();
        um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
        watch seen = {.stop_after = stop};
        const um_trainer_callbacks callbacks = {
            .step = watch_step, .should_stop = watch_should_stop, .user = &seen};
        assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_CANCELLED);
        const um_training_batch *batch = &supervised_of(trainer)->batch; /* of the last step */
        size_t links = 0;
        for (size_t i = 0; i < 64; i++) {
            links += batch->sequences[0].links ? batch->sequences[0].links[i] : 0;
        }
        assert_int_equal(batch->rows.attention,
                         stop <= 3 ? UM_ATTENTION_CAUSAL : UM_ATTENTION_FULL);
        assert_true(stop == 3 ? links == 64 : stop < 3 ? links > 0 && links < 60 : links == 0);
        um_trainer_free(trainer);
        scratch_remove(&output);
    }
    workshop_remove(&made);
}

static void rounded_weights_have_masters_that_are_not(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("diffusion", ", \"weights\": \"bf16\"");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    watch seen = {.stop_after = 2};
    const um_trainer_callbacks callbacks = {
        .step = watch_step, .should_stop = watch_should_stop, .user = &seen};
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_CANCELLED);
    size_t finer = 0;
    for (size_t i = 0; i < trainer->learner.block_count; i++) {
        const float rounded = um_f32_from_bf16(um_bf16_from_f32(trainer->learner.master_block[i]));
        assert_true(trainer->learner.parameter_block[i] == rounded);
        finer += trainer->learner.master_block[i] != rounded;
    }
    assert_true(finer > trainer->learner.weight_count / 2);
    um_trainer_free(trainer);
    scratch_remove(&output);
    workshop_remove(&made);
}

static void a_batch_without_targets_is_a_step_without_loss(void **state) {
    (void)state;
    workshop made = workshop_make("diffusion", ", \"mask_prompt_probability\": 0, \"steps\": 2");
    static const um_document prompts[] = {{4, 4, 0}, {6, 6, 0}};
    write_shard(scratch_path(&made.data, "prompts.shard"), 2, prompts, 12);
    set_member(&made.recipe, "train", scratch_path(&made.data, "prompts.shard"));
    const scratch output = scratch_make();
    watch seen = {0};
    train_whole(&made.recipe, &output, &seen);
    assert_int_equal(seen.steps, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(seen.reports[i].loss == 0 && seen.reports[i].gradient_norm == 0);
    }
    scratch_remove(&output);
    workshop_remove(&made);
}

static void weights_that_are_not_finite_stop_the_run(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("diffusion", "");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    float *norm = um_tensor_f32(&trainer->learner.parameters.final_norm);
    norm[3] = NAN;
    const um_trainer_callbacks callbacks = {0};
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "step 1: the gradient is not finite"));
    assert_int_equal(um_trainer_step(trainer), 0);
    assert_false(um_file_exists(output.path, UM_TRAINING_STATE_FILE));
    um_trainer_free(trainer);
    scratch_remove(&output);
    workshop_remove(&made);
}

/* ---- Validation -------------------------------------------------------- */

static void validation_is_the_same_each_time(void **state) {
    (void)state;
    um_error error = {0};
    workshop made = workshop_make("diffusion", ", \"answer_length\": 8");
    const scratch output = scratch_make();
    const scratch other = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    set_member(&made.recipe, "seed", "77");
    um_trainer *reseeded = make_trainer(&made.recipe, &other, &compute);
    um_validation_report first;
    um_validation_report second;
    um_validation_report third;
    assert_ok(um_trainer_validate(trainer, &first, &error), &error);
    assert_ok(um_trainer_validate(trainer, &second, &error), &error);
    assert_ok(um_trainer_validate(reseeded, &third, &error), &error);
    assert_memory_equal(&first, &second, sizeof first);
    assert_memory_equal(&first, &third, sizeof first);
    assert_true(first.predicted_tokens > 50);
    um_trainer_free(trainer);
    um_trainer_free(reseeded);
    scratch_remove(&output);
    scratch_remove(&other);
    workshop_remove(&made);
}

/* If no noise is drawn, the loss does not depend on how the shard is split into batches. */
static void a_validation_loss_is_that_of_one_large_batch(void **state) {
    (void)state;
    um_error error = {0};
    workshop made = workshop_make("causal", ", \"prompt_loss_weight\": 0.25");
    static const um_document uneven[] = {{3, 2, 0}, {40, 1, 0},  {9, 8, 0},
                                         {2, 0, 0}, {17, 17, 0}, {60, 30, 0}};
    write_shard(scratch_path(&made.data, "uneven.shard"), 6, uneven, 12);
    set_member(&made.recipe, "validation", scratch_path(&made.data, "uneven.shard"));
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_validation_report reports[2];
    for (size_t i = 0; i < 2; i++) {
        set_member(&made.recipe, "batch_tokens", i == 0 ? "1" : "1000");
        um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
        assert_ok(um_trainer_validate(trainer, &reports[i], &error), &error);
        um_trainer_free(trainer);
    }
    assert_true(fabs(reports[0].loss / reports[1].loss - 1) < 1e-6);
    assert_true(fabs(reports[0].token_loss / reports[1].token_loss - 1) < 1e-6);
    assert_int_equal(reports[0].predicted_tokens, reports[1].predicted_tokens);
    scratch_remove(&output);
    workshop_remove(&made);
}

static void validation_comes_when_the_recipe_says_and_at_the_end(void **state) {
    (void)state;
    workshop made = workshop_make("causal", ", \"steps\": 12, \"validation_interval\": 5");
    const scratch output = scratch_make();
    watch seen = {0};
    train_whole(&made.recipe, &output, &seen);
    assert_int_equal(seen.validations, 3); /* 5, 10, 12 */
    assert_int_equal(seen.validation.step, 12);
    scratch_remove(&output);
    const scratch without = scratch_make();
    made.recipe.validation[0] = '\0';
    watch blind = {0};
    train_whole(&made.recipe, &without, &blind);
    assert_int_equal(blind.validations, 0);
    scratch_remove(&without);
    workshop_remove(&made);
}

static void a_validation_that_a_stop_left_out_is_made_first(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("causal", ", \"steps\": 12, \"validation_interval\": 5");
    const scratch output = scratch_make();
    const scratch straight = scratch_make();
    watch stopped = {.stop_after = 5};
    assert_int_equal(train_watched(&made.recipe, &output, &stopped, &error), UM_ERR_CANCELLED);
    assert_int_equal(stopped.validations, 0);
    watch early = {.stop_after = 7};
    assert_int_equal(train_watched(&made.recipe, &output, &early, &error), UM_ERR_CANCELLED);
    assert_int_equal(early.validations, 1);
    assert_int_equal(early.validation.step, 5);
    watch rest = {0};
    train_whole(&made.recipe, &output, &rest);
    assert_int_equal(rest.validations, 2); /* 10, 12 */
    watch whole = {0};
    train_whole(&made.recipe, &straight, &whole);
    assert_same_output(&output, &straight);
    scratch_remove(&output);
    scratch_remove(&straight);
    workshop_remove(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_validation_that_a_stop_left_out_is_made_first),
        cmocka_unit_test(a_causal_model_learns_to_copy),
        cmocka_unit_test(a_diffusion_model_learns_to_copy),
        cmocka_unit_test(a_diffusion_model_with_rounded_weights_learns_to_copy),
        cmocka_unit_test(a_resumed_run_equals_a_straight_one_bit_for_bit),
        cmocka_unit_test(a_finished_run_is_written_again_as_it_was),
        cmocka_unit_test(a_diffusion_model_with_bf16_products_learns_to_copy),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(recomputed_activations_change_no_bit),
        cmocka_unit_test(products_of_bf16_change_the_loss_a_little),
        cmocka_unit_test(seeds_change_the_run),
        cmocka_unit_test(accumulated_gradients_are_those_of_one_large_batch),
        cmocka_unit_test(every_micro_batch_has_masks_of_its_own),
        cmocka_unit_test(attention_is_annealed_for_as_long_as_the_recipe_says),
        cmocka_unit_test(rounded_weights_have_masters_that_are_not),
        cmocka_unit_test(a_batch_without_targets_is_a_step_without_loss),
        cmocka_unit_test(weights_that_are_not_finite_stop_the_run),
        cmocka_unit_test(validation_is_the_same_each_time),
        cmocka_unit_test(a_validation_loss_is_that_of_one_large_batch),
        cmocka_unit_test(validation_comes_when_the_recipe_says_and_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
