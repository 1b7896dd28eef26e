/* Gradients of every parameter: against PyTorch, finite differences, and themselves. */
#include "base/rng.h"
#include "golden_model.h"
#include "kernels/linear.h"

/* A key bias hardly changes the result of softmax, so its gradient is a small difference of large
 * terms and has fewer correct digits than the others. */
#define GRADIENT_LIMIT 1e-4

/* A golden model with f32 weights that may be changed, and gradients of the same layout. */
typedef struct trainee {
    golden_model model;
    um_parameters weights;
    um_parameters gradients;
    float *weight_block;
    float *gradient_block;
    size_t count; /* floats of each block */
    um_activations *activations;
} trainee;

static void trainee_open(const char *name, trainee *made) {
    um_error error = {0};
    size_t count = 0;
    golden_open(name, &made->model);
    const um_model_config *config = &made->model.config;
    assert_ok(
        um_parameters_lay_out(&made->weights, config, &made->weight_block, &made->count, &error),
        &error);
    assert_ok(
        um_parameters_lay_out(&made->gradients, config, &made->gradient_block, &count, &error),
        &error);
    assert_int_equal(count, made->count);
    assert_ok(um_parameters_copy(&made->weights, &made->model.bound, config, &error), &error);
    made->model.transformer.parameters = &made->weights;
    assert_ok(um_activations_create(true, &made->activations, &error), &error);
}

static void trainee_close(trainee *made) {
    um_activations_free(made->activations);
    um_parameters_free(&made->weights);
    um_parameters_free(&made->gradients);
    golden_close(&made->model);
}

static void clear_gradients(trainee *made) {
    memset(made->gradient_block, 0, made->count * sizeof *made->gradient_block);
}

/* Add the gradients of sum(logits * dlogits) over the wanted rows. */
static void add_gradients(trainee *made, const um_compute *compute, const um_row_batch *batch,
                          const float *dlogits) {
    um_error error = {0};
    const size_t rows = wanted_rows(batch);
    const size_t width = made->model.config.hidden_size;
    float *hidden = make_floats(rows * width);
    float *dhidden = make_floats(rows * width);
    assert_ok(um_transformer_forward(&made->model.transformer, compute, batch, made->activations,
                                     hidden, &error),
              &error);
    um_linear_backward(compute, rows, hidden, &made->weights.head, dlogits, dhidden, false,
                       &made->gradients.head, NULL);
    assert_ok(um_transformer_backward(&made->model.transformer, compute, batch, made->activations,
                                      dhidden, &made->gradients, &error),
              &error);
    free(hidden);
    free(dhidden);
}

static const float *golden_dlogits(const golden_model *model) {
    return golden_floats(model, "dlogits", model->rows * model->config.vocabulary_size);
}

/* ---- Against PyTorch --------------------------------------------------- */

typedef struct comparison {
    const golden_model *model;
    const char *kind;
    const char *place;
    size_t compared;
} comparison;

static um_status compare_tensor(void *user, const char *name, um_tensor *tensor,
                                const um_tensor *expected, um_error *error) {
    (void)error;
    comparison *with = user;
    size_t count = 0;
    char what[384];
    assert_true(um_tensor_count(expected, &count));
    (void)snprintf(what, sizeof what, "%s: %s", with->place, name);
    const char *key = golden_key(with->kind, "grad.", name);
    assert_close((const float *)tensor->data, golden_floats(with->model, key, count), count,
                 GRADIENT_LIMIT, what);
    with->compared++;
    return UM_OK;
}

static size_t compare_gradients(trainee *made, const golden_kind *kind, const char *name,
                                const char *kernels) {
    um_error error = {0};
    um_compute compute = compute_make(kernels, 1);
    golden_batch batch;
    batch_make(&made->model, kind, &batch);
    clear_gradients(made);
    add_gradients(made, &compute, &batch.rows, golden_dlogits(&made->model));
    char place[128];
    (void)snprintf(place, sizeof place, "%s, %s attention, %s kernels", name, kind->name,
                   compute.kernels.name);
    comparison with = {.model = &made->model, .kind = kind->name, .place = place};
    assert_ok(
        um_parameters_visit(&made->gradients, &made->model.config, compare_tensor, &with, &error),
        &error);
    batch_free(&batch);
    compute_free(&compute);
    return with.compared;
}

