/* AdamW against PyTorch and against the formula in double precision; norms and clipping. */
#include <string.h>

#include "golden_model.h"
#include "train/optimizer/optimizer.h"
#include "training_testing.h"

/* ---- Against PyTorch --------------------------------------------------- */

#define GOLDEN_STEPS 6

typedef struct walk {
    const um_checkpoint *checkpoint;
    const char *prefix;
    bool compare; /* with the tensors of the checkpoint; false: copy them */
    size_t tensors;
} walk;

static um_status visit_golden(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    (void)error;
    walk *at = user;
    um_tensor stored = {0};
    size_t count = 0;
    const char *key = golden_key(at->prefix, "", name);
    assert_true(um_checkpoint_find(at->checkpoint, key, &stored));
    assert_true(um_tensor_count(expected, &count));
    if (at->compare) {
        assert_close((const float *)tensor->data, (const float *)stored.data, count, 2e-6, key);
    } else {
        memcpy(um_tensor_f32(tensor), stored.data, count * sizeof(float));
    }
    at->tensors++;
    return UM_OK;
}

static void golden_walk(const um_checkpoint *checkpoint, const um_model_config *config,
                        const char *prefix, bool compare, um_parameters *parameters) {
    um_error error = {0};
    walk at = {.checkpoint = checkpoint, .prefix = prefix, .compare = compare};
    assert_ok(um_parameters_visit(parameters, config, visit_golden, &at, &error), &error);
    assert_int_equal(at.tensors, 15);
}

static void steps_are_those_of_pytorch(void **state) {
    (void)state;
    static const char directory[] = UM_TEST_DATA "/training/adamw";
    um_error error = {0};
    um_model_config config;
    um_checkpoint *checkpoint = NULL;
    um_parameters weights = {0};
    um_parameters gradients = {0};
    float *block = NULL;
    float *gradient_block = NULL;
    size_t count = 0;
    um_optimizer optimizer;
    assert_ok(um_model_config_read(directory, &config, &error), &error);
    assert_ok(um_checkpoint_open(directory, &checkpoint, &error), &error);
    assert_ok(um_parameters_lay_out(&weights, &config, &block, &count, &error), &error);
    assert_ok(um_parameters_lay_out(&gradients, &config, &gradient_block, &count, &error), &error);
    assert_ok(um_optimizer_create(&config, count, &optimizer, &error), &error);
    const um_compute compute = compute_make(NULL, 1);
    um_recipe recipe = make_recipe(
        "causal", ", \"beta1\": 0.8, \"beta2\": 0.95, \"epsilon\": 1e-6, \"weight_decay\": 0.3, "
                  "\"gradient_clip\": 1.0, \"warmup_steps\": 2");
    set_member(&recipe, "learning_rate", "0.05");
    set_member(&recipe, "steps", "6");
    golden_walk(checkpoint, &config, "start", false, &weights);
    for (size_t step = 0; step < GOLDEN_STEPS; step++) {
        char prefix[16];
        (void)snprintf(prefix, sizeof prefix, "step%zu.grad", step);
        golden_walk(checkpoint, &config, prefix, false, &gradients);
        const double norm = um_block_norm(gradient_block, count);
        assert_true((norm > 1.0) == (step % 2 == 1)); /* clipped every second time */
        assert_ok(um_optimizer_update(&optimizer, &compute, &recipe,
                                      um_recipe_learning_rate(&recipe, step),
                                      um_clip_factor(norm, recipe.gradient_clip), &weights, block,
                                      gradient_block, &error),
                  &error);
    }
    assert_int_equal(optimizer.step, GOLDEN_STEPS);
    golden_walk(checkpoint, &config, "end", true, &weights);
    um_optimizer_free(&optimizer);
    um_parameters_free(&weights);
    um_parameters_free(&gradients);
    um_checkpoint_close(checkpoint);
}

/* ---- Against the formula ----------------------------------------------- */

typedef struct plain_adamw {
    double value;
    double first;
    double second;
} plain_adamw;

static void plain_step(plain_adamw *at, const um_recipe *recipe, double rate, double gradient,
                       double decay, double t) {
    at->first = recipe->beta1 * at->first + (1 - recipe->beta1) * gradient;
    at->second = recipe->beta2 * at->second + (1 - recipe->beta2) * gradient * gradient;
    const double mean = at->first / (1 - pow(recipe->beta1, t));
    const double square = at->second / (1 - pow(recipe->beta2, t));
    at->value -= rate * (mean / (sqrt(square) + recipe->epsilon) + decay * at->value);
}

typedef struct decays {
    const float *block;
    double *of; /* each parameter's weight decay, -1 where the block is padding */
    double decay;
} decays;

static um_status note_decay(void *user, const char *name, um_tensor *tensor,
                            const um_tensor *expected, um_error *error) {
    (void)name;
    (void)error;
    decays *found = user;
    size_t count = 0;
    const size_t offset = (size_t)((const float *)tensor->data - found->block);
    assert_true(um_tensor_count(expected, &count));
    for (size_t i = 0; i < count; i++) {
        found->of[offset + i] = expected->rank > 1 ? found->decay : 0;
    }
    return UM_OK;
}

