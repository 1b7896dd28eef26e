/* Checks of every kernel that multiplies matrices, f32 and BF16. */
#ifndef UM_TESTS_PRODUCT_KERNEL_CHECKS_H
#define UM_TESTS_PRODUCT_KERNEL_CHECKS_H

#include "kernel_trial.h"

/* ---- matmul ------------------------------------------------------------- */

typedef struct product {
    size_t m, n, k;
    const float *x;
    size_t x_stride;
    const float *w;
    size_t w_stride;
    const float *bias;
} product;

static inline float *multiply(trial *round, const um_kernels *kernels, const product *of,
                              size_t y_stride) {
    float *y = guarded_floats(&round->arrays, (of->m - 1) * y_stride + of->n);
    for (size_t i = 0; i < (of->m - 1) * y_stride + of->n; i++) {
        y[i] = -77.0f;
    }
    kernels->matmul(of->m, of->n, of->k, of->x, of->x_stride, of->w, of->w_stride, of->bias, y,
                    y_stride);
    for (size_t i = 0; i + 1 < of->m; i++) {
        for (size_t j = of->n; j < y_stride; j++) {
            assert_true(y[i * y_stride + j] == -77.0f); /* between rows: not written */
        }
    }
    return y;
}

/* Any part of the result, computed on its own, has the same bits. */
static inline void check_part(trial *round, const um_kernels *kernels, const product *of,
                              const float *y, size_t y_stride) {
    const size_t row = draw_below(round, of->m);
    const size_t column = draw_below(round, of->n);
    product part = *of;
    part.m = 1 + draw_below(round, of->m - row);
    part.n = 1 + draw_below(round, of->n - column);
    part.x += row * of->x_stride;
    part.w += column * of->w_stride;
    part.bias = of->bias ? of->bias + column : NULL;
    const float *again = multiply(round, kernels, &part, part.n);
    for (size_t i = 0; i < part.m; i++) {
        assert_memory_equal(again + i * part.n, y + (row + i) * y_stride + column,
                            part.n * sizeof *y);
    }
}

/* A bound on the rounding error: the sum of |x w|, times the number of roundings. */
static inline double rounding_limit(const product *of, size_t row, size_t column) {
    double sum = of->bias ? fabs((double)of->bias[column]) : 0;
    for (size_t l = 0; l < of->k; l++) {
        sum +=
            fabs((double)of->x[row * of->x_stride + l] * (double)of->w[column * of->w_stride + l]);
    }
    return EPSILON * (double)(of->k + 1) * sum;
}

static inline product draw_product(trial *round) {
    const size_t m = draw_below(round, 8) ? 1 + draw_below(round, 9) : draw_size(round);
    product of = {.m = m, .n = draw_size(round), .k = draw_depth(round)};
    of.x_stride = of.k + draw_below(round, 3);
    of.w_stride = of.k + draw_below(round, 3);
    of.x = draw_floats(round, (m - 1) * of.x_stride + of.k, 1);
    of.w = draw_floats(round, (of.n - 1) * of.w_stride + of.k, 1);
    of.bias = draw_below(round, 2) ? draw_floats(round, of.n, 1) : NULL;
    return of;
}

static inline void check_matmul(trial *round) {
    const product of = draw_product(round);
    const size_t y_stride = of.n + draw_below(round, 3);
    const float *fast = multiply(round, round->fast, &of, y_stride);
    const float *plain = multiply(round, round->plain, &of, y_stride);
    for (size_t i = 0; i < of.m; i++) {
        for (size_t j = 0; j < of.n; j++) {
            assert_near(fast[i * y_stride + j], plain[i * y_stride + j], rounding_limit(&of, i, j));
        }
    }
    check_part(round, round->fast, &of, fast, y_stride);
    check_part(round, round->plain, &of, plain, y_stride);
}

/* ---- Sums of rows ------------------------------------------------------- */

/* One of the kernels that sum the rows of w weighted by the factors in x. */
typedef struct row_sum {
    product of;
    bool transposed; /* x is [k, m] */
    bool adds;
    const float *before; /* [m, n], with the stride of w: what y holds before the call */
} row_sum;