static void gradients_are_those_of_pytorch(void **state) {
    (void)state;
    static const struct {
        const char *model;
        const char *kinds[3];
        size_t tensors; /* of the model */
    } cases[] = {
        {"dream", {"full", "causal", "links"}, 27},
        {"qwen2_tied", {"full"}, 26},
        {"qwen3", {"full", "links"}, 25},
        {"llama", {"block"}, 21},
        {"llada", {"full"}, 21},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trainee made = {0};
        trainee_open(cases[i].model, &made);
        for (size_t j = 0; j < 3 && cases[i].kinds[j]; j++) {
            size_t kind = 0;
            while (strcmp(golden_kinds[kind].name, cases[i].kinds[j]) != 0) {
                kind++;
            }
            for (size_t set = 0; set < 2; set++) {
                const size_t compared = compare_gradients(
                    &made, &golden_kinds[kind], cases[i].model, set == 0 ? "reference" : NULL);
                assert_int_equal(compared, cases[i].tensors);
            }
        }
        trainee_close(&made);
    }
}

/* ---- Finite differences ------------------------------------------------ */

/* sum(logits * dlogits) with the weights moved by `step` along `direction`. */
static double loss_along(trainee *made, const um_compute *compute, const um_row_batch *batch,
                         const float *direction, double step) {
    const size_t count = made->model.rows * made->model.config.vocabulary_size;
    const float *dlogits = golden_dlogits(&made->model);
    for (size_t i = 0; i < made->count; i++) {
        made->weight_block[i] += (float)step * direction[i];
    }
    float *logits = run_logits(&made->model, compute, batch);
    double loss = 0;
    for (size_t i = 0; i < count; i++) {
        loss += (double)logits[i] * (double)dlogits[i];
    }
    for (size_t i = 0; i < made->count; i++) {
        made->weight_block[i] -= (float)step * direction[i];
    }
    free(logits);
    return loss;
}

static void check_slope(trainee *made, const golden_kind *kind, uint64_t seed) {
    um_compute compute = compute_make(NULL, 1);
    golden_batch batch;
    batch_make(&made->model, kind, &batch);
    clear_gradients(made);
    add_gradients(made, &compute, &batch.rows, golden_dlogits(&made->model));
    float *direction = make_floats(made->count);
    double slope = 0;
    double norm = 0;
    for (size_t i = 0; i < made->count; i++) {
        direction[i] = (float)um_rng_normal(seed, (um_rng_place){.position = (uint32_t)i});
        slope += (double)direction[i] * (double)made->gradient_block[i];
        norm += (double)made->gradient_block[i] * (double)made->gradient_block[i];
    }
    const double step = 1e-4;
    const double measured = (loss_along(made, &compute, &batch.rows, direction, step) -
                             loss_along(made, &compute, &batch.rows, direction, -step)) /
                            (2 * step);
    /* The slope along a random direction has a random size; the gradient's norm is its scale. */
    if (!(fabs(measured - slope) < 5e-3 * sqrt(norm))) {
        fail_msg("slope %g, measured %g, gradient norm %g", slope, measured, sqrt(norm));
    }
    free(direction);
    batch_free(&batch);
    compute_free(&compute);
}

static void gradients_agree_with_finite_differences(void **state) {
    (void)state;
    static const char *const names[] = {"dream", "qwen2_tied", "qwen3", "llama", "llada"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        trainee made = {0};
        trainee_open(names[i], &made);
        for (size_t j = 0; j < 3; j++) { /* every kind without links */
            check_slope(&made, &golden_kinds[j], 1 + j);
        }
        trainee_close(&made);
    }
}

/* ---- Against themselves ------------------------------------------------ */

static void the_number_of_threads_changes_no_gradient_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        trainee made = {0};
        trainee_open(golden_names[i], &made);
        float *one = make_floats(made.count);
        golden_batch batch;
        batch_make(&made.model, &golden_kinds[0], &batch);
        for (size_t threads = 1; threads <= 3; threads++) {
            um_compute compute = compute_make(NULL, threads);
            clear_gradients(&made);
            add_gradients(&made, &compute, &batch.rows, golden_dlogits(&made.model));
            if (threads == 1) {
                memcpy(one, made.gradient_block, made.count * sizeof *one);
            }
            assert_memory_equal(one, made.gradient_block, made.count * sizeof *one);
            compute_free(&compute);
        }
        free(one);
        batch_free(&batch);
        trainee_close(&made);
    }
}

