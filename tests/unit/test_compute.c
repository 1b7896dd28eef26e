/* Kernels spread over tiles and threads, against sums in double precision: shapes of several tiles
 * with remainders, which the tiny models of the other tests do not reach. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "base/rng.h"
#include "kernels/attention.h"
#include "kernels/linear.h"

#define LIMIT 2e-6 /* relative, norm-wise */

static float *make_zeros(size_t count) {
    float *values = calloc(count + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

static float *make_floats(uint32_t stream, size_t count) {
    float *values = make_zeros(count);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)um_rng_normal(stream, (um_rng_place){.position = (uint32_t)i});
    }
    return values;
}

static float *copy_of(const float *source, size_t count) {
    float *copy = make_zeros(count);
    memcpy(copy, source, count * sizeof *copy);
    return copy;
}

static double *make_doubles(size_t count) {
    double *values = calloc(count + 1, sizeof *values);
    assert_non_null(values);
    return values;
}

static um_compute compute_make(const char *kernels, size_t threads) {
    um_error error = {0};
    um_compute compute = {0};
    assert_ok(um_kernels_select(kernels, &compute.kernels, &error), &error);
    assert_ok(um_thread_pool_create(threads, &compute.pool, &error), &error);
    return compute;
}

static void assert_close(const float *a, const double *b, size_t count, double limit) {
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += b[i] * b[i];
    }
    if (!(sqrt(difference) <= limit * sqrt(norm))) {
        fail_msg("relative error %.3g of %zu values", sqrt(difference / norm), count);
    }
}

static um_tensor matrix_of(const float *data, size_t rows, size_t columns) {
    return (um_tensor){.data = data, .rank = 2, .shape = {rows, columns}};
}

static um_tensor vector_of(const float *data, size_t count) {
    return (um_tensor){.data = data, .rank = 1, .shape = {count}};
}

/* ---- Linear ------------------------------------------------------------- */

/* c[m, n] += a[m, k] b[k, n], with the strides of a and b given for both indices. */
static void multiply(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column,
                     const float *b, size_t b_row, size_t b_column, double *c) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++) {
                c[i * n + j] +=
                    (double)a[i * a_row + l * a_column] * (double)b[l * b_row + j * b_column];
            }
        }
    }
}

typedef struct linear_case {
    size_t rows, in, out;
    float *x, *weight, *bias, *dy;
} linear_case;

static linear_case linear_make(size_t rows, size_t in, size_t out) {
    return (linear_case){.rows = rows,
                         .in = in,
                         .out = out,
                         .x = make_floats(1, rows * in),
                         .weight = make_floats(2, out * in),
                         .bias = make_floats(3, out),
                         .dy = make_floats(4, rows * out)};
}

static void linear_free(linear_case *of) {
    free(of->x);
    free(of->weight);
    free(of->bias);
    free(of->dy);
}

static void check_linear(const linear_case *of, const um_compute *compute) {
    const um_tensor weight = matrix_of(of->weight, of->out, of->in);
    const um_tensor bias = vector_of(of->bias, of->out);
    float *y = make_zeros(of->rows * of->out);
    double *expected = make_doubles(of->rows * of->out);
    for (size_t i = 0; i < of->rows * of->out; i++) {
        expected[i] = (double)of->bias[i % of->out];
    }
    multiply(of->rows, of->out, of->in, of->x, of->in, 1, of->weight, 1, of->in, expected);
    um_linear(compute, of->rows, of->x, NULL, &weight, &bias, y);
    assert_close(y, expected, of->rows * of->out, LIMIT);
    free(y);
    free(expected);
}