static inline float *sum_values(trial *round, const um_kernels *kernels, const row_sum *sum,
                                size_t y_stride) {
    const product *of = &sum->of;
    float *y = guarded_floats(&round->arrays, (of->m - 1) * y_stride + of->n);
    for (size_t i = 0; i < (of->m - 1) * y_stride + of->n; i++) {
        const size_t column = i % y_stride;
        y[i] = column < of->n ? sum->before[i / y_stride * of->w_stride + column] : -77.0f;
    }
    (sum->transposed ? kernels->transposed_sum_add
     : sum->adds     ? kernels->weighted_sum_add
                     : kernels->weighted_sum)(of->m, of->n, of->k, of->x, of->x_stride, of->w,
                                          of->w_stride, y, y_stride);
    for (size_t i = 0; i + 1 < of->m; i++) {
        for (size_t j = of->n; j < y_stride; j++) {
            assert_true(y[i * y_stride + j] == -77.0f);
        }
    }
    return y;
}

static inline void check_sum_part(trial *round, const um_kernels *kernels, const row_sum *sum,
                                  const float *y, size_t y_stride) {
    const size_t row = draw_below(round, sum->of.m);
    const size_t column = draw_below(round, sum->of.n);
    row_sum part = *sum;
    part.of.m = 1 + draw_below(round, sum->of.m - row);
    part.of.n = 1 + draw_below(round, sum->of.n - column);
    part.of.x += sum->transposed ? row : row * sum->of.x_stride;
    part.of.w += column;
    part.before += row * sum->of.w_stride + column;
    const float *again = sum_values(round, kernels, &part, part.of.n);
    for (size_t i = 0; i < part.of.m; i++) {
        assert_memory_equal(again + i * part.of.n, y + (row + i) * y_stride + column,
                            part.of.n * sizeof *y);
    }
}

/* The bound of rounding_limit, for one element of a sum of rows. */
static inline double sum_limit(const row_sum *sum, size_t i, size_t j) {
    const product *of = &sum->of;
    double limit = sum->adds ? fabs((double)sum->before[i * of->w_stride + j]) : 0;
    for (size_t l = 0; l < of->k; l++) {
        const float x = sum->transposed ? of->x[l * of->x_stride + i] : of->x[i * of->x_stride + l];
        limit += fabs((double)x * (double)of->w[l * of->w_stride + j]);
    }
    return EPSILON * (double)(of->k + 1) * limit;
}

static inline void check_row_sum(trial *round, bool transposed, bool adds) {
    const size_t m = draw_below(round, 4) ? 1 + draw_below(round, 19) : draw_size(round);
    const size_t k = draw_below(round, 4) ? draw_depth(round) : 120 + draw_below(round, 200);
    row_sum sum = {
        .of = {.m = m, .n = draw_size(round), .k = k}, .transposed = transposed, .adds = adds};
    product *of = &sum.of;
    of->x_stride = (transposed ? m : of->k) + draw_below(round, 3);
    of->w_stride = of->n + draw_below(round, 3);
    of->x = draw_floats(round,
                        transposed ? strided_count(of->k, m, of->x_stride)
                                   : strided_count(m, of->k, of->x_stride),
                        1);
    of->w = draw_floats(round, strided_count(of->k, of->n, of->w_stride), 1);
    sum.before = draw_floats(round, m * of->w_stride, 1);
    const size_t y_stride = of->n + draw_below(round, 3);
    const float *fast = sum_values(round, round->fast, &sum, y_stride);
    const float *plain = sum_values(round, round->plain, &sum, y_stride);
    for (size_t i = 0; i < of->m; i++) {
        for (size_t j = 0; j < of->n; j++) {
            assert_near(fast[i * y_stride + j], plain[i * y_stride + j], sum_limit(&sum, i, j));
        }
    }
    check_sum_part(round, round->fast, &sum, fast, y_stride);
    check_sum_part(round, round->plain, &sum, plain, y_stride);
}

static inline void check_weighted_sum(trial *round) {
    check_row_sum(round, false, false);
}

static inline void check_weighted_sum_add(trial *round) {
    check_row_sum(round, false, true);
}

static inline void check_transposed_sum_add(trial *round) {
    check_row_sum(round, true, true);
}

/* ---- Products of BF16 --------------------------------------------------- */

typedef void row_sum_function(size_t m, size_t n, size_t k, const float *p, size_t p_stride,
                              const float *v, size_t v_stride, float *y, size_t y_stride);

/* Normally distributed numbers; if `extreme`, scaled so that some of them or of their products are
 * subnormal. */