static void gradients_of_two_batches_add_up(void **state) {
    (void)state;
    trainee made = {0};
    trainee_open("qwen3", &made);
    um_compute compute = compute_make(NULL, 1);
    golden_batch batch;
    batch_make(&made.model, &golden_kinds[0], &batch);
    const float *dlogits = golden_dlogits(&made.model);
    add_gradients(&made, &compute, &batch.rows, dlogits);
    float *whole = make_floats(made.count);
    memcpy(whole, made.gradient_block, made.count * sizeof *whole);
    clear_gradients(&made);
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        um_row_batch alone = batch.rows;
        alone.sequences = &batch.sequences[i];
        alone.count = 1;
        add_gradients(&made, &compute, &alone, dlogits);
        dlogits += made.model.lengths[i] * made.model.config.vocabulary_size;
    }
    assert_close(made.gradient_block, whole, made.count, GRADIENT_LIMIT, "sequence by sequence");
    free(whole);
    batch_free(&batch);
    trainee_close(&made);
}

/* Rows that are not wanted are like rows whose logits have no gradient. */
static void only_the_wanted_rows_send_gradients_back(void **state) {
    (void)state;
    trainee made = {0};
    trainee_open("dream", &made);
    const size_t vocabulary = made.model.config.vocabulary_size;
    um_compute compute = compute_make(NULL, 1);
    golden_batch batch;
    batch_make(&made.model, &golden_kinds[1], &batch);
    float *dlogits = make_floats(made.model.rows * vocabulary);
    const size_t wanted[] = {2, 9};
    for (size_t i = 0; i < 2; i++) {
        memcpy(dlogits + (made.model.lengths[0] + wanted[i]) * vocabulary,
               golden_dlogits(&made.model) + i * vocabulary, vocabulary * sizeof *dlogits);
    }
    add_gradients(&made, &compute, &batch.rows, dlogits);
    float *whole = make_floats(made.count);
    memcpy(whole, made.gradient_block, made.count * sizeof *whole);
    clear_gradients(&made);
    batch.sequences[0].hidden_count = batch.sequences[2].hidden_count = 0;
    batch.sequences[1].hidden_rows = wanted;
    batch.sequences[1].hidden_count = 2;
    add_gradients(&made, &compute, &batch.rows, golden_dlogits(&made.model));
    assert_close(made.gradient_block, whole, made.count, GRADIENT_LIMIT, "two rows");
    free(whole);
    free(dlogits);
    batch_free(&batch);
    trainee_close(&made);
}

/* ---- Recomputed activations --------------------------------------------- */

static void recomputed_activations_change_no_gradient_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        trainee made = {0};
        trainee_open(golden_names[i], &made);
        um_compute compute = compute_make(NULL, 2);
        for (size_t kind = 0; kind < 3; kind++) {
            golden_batch batch;
            batch_make(&made.model, &golden_kinds[kind], &batch);
            um_activations_recompute(made.activations, false);
            clear_gradients(&made);
            add_gradients(&made, &compute, &batch.rows, golden_dlogits(&made.model));
            float *stored = make_floats(made.count);
            memcpy(stored, made.gradient_block, made.count * sizeof *stored);
            um_activations_recompute(made.activations, true);
            clear_gradients(&made);
            add_gradients(&made, &compute, &batch.rows, golden_dlogits(&made.model));
            assert_memory_equal(stored, made.gradient_block, made.count * sizeof *stored);
            free(stored);
            batch_free(&batch);
        }
        compute_free(&compute);
        trainee_close(&made);
    }
}

/* Bytes that a forward and a backward pass allocate. */
static size_t bytes_after(trainee *made, bool recompute) {
    um_error error = {0};
    um_compute compute = compute_make(NULL, 1);
    golden_batch batch;
    batch_make(&made->model, &golden_kinds[0], &batch);
    um_activations *const usual = made->activations;
    assert_ok(um_activations_create(true, &made->activations, &error), &error);
    um_activations_recompute(made->activations, recompute);
    add_gradients(made, &compute, &batch.rows, golden_dlogits(&made->model));
    const size_t bytes = um_activations_bytes(made->activations);
    um_activations_free(made->activations);
    made->activations = usual;
    batch_free(&batch);
    compute_free(&compute);
    return bytes;
}

