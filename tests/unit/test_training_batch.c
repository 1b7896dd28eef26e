/* Whole training batches, from documents to the gradient of every parameter, against PyTorch. */
#include "golden_model.h"
#include "kernels/linear.h"
#include "scratch.h"
#include "train/learner/loss.h"
#include "training_testing.h"

#define LOSS_LIMIT 1e-5
#define GRADIENT_LIMIT 1e-4

/* ---- A golden batch ---------------------------------------------------- */

typedef struct golden_case {
    const char *name; /* directory of tests/golden/training */
    const char *model;
    const char *objective;
    const char *members;  /* of the recipe */
    double unconditional; /* share of prompts that annealing still lets be masked */
    double links;         /* share of the pairs that annealed attention links; 0: full attention */
    size_t piece_length;  /* of packing in fixed lengths; 0: documents */
} golden_case;

static const golden_case cases[] = {
    {"diffusion", "dream", "diffusion", ", \"mask_prompt_probability\": 0.5, \"answer_length\": 12",
     0, 0, 0},
    {"causal", "dream", "causal", ", \"prompt_loss_weight\": 0.25", 0, 0, 0},
    {"diffusion_tied", "qwen2_tied", "diffusion",
     ", \"minimum_mask_rate\": 0.3, \"mask_prompt_probability\": 0, \"loss_weighting\": \"none\", "
     "\"loss_normalisation\": \"masked\"",
     0, 0, 0},
    {"adaptation", "dream", "diffusion",
     ", \"loss_normalisation\": \"masked\", \"random_truncation_probability\": 0.5, "
     "\"clean_prefix_probability\": 0.5",
     0, 0.4, 0},
    {"fixed_length", "dream", "diffusion", ", \"packing\": \"fixed_length\"", 0, 0, 10},
    {"tuning", "dream", "diffusion",
     ", \"mask_prompt_probability\": 0, \"answer_length\": 12, \"answer_padding\": \"fixed\", "
     "\"loss_normalisation\": \"answers\", \"clean_prefix_probability\": 0.5",
     0.4, 0, 0},
    {"flexible", "dream", "diffusion",
     ", \"mask_prompt_probability\": 0, \"answer_padding\": \"batch\", \"loss_weighting\": "
     "\"cart\", "
     "\"cart_probability\": 0.3",
     0, 0, 0},
};
#define CASES (sizeof cases / sizeof *cases)

typedef struct fixture {
    golden_model model;
    um_checkpoint *expected;
    um_recipe recipe;
    um_shard *shard;
    um_training_batch batch;
    um_parameters weights;
    um_parameters gradients;
    float *weight_block;
    float *gradient_block;
    size_t count; /* floats of each block */
} fixture;

static const float *expected_floats(const fixture *made, const char *key, size_t *count) {
    um_tensor tensor = {0};
    if (!um_checkpoint_find(made->expected, key, &tensor) || !um_tensor_count(&tensor, count)) {
        fail_msg("no tensor %s", key);
    }
    return tensor.data;
}

/* The documents of the golden file as a shard. */
static um_shard *golden_shard(const fixture *made) {
    um_error error = {0};
    size_t documents = 0;
    size_t total = 0;
    const float *lengths = expected_floats(made, "lengths", &documents);
    const float *prompts = expected_floats(made, "prompts", &documents);
    const float *suffixes = expected_floats(made, "suffixes", &documents);
    const float *tokens = expected_floats(made, "tokens", &total);
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(made->model.config.vocabulary_size, &writer, &error), &error);
    for (size_t i = 0; i < documents; i++) {
        int32_t ids[64];
        for (size_t j = 0; j < (size_t)lengths[i]; j++) {
            ids[j] = (int32_t)*tokens++;
        }
        const um_document document = {.length = (size_t)lengths[i],
                                      .prompt_length = (size_t)prompts[i],
                                      .suffix_length = (size_t)suffixes[i]};
        assert_ok(um_shard_writer_add(writer, ids, document, &error), &error);
    }
    const scratch directory = scratch_make();
    const char *path = scratch_path(&directory, "golden.shard");
    assert_ok(um_shard_writer_commit(writer, path, &error), &error);
    um_shard_writer_free(writer);
    um_shard *shard = open_shard(path);
    scratch_remove(&directory);
    return shard;
}