static void check_linear_backward(const linear_case *of, const um_compute *compute) {
    const um_tensor weight = matrix_of(of->weight, of->out, of->in);
    float *dx = make_floats(5, of->rows * of->in); /* overwritten, then added to */
    float *sums[2] = {make_floats(6, of->out * of->in), make_floats(7, of->out)};
    const um_tensor dweight = matrix_of(sums[0], of->out, of->in);
    const um_tensor dbias = vector_of(sums[1], of->out);
    double *expected = make_doubles(of->rows * of->in);
    double *expected_weight = make_doubles(of->out * of->in);
    double *expected_bias = make_doubles(of->out);
    for (size_t i = 0; i < of->out * of->in; i++) {
        expected_weight[i] = (double)sums[0][i];
    }
    for (size_t i = 0; i < of->out; i++) {
        expected_bias[i] = (double)sums[1][i];
        for (size_t j = 0; j < of->rows; j++) {
            expected_bias[i] += (double)of->dy[j * of->out + i];
        }
    }
    multiply(of->rows, of->in, of->out, of->dy, of->out, 1, of->weight, of->in, 1, expected);
    multiply(of->out, of->in, of->rows, of->dy, 1, of->out, of->x, of->in, 1, expected_weight);
    um_linear_backward(compute, of->rows, of->x, &weight, of->dy, dx, false, &dweight, &dbias);
    assert_close(dx, expected, of->rows * of->in, LIMIT);
    assert_close(sums[0], expected_weight, of->out * of->in, LIMIT);
    assert_close(sums[1], expected_bias, of->out, LIMIT);
    um_linear_backward(compute, of->rows, of->x, &weight, of->dy, dx, true, &dweight, NULL);
    for (size_t i = 0; i < of->rows * of->in; i++) {
        expected[i] *= 2;
    }
    assert_close(dx, expected, of->rows * of->in, LIMIT);
    assert_close(sums[1], expected_bias, of->out, LIMIT);
    free(dx);
    free(sums[0]);
    free(sums[1]);
    free(expected);
    free(expected_weight);
    free(expected_bias);
}

static void linear_maps_and_their_gradients_are_right_over_many_tiles(void **state) {
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},      {1, 70, 131},   {97, 33, 65},
                                       {193, 29, 130}, {130, 64, 257}, {3, 300, 129}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        linear_case of = linear_make(shapes[i][0], shapes[i][1], shapes[i][2]);
        for (size_t threads = 1; threads <= 2; threads++) {
            um_compute compute = compute_make(NULL, threads);
            check_linear(&of, &compute);
            check_linear_backward(&of, &compute);
            um_thread_pool_free(compute.pool);
        }
        linear_free(&of);
    }
}

static void rows_of_a_linear_map_do_not_depend_on_the_other_rows(void **state) {
    (void)state;
    linear_case of = linear_make(197, 100, 131);
    const um_tensor weight = matrix_of(of.weight, of.out, of.in);
    um_compute compute = compute_make(NULL, 2);
    float *whole = make_zeros(of.rows * of.out);
    float *part = make_zeros(of.rows * of.out);
    um_linear(&compute, of.rows, of.x, NULL, &weight, NULL, whole);
    static const size_t parts[][2] = {{0, 1}, {5, 2}, {96, 101}, {196, 1}, {10, 96}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        um_linear(&compute, parts[i][1], of.x + parts[i][0] * of.in, NULL, &weight, NULL, part);
        assert_memory_equal(part, whole + parts[i][0] * of.out,
                            parts[i][1] * of.out * sizeof *part);
    }
    free(whole);
    free(part);
    linear_free(&of);
    um_thread_pool_free(compute.pool);
}

/* ---- Norm and elements ---------------------------------------------------- */

