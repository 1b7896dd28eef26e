/* Muon against the same formulas in double precision, and which parameters it updates. */
#include <string.h>

#include "golden_model.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/optimizer.h"
#include "training_testing.h"

static float normal_at(uint32_t stream, size_t index) {
    const um_rng_place place = {.sequence = stream, .position = (uint32_t)index};
    return (float)um_rng_normal(11, place);
}

static void fill_normal(uint32_t stream, size_t count, float *x) {
    for (size_t i = 0; i < count; i++) {
        x[i] = normal_at(stream, i);
    }
}

/* ---- The formulas, plainly --------------------------------------------- */

#define LARGEST 40

typedef double plain_matrix[LARGEST][LARGEST];

/* c [m, n] = a [m, k] b [k, n], or a b^T with b [n, k]. */
static void plain_product(size_t m, size_t n, size_t k, plain_matrix a, plain_matrix b,
                          bool transposed, plain_matrix c) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++) {
                sum += a[i][l] * (transposed ? b[j][l] : b[l][j]);
            }
            c[i][j] = sum;
        }
    }
}

/* X <- a X + (b A + c A^2) X with A = X X^T, as the publication writes it, whatever the shape. */
static void plain_orthogonalise(size_t rows, size_t columns, plain_matrix x) {
    static plain_matrix gram;
    static plain_matrix square;
    static plain_matrix product;
    double norm = 0;
    for (size_t i = 0; i < rows * columns; i++) {
        norm += x[i / columns][i % columns] * x[i / columns][i % columns];
    }
    for (size_t i = 0; i < rows * columns; i++) {
        x[i / columns][i % columns] /= sqrt(norm);
    }
    for (size_t iteration = 0; iteration < 5; iteration++) {
        plain_product(rows, rows, columns, x, x, true, gram);
        plain_product(rows, rows, rows, gram, gram, false, square);
        for (size_t i = 0; i < rows * rows; i++) {
            const size_t row = i / rows;
            const size_t column = i % rows;
            square[row][column] = -4.7750 * gram[row][column] + 2.0315 * square[row][column] +
                                  (row == column ? 3.4445 : 0);
        }
        plain_product(rows, columns, rows, square, x, false, product);
        memcpy(x, product, sizeof product);
    }
}

static void load(size_t rows, size_t columns, const float *from, plain_matrix to) {
    for (size_t i = 0; i < rows * columns; i++) {
        to[i / columns][i % columns] = (double)from[i];
    }
}

static const size_t shapes[][2] = {{1, 1}, {1, 7}, {9, 1}, {8, 8}, {24, 10}, {10, 33}, {40, 40}};
#define SHAPE_COUNT (sizeof shapes / sizeof *shapes)

static void iterations_follow_the_publication(void **state) {
    (void)state;
    static plain_matrix plain;
    for (size_t s = 0; s < SHAPE_COUNT; s++) {
        const size_t rows = shapes[s][0];
        const size_t columns = shapes[s][1];
        float *x = make_floats(rows * columns);
        float *work = make_floats(um_muon_scratch(rows, columns));
        fill_normal((uint32_t)s, rows * columns, x);
        load(rows, columns, x, plain);
        plain_orthogonalise(rows, columns, plain);
        um_muon_orthogonalise(rows, columns, x, work);
        for (size_t i = 0; i < rows * columns; i++) {
            assert_true(fabs((double)x[i] - plain[i / columns][i % columns]) < 1e-4);
        }
        free(x);
        free(work);
    }
}

/* A diagonal matrix stays diagonal, and the magnitudes of its entries are its singular values. */
static void singular_values_come_near_one(void **state) {
    (void)state;
    enum { ROWS = 12, COLUMNS = 20 };
    float x[ROWS * COLUMNS] = {0};
    float *work = make_floats(um_muon_scratch(ROWS, COLUMNS));
    for (size_t i = 0; i < ROWS; i++) {
        x[i * COLUMNS + i] = (i % 2 == 0 ? 1e3f : -1e3f) / (float)(i + 1);
    }
    um_muon_orthogonalise(ROWS, COLUMNS, x, work);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        const bool diagonal = i / COLUMNS == i % COLUMNS;
        const float expected_sign = (i / COLUMNS) % 2 == 0 ? 1 : -1;
        assert_true(diagonal ? x[i] * expected_sign > 0.65f && x[i] * expected_sign < 1.25f
                             : fabsf(x[i]) < 1e-6f);
    }
    free(work);
}

static void a_zero_gradient_moves_nothing(void **state) {
    (void)state;
    float parameter[6] = {1, 2, 3, 4, 5, 6};
    float momentum[6] = {0};
    const float gradient[6] = {0};
    float *work = make_floats(6 + um_muon_scratch(2, 3));
    const um_muon_matrix matrix = {2, 3, parameter, momentum, gradient};
    const um_muon_step step = {.learning_rate = 0.1, .momentum = 0.9, .gradient_scale = 1};
    um_muon_update(&matrix, &step, work);
    for (size_t i = 0; i < 6; i++) {
        assert_true(parameter[i] == (float)(i + 1));
    }
    free(work);
}