static void lay_out(fixture *made) {
    um_error error = {0};
    const um_model_config *config = &made->model.config;
    assert_ok(
        um_parameters_lay_out(&made->weights, config, &made->weight_block, &made->count, &error),
        &error);
    assert_ok(um_parameters_lay_out(&made->gradients, config, &made->gradient_block, &made->count,
                                    &error),
              &error);
    assert_ok(um_parameters_copy(&made->weights, &made->model.bound, config, &error), &error);
    made->model.transformer.parameters = &made->weights;
}

static void fixture_open(const golden_case *from, fixture *made) {
    um_error error = {0};
    char path[256];
    size_t first = 0;
    *made = (fixture){0};
    golden_open(from->model, &made->model);
    (void)snprintf(path, sizeof path, "%s/training/%s", UM_TEST_DATA, from->name);
    assert_ok(um_checkpoint_open(path, &made->expected, &error), &error);
    made->recipe = make_recipe(from->objective, from->members);
    made->shard = golden_shard(made);
    lay_out(made);
    if (from->piece_length > 0) {
        um_shard_cut_into_pieces(made->shard, from->piece_length);
    }
    const um_batch_noise noise = {.seed = 11, .step = 4, .unconditional = from->unconditional};
    assert_ok(um_document_batch_fill_in_order(&made->batch, &made->recipe, &made->model.config,
                                              made->shard, &first, noise, &error),
              &error);
    if (from->links > 0) {
        assert_ok(um_document_batch_anneal(&made->batch, from->links, noise, &error), &error);
    }
}

static void fixture_close(fixture *made) {
    um_checkpoint_close(made->expected);
    um_shard_close(made->shard);
    um_training_batch_free(&made->batch);
    um_parameters_free(&made->weights);
    um_parameters_free(&made->gradients);
    golden_close(&made->model);
}

/* Loss and gradients of the batch, as the trainer computes them. */
static um_loss_sums pass(fixture *made, const um_compute *compute) {
    um_error error = {0};
    um_activations *activations = NULL;
    um_loss_scratch scratch_memory;
    um_loss_sums sums;
    const um_transformer *transformer = &made->model.transformer;
    const um_training_batch *batch = &made->batch;
    float *hidden = make_floats(batch->target_count * transformer->config->hidden_size);
    float *dhidden = make_floats(batch->target_count * transformer->config->hidden_size);
    memset(made->gradient_block, 0, made->count * sizeof *made->gradient_block);
    assert_ok(um_activations_create(true, &activations, &error), &error);
    assert_ok(um_loss_scratch_create(transformer->config, &scratch_memory, &error), &error);
    assert_ok(
        um_transformer_forward(transformer, compute, &batch->rows, activations, hidden, &error),
        &error);
    const um_loss_rows rows = {.count = batch->hidden_count,
                               .hidden = hidden,
                               .target_ends = batch->target_ends,
                               .targets = batch->targets,
                               .weights = batch->weights,
                               .log_probabilities = batch->log_probabilities};
    um_loss_compute(transformer, compute, &rows, &scratch_memory, dhidden, &made->gradients.head,
                    &sums);
    assert_ok(um_transformer_backward(transformer, compute, &batch->rows, activations, dhidden,
                                      &made->gradients, &error),
              &error);
    um_loss_scratch_free(&scratch_memory);
    um_activations_free(activations);
    free(hidden);
    free(dhidden);
    return sums;
}

/* ---- Against PyTorch --------------------------------------------------- */