/* Floats of a row, by the formula of docs/TRAINING.md. */
static size_t floats_of_a_row(const um_model_config *config, bool recompute) {
    const size_t hidden = config->hidden_size;
    const size_t query = config->head_count * config->head_dim;
    const size_t key = config->kv_head_count * config->head_dim;
    const size_t gate = config->intermediate_size;
    const size_t layers = config->layer_count;
    const size_t wide = gate > query ? gate : query;
    const size_t widest = wide > hidden ? wide : hidden;
    const size_t inner = hidden + 2 * query + 2 * gate + 2 + (config->qk_norm ? query + key : 0);
    return layers * hidden + (recompute ? 1 : layers) * inner           /* of the layers */
           + 2 * hidden + widest + 2 * key + config->head_dim           /* forward */
           + 2 * hidden + wide + query + 2 * key + config->head_count + /* backward */
           config->head_dim / 2;
}

/* What the tiny batches of these tests need besides: the padding of arrays to cache lines,
 * attention scores, parts of the norms' gradients, lists. */
#define OTHER_BYTES 65536

static void activations_take_the_bytes_that_the_documentation_says(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        trainee made = {0};
        trainee_open(golden_names[i], &made);
        const um_model_config *config = &made.model.config;
        size_t bytes[2];
        for (size_t recompute = 0; recompute < 2; recompute++) {
            bytes[recompute] = bytes_after(&made, recompute == 1);
            /* Every row is wanted in these tests: hidden + 1 floats more. */
            const size_t floats = floats_of_a_row(config, recompute == 1) + config->hidden_size + 1;
            const size_t expected = made.model.rows * floats * sizeof(float);
            assert_in_range(bytes[recompute], expected, expected + OTHER_BYTES);
        }
        /* The saving is exact but for the padding of at most 9 arrays in each layer. */
        const size_t saved = made.model.rows * sizeof(float) *
                             (floats_of_a_row(config, false) - floats_of_a_row(config, true));
        assert_true(saved > 0);
        assert_in_range(bytes[0] - bytes[1], saved, saved + config->layer_count * 9 * 64);
        trainee_close(&made);
    }
}

/* ---- Errors ------------------------------------------------------------ */

static void expect_backward_failure(trainee *made, const um_row_batch *batch, bool record,
                                    const char *text) {
    um_error error = {0};
    um_compute compute = compute_make(NULL, 1);
    um_activations *activations = NULL;
    assert_ok(um_activations_create(record, &activations, &error), &error);
    float *hidden = make_floats(made->model.rows * made->model.config.hidden_size);
    assert_ok(um_transformer_forward(&made->model.transformer, &compute, batch, activations, hidden,
                                     &error),
              &error);
    assert_int_equal(um_transformer_backward(&made->model.transformer, &compute, batch, activations,
                                             hidden, &made->gradients, &error),
                     UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, text));
    free(hidden);
    um_activations_free(activations);
}

static void a_backward_pass_without_its_forward_pass_is_an_error(void **state) {
    (void)state;
    trainee made = {0};
    trainee_open("llama", &made);
    golden_batch batch;
    batch_make(&made.model, &golden_kinds[0], &batch);
    expect_backward_failure(&made, &batch.rows, false, "without a recorded forward");
    batch.sequences[1].row_count -= 1;
    batch.sequences[1].hidden_count -= 1;
    expect_backward_failure(&made, &batch.rows, true, "sequence 1: 18 of 19 rows");
    batch_free(&batch);
    trainee_close(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_pytorch),
        cmocka_unit_test(gradients_agree_with_finite_differences),
        cmocka_unit_test(the_number_of_threads_changes_no_gradient_bit),
        cmocka_unit_test(recomputed_activations_change_no_gradient_bit),
        cmocka_unit_test(activations_take_the_bytes_that_the_documentation_says),
        cmocka_unit_test(gradients_of_two_batches_add_up),
        cmocka_unit_test(only_the_wanted_rows_send_gradients_back),
        cmocka_unit_test(a_backward_pass_without_its_forward_pass_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