static void the_gradient_of_norm_weights_sums_over_tiles_of_rows(void **state) {
    (void)state;
    const size_t rows = 203;
    const size_t dim = 21;
    float *x = make_floats(1, rows * dim);
    float *weight = make_floats(2, dim);
    float *dy = make_floats(3, rows * dim);
    float *y = make_zeros(rows * dim);
    float *inverse = make_zeros(rows);
    double *expected = make_doubles(dim);
    float *first = NULL;
    for (size_t threads = 1; threads <= 3; threads++) {
        um_compute compute = compute_make(NULL, threads);
        float *dx = make_zeros(rows * dim);
        float *dweight = make_zeros(dim);
        float *scratch = make_zeros(um_rms_norm_scratch(rows, dim));
        um_rms_norm_rows(&compute, rows, dim, 1e-6f, x, weight, y, inverse);
        um_rms_norm_rows_backward(&compute, rows, dim, x, weight, inverse, dy, dx, dweight,
                                  scratch);
        for (size_t i = 0; threads == 1 && i < rows * dim; i++) {
            expected[i % dim] += (double)dy[i] * (double)x[i] * (double)inverse[i / dim];
        }
        assert_close(dweight, expected, dim, LIMIT);
        first = first ? first : copy_of(dweight, dim);
        assert_memory_equal(dweight, first, dim * sizeof *first);
        free(dx);
        free(dweight);
        free(scratch);
        um_thread_pool_free(compute.pool);
    }
    free(first);
    free(x);
    free(weight);
    free(dy);
    free(y);
    free(inverse);
    free(expected);
}

static void element_wise_work_covers_every_element_of_many_tiles(void **state) {
    (void)state;
    const size_t count = 3 * 16384 + 5;
    float *gate = make_floats(1, count);
    float *up = make_floats(2, count);
    float *dy = make_floats(3, count);
    float *y = make_zeros(count);
    float *sum = copy_of(up, count);
    double *expected = make_doubles(count);
    um_compute compute = compute_make(NULL, 2);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (double)gate[i] / (1 + exp(-(double)gate[i])) * (double)up[i];
    }
    um_swiglu(&compute, count, gate, up, y);
    assert_close(y, expected, count, LIMIT);
    assert_close(y + count - 5, expected + count - 5, 5, LIMIT);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (double)gate[i] + (double)up[i];
    }
    um_add(&compute, count, sum, gate, sum);
    assert_close(sum, expected, count, LIMIT);
    double *expected_gate = make_doubles(count);
    for (size_t i = 0; i < count; i++) {
        const double g = (double)gate[i];
        const double s = 1 / (1 + exp(-g));
        expected[i] = (double)dy[i] * g * s;
        expected_gate[i] = (double)dy[i] * (double)up[i] * s * (1 + g * (1 - s));
    }
    um_swiglu_backward(&compute, count, dy, gate, up);
    assert_close(up, expected, count, LIMIT);
    assert_close(up + count - 5, expected + count - 5, 5, LIMIT);
    assert_close(gate, expected_gate, count, LIMIT);
    assert_close(gate + count - 5, expected_gate + count - 5, 5, LIMIT);
    free(expected_gate);
    free(gate);
    free(up);
    free(dy);
    free(y);
    free(sum);
    free(expected);
    um_thread_pool_free(compute.pool);
}

/* ---- Attention ------------------------------------------------------------ */

#define HEADS 6
#define KV_HEADS 2
#define DIM 10
#define WIDTH (HEADS * DIM)
#define KV_WIDTH (KV_HEADS * DIM)
#define KEYS 71

/* One sequence of KEYS rows, all of them queries: more than two tiles. */
typedef struct attention_case {
    um_attention_sequence sequence;
    um_attention attention;
    float *queries, *keys, *values, *doutput;
    uint8_t valid[KEYS];
    uint8_t links[KEYS * KEYS];
    bool allowed[KEYS][KEYS];
} attention_case;