static void batches_are_noised_as_the_description_says(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        fixture made;
        fixture_open(&cases[i], &made);
        size_t rows = 0;
        const float *noised = expected_floats(&made, "noised", &rows);
        assert_int_equal(made.batch.row_count, rows);
        for (size_t j = 0; j < rows; j++) {
            assert_int_equal(made.batch.tokens[j], (int32_t)noised[j]);
        }
        size_t targets = 0;
        const float *weights = expected_floats(&made, "weights", &targets);
        assert_int_equal(made.batch.target_count, targets);
        assert_close(made.batch.weights, weights, targets, 1e-6, cases[i].name);
        fixture_close(&made);
    }
}

static void compare_scalar(const fixture *made, const char *key, double value, const char *name) {
    size_t count = 0;
    const double expected = (double)*expected_floats(made, key, &count);
    if (!(fabs(value - expected) < LOSS_LIMIT * fabs(expected))) {
        fail_msg("%s: %s is %.8g, expected %.8g", name, key, value, expected);
    }
}

typedef struct comparison {
    const fixture *made;
    const char *name;
    size_t compared;
} comparison;

static um_status compare_gradient(void *user, const char *name, um_tensor *tensor,
                                  const um_tensor *expected, um_error *error) {
    (void)expected;
    (void)error;
    comparison *with = user;
    size_t count = 0;
    size_t own = 0;
    char what[384];
    (void)snprintf(what, sizeof what, "%s: %s", with->name, name);
    const float *values = expected_floats(with->made, golden_key("grad", "", name), &count);
    assert_true(um_tensor_count(tensor, &own));
    assert_int_equal(own, count);
    assert_close((const float *)tensor->data, values, count, GRADIENT_LIMIT, what);
    with->compared++;
    return UM_OK;
}

static void losses_and_gradients_are_those_of_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        fixture made;
        fixture_open(&cases[i], &made);
        for (size_t set = 0; set < 2; set++) {
            um_error error = {0};
            um_compute compute = compute_make(set == 0 ? "reference" : NULL, 1);
            const um_loss_sums sums = pass(&made, &compute);
            compare_scalar(&made, "loss", sums.weighted, cases[i].name);
            compare_scalar(&made, "token_loss", sums.plain / (double)made.batch.target_count,
                           cases[i].name);
            comparison with = {.made = &made, .name = cases[i].name};
            assert_ok(um_parameters_visit(&made.gradients, &made.model.config, compare_gradient,
                                          &with, &error),
                      &error);
            assert_int_equal(with.compared, made.model.config.tied_head ? 26 : 27);
            compute_free(&compute);
        }
        fixture_close(&made);
    }
}

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        fixture made;
        fixture_open(&cases[i], &made);
        float *one = make_floats(made.count);
        double loss = 0;
        for (size_t threads = 1; threads <= 3; threads++) {
            um_compute compute = compute_make(NULL, threads);
            const um_loss_sums sums = pass(&made, &compute);
            if (threads == 1) {
                loss = sums.weighted;
                memcpy(one, made.gradient_block, made.count * sizeof *one);
            }
            assert_true(sums.weighted == loss);
            assert_memory_equal(one, made.gradient_block, made.count * sizeof *one);
            compute_free(&compute);
        }
        free(one);
        fixture_close(&made);
    }
}

/* ---- Many rows --------------------------------------------------------- */

#define ROWS 1100 /* more than a chunk of logits holds */
#define PART 100

/* Rows with random states; every third target is the most probable token. */
typedef struct row_set {
    float *hidden;
    float *dhidden;
    size_t ends[ROWS];
    int32_t targets[ROWS];
    float weights[ROWS];
    float logarithms[ROWS];
} row_set;