/* A model so large that the update of its embedding takes several tasks, with its optimizer and
 * some threads. */
typedef struct updated {
    um_model_config config;
    um_parameters weights;
    float *block;
    size_t count;
    um_optimizer optimizer;
    um_compute compute;
} updated;

static void updated_make(size_t threads, updated *made) {
    um_error error = {0};
    *made = (updated){.config = random_model_config(), .compute = compute_make(NULL, threads)};
    made->config.hidden_size = 64;
    made->config.head_dim = 34;
    assert_ok(
        um_parameters_lay_out(&made->weights, &made->config, &made->block, &made->count, &error),
        &error);
    assert_ok(um_optimizer_create(&made->config, made->count, &made->optimizer, &error), &error);
}

static void updated_free(updated *made) {
    um_optimizer_free(&made->optimizer);
    um_parameters_free(&made->weights);
    compute_free(&made->compute);
}

static float gradient_at(size_t step, size_t index) {
    const um_rng_place place = {.step = (uint32_t)step, .position = (uint32_t)index};
    return (float)um_rng_normal(2, place);
}

/* Make five steps at rate 0.03 with halved gradients; padding has no gradient. */
static void update_five_times(updated *made, const um_recipe *recipe, const double *decay_of) {
    um_error error = {0};
    float *gradients = make_floats(made->count);
    for (size_t step = 0; step < 5; step++) {
        for (size_t i = 0; i < made->count; i++) {
            gradients[i] = decay_of[i] < 0 ? 0 : gradient_at(step, i);
        }
        assert_ok(um_optimizer_update(&made->optimizer, &made->compute, recipe, 0.03, 0.5,
                                      &made->weights, made->block, gradients, &error),
                  &error);
    }
    free(gradients);
}

static void compare_with_formula(const updated *made, const um_recipe *recipe,
                                 const double *decay_of) {
    for (size_t i = 0; i < made->count; i++) {
        plain_adamw plain = {0};
        for (size_t step = 0; step < 5 && decay_of[i] >= 0; step++) {
            plain_step(&plain, recipe, 0.03, 0.5 * (double)gradient_at(step, i), decay_of[i],
                       (double)(step + 1));
        }
        if (!(fabs((double)made->block[i] - plain.value) < 1e-5)) {
            fail_msg("parameter %zu is %g, expected %g", i, (double)made->block[i], plain.value);
        }
        assert_true(decay_of[i] >= 0 || made->block[i] == 0);
    }
}

static void updates_follow_the_formula_on_any_number_of_threads(void **state) {
    (void)state;
    um_error error = {0};
    const um_recipe recipe = make_recipe("causal", ", \"weight_decay\": 0.2");
    float *first = NULL;
    for (size_t threads = 1; threads <= 3; threads++) {
        updated made;
        updated_make(threads, &made);
        decays found = {
            .block = made.block, .of = calloc(made.count, sizeof(double)), .decay = 0.2};
        assert_non_null(found.of);
        for (size_t i = 0; i < made.count; i++) {
            found.of[i] = -1;
        }
        assert_ok(um_parameters_visit(&made.weights, &made.config, note_decay, &found, &error),
                  &error);
        update_five_times(&made, &recipe, found.of);
        if (threads == 1) {
            compare_with_formula(&made, &recipe, found.of);
            first = make_floats(made.count);
            memcpy(first, made.block, made.count * sizeof *first);
        }
        assert_memory_equal(first, made.block, made.count * sizeof *first);
        free(found.of);
        updated_free(&made);
    }
    free(first);
}

/* ---- Norms ------------------------------------------------------------- */

static void the_norm_of_a_block_is_euclidean(void **state) {
    (void)state;
    enum { COUNT = 40000 };
    float *block = make_floats(COUNT);
    assert_true(um_block_norm(block, COUNT) == 0);
    block[0] = 3;
    block[COUNT - 1] = -4;
    assert_true(um_block_norm(block, COUNT) == 5);
    assert_true(um_block_norm(block, COUNT - 1) == 3);
    block[17000] = 1e30f; /* its square overflows a float */
    assert_true(fabs(um_block_norm(block, COUNT) / 1e30 - 1) < 1e-6);
    block[17001] = NAN;
    assert_true(isnan(um_block_norm(block, COUNT)));
    free(block);
}

static void gradients_are_clipped_to_the_limit(void **state) {
    (void)state;
    assert_true(um_clip_factor(4, 1) == 0.25);
    assert_true(um_clip_factor(1, 1) == 1);
    assert_true(um_clip_factor(0.5, 1) == 1);
    assert_true(um_clip_factor(0, 1) == 1);
    assert_true(um_clip_factor(1e9, 0) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_pytorch),
        cmocka_unit_test(updates_follow_the_formula_on_any_number_of_threads),
        cmocka_unit_test(the_norm_of_a_block_is_euclidean),
        cmocka_unit_test(gradients_are_clipped_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