static void attention_make(size_t block_length, bool links, attention_case *of) {
    *of = (attention_case){.queries = make_floats(1, KEYS * WIDTH),
                           .keys = make_floats(2, KEYS * KV_WIDTH),
                           .values = make_floats(3, KEYS * KV_WIDTH),
                           .doutput = make_floats(4, KEYS * WIDTH)};
    for (size_t i = 0; i < KEYS; i++) {
        of->valid[i] = i % 7 != 3;
    }
    for (size_t i = 0; i < KEYS; i++) {
        for (size_t j = 0; j < KEYS; j++) {
            of->links[i * KEYS + j] = (i * 31 + j * 17) % 5 == 0;
            const bool kind =
                block_length == UM_ATTENTION_WHOLE || j / block_length <= i / block_length;
            of->allowed[i][j] = of->valid[j] && (kind || (links && of->links[i * KEYS + j]));
        }
    }
    of->sequence = (um_attention_sequence){.query_count = KEYS,
                                           .key_count = KEYS,
                                           .valid = of->valid,
                                           .links = links ? of->links : NULL,
                                           .keys = of->keys,
                                           .values = of->values};
    of->attention = (um_attention){.sequences = &of->sequence,
                                   .sequence_count = 1,
                                   .head_count = HEADS,
                                   .kv_head_count = KV_HEADS,
                                   .head_dim = DIM,
                                   .kv_stride = KV_WIDTH,
                                   .block_length = block_length};
}

static void attention_free(attention_case *of) {
    free(of->queries);
    free(of->keys);
    free(of->values);
    free(of->doutput);
}

/* What the kernels should compute. */
typedef struct attention_result {
    double output[KEYS * WIDTH];
    double dqueries[KEYS * WIDTH];
    double dkeys[KEYS * KV_WIDTH];
    double dvalues[KEYS * KV_WIDTH];
} attention_result;