static size_t best_token(const float *logits, size_t count) {
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

static void rows_make(const um_transformer *transformer, const um_compute *compute, row_set *made) {
    const size_t width = transformer->config->hidden_size;
    const size_t vocabulary = transformer->config->vocabulary_size;
    float *logits = make_floats(ROWS * vocabulary);
    made->hidden = make_floats(ROWS * width);
    made->dhidden = make_floats(ROWS * width);
    for (size_t i = 0; i < ROWS * width; i++) {
        made->hidden[i] = (float)um_rng_normal(1, (um_rng_place){.position = (uint32_t)i});
    }
    um_linear(compute, ROWS, made->hidden, NULL, &transformer->parameters->head, NULL, logits);
    for (size_t i = 0; i < ROWS; i++) {
        const size_t best = best_token(logits + i * vocabulary, vocabulary);
        made->targets[i] = (int32_t)(i % 3 == 0 ? best : (best + 1) % vocabulary);
        made->weights[i] = (float)(1 + i % 5);
        made->ends[i] = i + 1;
    }
    free(logits);
}

/* What a loss over these rows needs. */
typedef struct loss_trial {
    fixture made;
    const um_transformer *transformer;
    size_t width;
    um_compute compute;
    um_loss_scratch memory;
    row_set set;
} loss_trial;

static void loss_trial_open(loss_trial *trial) {
    um_error error = {0};
    fixture_open(&cases[0], &trial->made);
    trial->transformer = &trial->made.model.transformer;
    trial->width = trial->transformer->config->hidden_size;
    trial->compute = compute_make(NULL, 1);
    rows_make(trial->transformer, &trial->compute, &trial->set);
    assert_ok(um_loss_scratch_create(trial->transformer->config, &trial->memory, &error), &error);
}

static void loss_trial_close(loss_trial *trial) {
    um_loss_scratch_free(&trial->memory);
    free(trial->set.hidden);
    free(trial->set.dhidden);
    fixture_close(&trial->made);
}

/* With dhidden, add the gradients. */
static um_loss_sums loss_of(loss_trial *trial, const um_loss_rows *rows, float *dhidden) {
    um_loss_sums sums;
    um_loss_compute(trial->transformer, &trial->compute, rows, &trial->memory, dhidden,
                    dhidden ? &trial->made.gradients.head : NULL, &sums);
    return sums;
}

/* One target for each row. */
static um_loss_rows rows_from(loss_trial *trial, size_t first, size_t count) {
    row_set *set = &trial->set;
    return (um_loss_rows){.count = count,
                          .hidden = set->hidden + first * trial->width,
                          .target_ends = set->ends,
                          .targets = set->targets + first,
                          .weights = set->weights + first,
                          .log_probabilities = set->logarithms + first};
}

static void a_loss_in_chunks_is_that_of_its_parts(void **state) {
    (void)state;
    loss_trial trial;
    loss_trial_open(&trial);
    const size_t width = trial.width;
    um_loss_sums parts = {0};
    const um_loss_rows rows = rows_from(&trial, 0, ROWS);
    const um_loss_sums whole = loss_of(&trial, &rows, trial.set.dhidden);
    float *dhidden = make_floats(ROWS * width);
    for (size_t i = 0; i < ROWS; i += PART) {
        const um_loss_rows some = rows_from(&trial, i, PART);
        const um_loss_sums sums = loss_of(&trial, &some, dhidden + i * width);
        parts.weighted += sums.weighted;
        parts.plain += sums.plain;
        parts.correct += sums.correct;
    }
    assert_int_equal(whole.correct, (ROWS + 2) / 3);
    assert_int_equal(parts.correct, whole.correct);
    assert_true(fabs(parts.weighted - whole.weighted) < 1e-9 * whole.weighted);
    assert_true(fabs(parts.plain - whole.plain) < 1e-9 * whole.plain);
    assert_close(dhidden, trial.set.dhidden, ROWS * width, 1e-6, "rows");
    free(dhidden);
    loss_trial_close(&trial);
}

static void a_loss_is_the_same_without_gradients(void **state) {
    (void)state;
    loss_trial trial;
    loss_trial_open(&trial);
    const um_loss_rows rows = rows_from(&trial, 0, ROWS);
    const um_loss_sums without = loss_of(&trial, &rows, NULL);
    const um_loss_sums with = loss_of(&trial, &rows, trial.set.dhidden);
    assert_true(with.weighted == without.weighted && with.correct == without.correct);
    loss_trial_close(&trial);
}

/* A row with several targets is like a row for each of them. */
static void targets_share_a_row(void **state) {
    (void)state;
    static const size_t ends[] = {1, 5, 6};
    loss_trial trial;
    loss_trial_open(&trial);
    row_set *set = &trial.set;
    const size_t width = trial.width;
    const size_t weights = trial.transformer->config->vocabulary_size * width;
    float *head = um_tensor_f32(&trial.made.gradients.head);
    float *head_alone = make_floats(weights);
    float logarithms[6];
    for (size_t i = 2; i < 5; i++) { /* row 1 four times, once with the same target */
        memcpy(set->hidden + i * width, set->hidden + width, width * sizeof *set->hidden);
    }
    set->targets[4] = set->targets[1];
    set->weights[3] = -set->weights[2]; /* advantages have both signs */
    um_loss_rows rows = rows_from(&trial, 0, 6);
    memset(head, 0, weights * sizeof *head);
    const um_loss_sums alone = loss_of(&trial, &rows, set->dhidden);
    memcpy(head_alone, head, weights * sizeof *head);
    memcpy(logarithms, set->logarithms, sizeof logarithms);
    float *dhidden = make_floats(3 * width);
    for (size_t i = 0; i < width; i++) {
        for (size_t j = 2; j < 5; j++) {
            set->dhidden[width + i] += set->dhidden[j * width + i];
        }
        set->dhidden[2 * width + i] = set->dhidden[5 * width + i];
        set->hidden[2 * width + i] = set->hidden[5 * width + i];
    }
    rows.count = 3;
    rows.target_ends = ends;
    memset(head, 0, weights * sizeof *head);
    const um_loss_sums shared = loss_of(&trial, &rows, dhidden);
    assert_int_equal(shared.correct, alone.correct);
    assert_true(fabs(shared.weighted - alone.weighted) < 1e-6 * fabs(alone.weighted));
    assert_true(fabs(shared.plain - alone.plain) < 1e-6 * alone.plain);
    assert_close(set->logarithms, logarithms, 6, 1e-6, "log-probabilities");
    assert_close(dhidden, set->dhidden, 3 * width, 1e-5, "states");
    assert_close(head, head_alone, weights, 1e-5, "head");
    free(dhidden);
    free(head_alone);
    loss_trial_close(&trial);
}

/* Targets that are certain have no gradient, however many share the row. */
static void certain_targets_have_no_gradient(void **state) {
    (void)state;
    loss_trial trial;
    loss_trial_open(&trial);
    row_set *set = &trial.set;
    const size_t count = trial.transformer->config->vocabulary_size * trial.width;
    const float *head = um_tensor_f32(&trial.made.gradients.head);
    static const float weights[] = {0.1f, -0.7f, 1.3f, 0.01f, -0.3f, 0.2f, -0.61f};
    for (size_t i = 0; i < trial.width; i++) { /* logits far apart: target 0 is the most probable */
        set->hidden[i] *= 1e4f;
    }
    for (size_t i = 1; i < 7; i++) {
        set->targets[i] = set->targets[0];
    }
    um_loss_rows rows = rows_from(&trial, 0, 1);
    rows.target_ends = (const size_t[]){7};
    rows.weights = weights;
    const um_loss_sums sums = loss_of(&trial, &rows, set->dhidden);
    assert_int_equal(sums.correct, 7);
    assert_true(sums.plain == 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(head[i] == 0);
    }
    loss_trial_close(&trial);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_noised_as_the_description_says),
        cmocka_unit_test(losses_and_gradients_are_those_of_pytorch),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(a_loss_in_chunks_is_that_of_its_parts),
        cmocka_unit_test(a_loss_is_the_same_without_gradients),
        cmocka_unit_test(targets_share_a_row),
        cmocka_unit_test(certain_targets_have_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