static void updates_follow_the_formula(void **state) {
    (void)state;
    enum { ROWS = 6, COLUMNS = 10, COUNT = ROWS * COLUMNS };
    static plain_matrix direction;
    float parameter[COUNT];
    float momentum[COUNT] = {0};
    float gradient[COUNT];
    double value[COUNT];
    double running[COUNT] = {0};
    float *work = make_floats(COUNT + um_muon_scratch(ROWS, COLUMNS));
    const um_muon_matrix matrix = {ROWS, COLUMNS, parameter, momentum, gradient};
    const um_muon_step step = {
        .learning_rate = 0.02, .momentum = 0.9, .weight_decay = 0.5, .gradient_scale = 0.25};
    fill_normal(50, COUNT, parameter);
    for (size_t i = 0; i < COUNT; i++) {
        value[i] = (double)parameter[i];
    }
    for (uint32_t t = 0; t < 3; t++) {
        fill_normal(60 + t, COUNT, gradient);
        for (size_t i = 0; i < COUNT; i++) {
            const double part = 0.1 * 0.25 * (double)gradient[i];
            running[i] = 0.9 * running[i] + part;
            direction[i / COLUMNS][i % COLUMNS] = 0.9 * running[i] + part;
        }
        plain_orthogonalise(ROWS, COLUMNS, direction);
        um_muon_update(&matrix, &step, work);
        for (size_t i = 0; i < COUNT; i++) {
            value[i] -=
                0.02 * (0.2 * sqrt(10.0) * direction[i / COLUMNS][i % COLUMNS] + 0.5 * value[i]);
            assert_true(fabs((double)parameter[i] - value[i]) < 1e-5);
        }
    }
    free(work);
}

/* ---- In a model -------------------------------------------------------- */

/* Marks the floats of the block that belong to a matrix of a layer. */
typedef struct ownership {
    const float *block;
    bool *muon;
} ownership;

static um_status note_owner(void *user, const char *name, um_tensor *tensor,
                            const um_tensor *expected, um_error *error) {
    (void)error;
    ownership *found = user;
    size_t count = 0;
    const size_t offset = (size_t)((const float *)tensor->data - found->block);
    assert_true(um_tensor_count(expected, &count));
    for (size_t i = 0; i < count; i++) {
        found->muon[offset + i] = expected->rank == 2 && strstr(name, ".layers.") != NULL;
    }
    return UM_OK;
}

/* Parameters after three updates of a random model by `optimizer`. */
static float *train_block(const char *optimizer, size_t threads, bool *muon, size_t *count) {
    um_error error = {0};
    um_model_config config = random_model_config();
    um_parameters weights = {0};
    um_optimizer state;
    float *block = NULL;
    um_recipe recipe = make_recipe("causal", ", \"weight_decay\": 0.2");
    um_compute compute = compute_make(NULL, threads);
    set_member(&recipe, "optimizer", optimizer);
    assert_ok(um_parameters_lay_out(&weights, &config, &block, count, &error), &error);
    assert_ok(um_optimizer_create(&config, *count, &state, &error), &error);
    if (muon) {
        ownership found = {.block = block, .muon = muon};
        assert_ok(um_parameters_visit(&weights, &config, note_owner, &found, &error), &error);
    }
    float *gradients = make_floats(*count);
    fill_normal(70, *count, block);
    for (uint32_t t = 0; t < 3; t++) {
        fill_normal(80 + t, *count, gradients);
        assert_ok(um_optimizer_update(&state, &compute, &recipe, 0.01, 1.0, &weights, block,
                                      gradients, &error),
                  &error);
    }
    float *result = make_floats(*count);
    memcpy(result, block, *count * sizeof *result);
    free(gradients);
    um_optimizer_free(&state);
    um_parameters_free(&weights);
    compute_free(&compute);
    return result;
}

static void only_matrices_of_layers_differ_from_adamw(void **state) {
    (void)state;
    static bool muon[1 << 20];
    size_t count = 0;
    size_t owned = 0;
    size_t different = 0;
    float *plain = train_block("adamw", 1, NULL, &count);
    assert_true(count < sizeof muon);
    float *orthogonal = train_block("muon", 1, muon, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(muon[i] || plain[i] == orthogonal[i]);
        owned += muon[i];
        different += plain[i] != orthogonal[i];
    }
    assert_true(owned > 1000 && different > owned * 99 / 100);
    free(plain);
    free(orthogonal);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    size_t count = 0;
    float *one = train_block("muon", 1, NULL, &count);
    for (size_t threads = 2; threads <= 3; threads++) {
        float *more = train_block("muon", threads, NULL, &count);
        assert_memory_equal(one, more, count * sizeof *one);
        free(more);
    }
    free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterations_follow_the_publication),
        cmocka_unit_test(singular_values_come_near_one),
        cmocka_unit_test(a_zero_gradient_moves_nothing),
        cmocka_unit_test(updates_follow_the_formula),
        cmocka_unit_test(only_matrices_of_layers_differ_from_adamw),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