static inline const float *draw_any_floats(trial *round, size_t count, bool extreme) {
    float *values = draw_floats(round, count, 1);
    for (size_t i = 0; extreme && i < count; i++) {
        values[i] = ldexpf(values[i], (int)draw_below(round, 100) - 140);
    }
    return values;
}

/* Both versions give the same bits, and these are near the exact product. */
static inline void check_bf16_sum(trial *round, row_sum_function *fast, row_sum_function *plain,
                                  bool transposed, bool adds) {
    const bool extreme = draw_below(round, 3) == 0;
    const size_t m = draw_size(round), n = draw_size(round);
    const size_t k = draw_below(round, 4) ? draw_depth(round) : 193 + draw_below(round, 250);
    const size_t p_stride = (transposed ? m : k) + draw_below(round, 3);
    const size_t v_stride = n + draw_below(round, 3);
    const float *p = draw_any_floats(
        round, transposed ? strided_count(k, m, p_stride) : strided_count(m, k, p_stride), extreme);
    const float *v = draw_any_floats(round, strided_count(k, n, v_stride), extreme);
    const float *before = draw_any_floats(round, m * n, extreme);
    float *sums[2] = {guarded_floats(&round->arrays, m * n), guarded_floats(&round->arrays, m * n)};
    memcpy(sums[0], before, m * n * sizeof *before);
    memcpy(sums[1], before, m * n * sizeof *before);
    fast(m, n, k, p, p_stride, v, v_stride, sums[0], n);
    plain(m, n, k, p, p_stride, v, v_stride, sums[1], n);
    assert_memory_equal(sums[0], sums[1], m * n * sizeof *before);
    const size_t i = draw_below(round, m), j = draw_below(round, n);
    double exact = adds ? (double)before[i * n + j] : 0;
    double limit = fabs(exact);
    for (size_t l = 0; l < k; l++) {
        const double term =
            (double)(transposed ? p[l * p_stride + i] : p[i * p_stride + l]) * v[l * v_stride + j];
        exact += term;
        limit += fabs(term);
    }
    /* Two factors off by 2^-8 each, and the rounding of sums; each flushed number is below 2^-126.
     */
    assert_near(sums[0][i * n + j], (float)exact,
                limit * (0x1.02p-7 + EPSILON * (double)(k + 1)) + (double)(k + 2) * 0x1p-125);
}

static inline void check_weighted_sum_bf16(trial *round) {
    check_bf16_sum(round, round->fast->weighted_sum_bf16, round->plain->weighted_sum_bf16, false,
                   false);
}

static inline void check_weighted_sum_add_bf16(trial *round) {
    check_bf16_sum(round, round->fast->weighted_sum_add_bf16, round->plain->weighted_sum_add_bf16,
                   false, true);
}

static inline void check_transposed_sum_add_bf16(trial *round) {
    check_bf16_sum(round, round->fast->transposed_sum_add_bf16,
                   round->plain->transposed_sum_add_bf16, true, true);
}

/* Both versions give the same bits as weighted_sum_bf16 with the weights transposed, which the
 * checks above cover. */
static inline void check_matmul_bf16(trial *round) {
    const product of = draw_product(round);
    float *turned = guarded_floats(&round->arrays, of.k * of.n);
    for (size_t l = 0; l < of.k; l++) {
        for (size_t j = 0; j < of.n; j++) {
            turned[l * of.n + j] = of.w[j * of.w_stride + l];
        }
    }
    float *expected = guarded_floats(&round->arrays, of.m * of.n);
    round->plain->weighted_sum_bf16(of.m, of.n, of.k, of.x, of.x_stride, turned, of.n, expected,
                                    of.n);
    for (size_t i = 0; i < of.m * of.n; i++) {
        expected[i] += of.bias ? of.bias[i % of.n] : 0.0f;
    }
    const um_kernels *sets[2] = {round->fast, round->plain};
    for (size_t set = 0; set < 2; set++) {
        float *y = draw_floats(round, of.m * of.n, 1); /* is overwritten */
        sets[set]->matmul_bf16(of.m, of.n, of.k, of.x, of.x_stride, of.w, of.w_stride, of.bias, y,
                               of.n);
        assert_memory_equal(y, expected, of.m * of.n * sizeof *y);
    }
}

#endif