static double dot(const float *a, const float *b) {
    double sum = 0;
    for (size_t i = 0; i < DIM; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static void probabilities_of(const attention_case *of, size_t query, size_t head, double *p) {
    const float *q = of->queries + query * WIDTH + head * DIM;
    double sum = 0;
    for (size_t key = 0; key < KEYS; key++) {
        const float *k = of->keys + key * KV_WIDTH + head / (HEADS / KV_HEADS) * DIM;
        p[key] = of->allowed[query][key] ? exp(dot(q, k) / sqrt(DIM)) : 0;
        sum += p[key];
    }
    for (size_t key = 0; key < KEYS; key++) {
        p[key] /= sum > 0 ? sum : 1;
    }
}

/* One query of one head, forward and backward. */
static void attend_plainly(const attention_case *of, size_t query, size_t head,
                           attention_result *to) {
    const size_t at = query * WIDTH + head * DIM;
    const size_t kv = head / (HEADS / KV_HEADS) * DIM;
    double p[KEYS];
    double dp[KEYS];
    double total = 0;
    probabilities_of(of, query, head, p);
    for (size_t key = 0; key < KEYS; key++) {
        dp[key] = dot(of->doutput + at, of->values + key * KV_WIDTH + kv);
        total += p[key] * dp[key];
    }
    for (size_t key = 0; key < KEYS; key++) {
        const double ds = p[key] * (dp[key] - total) / sqrt(DIM);
        for (size_t i = 0; i < DIM; i++) {
            const size_t column = key * KV_WIDTH + kv + i;
            to->output[at + i] += p[key] * (double)of->values[column];
            to->dqueries[at + i] += ds * (double)of->keys[column];
            to->dkeys[column] += ds * (double)of->queries[at + i];
            to->dvalues[column] += p[key] * (double)of->doutput[at + i];
        }
    }
}

static void check_attention(attention_case *of, const um_compute *compute, size_t threads) {
    attention_result *expected = calloc(1, sizeof *expected);
    assert_non_null(expected);
    for (size_t query = 0; query < KEYS; query++) {
        for (size_t head = 0; head < HEADS; head++) {
            attend_plainly(of, query, head, expected);
        }
    }
    float *output = make_zeros(KEYS * WIDTH);
    float *dkeys = make_zeros(KEYS * KV_WIDTH);
    float *dvalues = make_zeros(KEYS * KV_WIDTH);
    of->attention.scratch = make_zeros(um_attention_scratch(&of->attention, threads, true));
    of->sequence.key_gradients = dkeys;
    of->sequence.value_gradients = dvalues;
    um_attention_forward(compute, &of->attention, of->queries, output);
    assert_close(output, expected->output, KEYS * WIDTH, LIMIT);
    um_attention_backward(compute, &of->attention, of->queries, of->doutput, output);
    assert_close(output, expected->dqueries, KEYS * WIDTH, LIMIT);
    assert_close(dkeys, expected->dkeys, KEYS * KV_WIDTH, LIMIT);
    assert_close(dvalues, expected->dvalues, KEYS * KV_WIDTH, LIMIT);
    free(of->attention.scratch);
    free(output);
    free(dkeys);
    free(dvalues);
    free(expected);
}

static void attention_and_its_gradients_are_right_over_many_tiles(void **state) {
    (void)state;
    static const size_t block_lengths[] = {UM_ATTENTION_WHOLE, 1, 8};
    for (size_t i = 0; i < 3; i++) {
        for (size_t links = 0; links < 2; links++) {
            for (size_t threads = 1; threads <= 2; threads++) {
                attention_case of;
                um_compute compute = compute_make(threads == 1 ? "reference" : NULL, threads);
                attention_make(block_lengths[i], links == 1, &of);
                check_attention(&of, &compute, threads);
                attention_free(&of);
                um_thread_pool_free(compute.pool);
            }
        }
    }
}

/* The gradients of queries, keys and values, one behind the other; free. */
static float *make_gradients(attention_case *of, const char *kernels, size_t threads) {
    um_compute compute = compute_make(kernels, threads);
    float *gradients = make_zeros(KEYS * (WIDTH + 2 * KV_WIDTH));
    of->attention.scratch = make_zeros(um_attention_scratch(&of->attention, threads, true));
    of->sequence.key_gradients = gradients + KEYS * WIDTH;
    of->sequence.value_gradients = gradients + KEYS * (WIDTH + KV_WIDTH);
    um_attention_backward(&compute, &of->attention, of->queries, of->doutput, gradients);
    free(of->attention.scratch);
    um_thread_pool_free(compute.pool);
    return gradients;
}

/* Whether there are fewer threads than key heads, as many or more. */
static void attention_gradients_do_not_depend_on_threads(void **state) {
    (void)state;
    static const char *const kernels[] = {"reference", NULL};
    static const size_t threads[] = {KV_HEADS, KV_HEADS + 1, 7};
    const size_t bytes = KEYS * (WIDTH + 2 * KV_WIDTH) * sizeof(float);
    for (size_t k = 0; k < 2; k++) {
        attention_case of;
        attention_make(8, true, &of);
        float *expected = make_gradients(&of, kernels[k], 1);
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
            float *gradients = make_gradients(&of, kernels[k], threads[i]);
            assert_memory_equal(gradients, expected, bytes);
            free(gradients);
        }
        free(expected);
        attention_free(&of);
    }
}

static void a_query_that_sees_nothing_gets_zeros(void **state) {
    (void)state;
    attention_case of;
    um_compute compute = compute_make(NULL, 1);
    attention_make(1, false, &of);
    memset(of.valid, 0, 3); /* rows 0 to 2 see only themselves and earlier rows */
    float *output = make_floats(9, KEYS * WIDTH);
    of.attention.scratch = make_zeros(um_attention_scratch(&of.attention, 1, false));
    um_attention_forward(&compute, &of.attention, of.queries, output);
    for (size_t i = 0; i < 3 * WIDTH; i++) {
        assert_true(output[i] == 0.0f);
    }
    assert_true(output[5 * WIDTH] != 0.0f);
    free(of.attention.scratch);
    free(output);
    attention_free(&of);
    um_thread_pool_free(compute.pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_maps_and_their_gradients_are_right_over_many_tiles),
        cmocka_unit_test(rows_of_a_linear_map_do_not_depend_on_the_other_rows),
        cmocka_unit_test(the_gradient_of_norm_weights_sums_over_tiles_of_rows),
        cmocka_unit_test(element_wise_work_covers_every_element_of_many_tiles),
        cmocka_unit_test(attention_and_its_gradients_are_right_over_many_tiles),
        cmocka_unit_test(attention_gradients_do_not_depend_on_threads),
        cmocka_unit_test(a_query_that_sees_nothing_gets_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
