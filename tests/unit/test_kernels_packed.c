/* Products of packed activations and stored weights: every set of kernels gives the same bits as
 * the plain one, whose results are near the product in double precision. */
#include <math.h>

#include "guarded.h"
#include "kernel_sets.h"

#include "base/rng.h"
#include "kernels/kernels.h"

static const um_dtype stored_types[] = {UM_DTYPE_F16,  UM_DTYPE_BF16, UM_DTYPE_Q8_0, UM_DTYPE_Q4_0,
                                        UM_DTYPE_Q4_K, UM_DTYPE_Q5_K, UM_DTYPE_Q6_K};

#define TYPES (sizeof stored_types / sizeof *stored_types)

typedef struct trial {
    uint64_t seed;
    uint32_t drawn;
    guarded_set arrays;
    um_dtype dtype;
    size_t m, n, k;
    const float *x;
    const uint8_t *w;
    const float *bias;
} trial;

static uint32_t draw_below(trial *round, uint32_t bound) {
    const um_rng_place place = {.position = round->drawn++};
    return um_rng_below(round->seed, place, bound);
}

static float draw_normal(trial *round) {
    const um_rng_place place = {.step = 1, .position = round->drawn++};
    return (float)um_rng_normal(round->seed, place);
}

static float *draw_floats(trial *round, size_t count) {
    float *values = guarded_floats(&round->arrays, count);
    for (size_t i = 0; i < count; i++) {
        values[i] = draw_normal(round);
    }
    return values;
}

static void put_f16(uint8_t *at, float value) {
    const uint16_t bits = um_f16_from_f32(value);
    memcpy(at, &bits, sizeof bits);
}

/* Random bytes are a valid block except for its scales, which are set to ordinary numbers. */
static void fill_block(trial *round, um_dtype dtype, uint8_t *block) {
    for (size_t i = 0; i < um_dtype_size(dtype); i++) {
        block[i] = (uint8_t)draw_below(round, 256);
    }
    const float d = 0.02f * draw_normal(round);
    if (dtype == UM_DTYPE_Q6_K) {
        put_f16(block + 208, d);
    } else {
        put_f16(block, d);
    }
    if (dtype == UM_DTYPE_Q4_K || dtype == UM_DTYPE_Q5_K) {
        put_f16(block + 2, 0.02f * draw_normal(round));
    }
}

static uint8_t *draw_weights(trial *round) {
    const size_t count = round->n * round->k;
    uint8_t *stored = guarded_bytes(&round->arrays, um_dtype_row_bytes(round->dtype, count));
    const size_t size = um_dtype_size(round->dtype);
    for (size_t i = 0; i < count / um_dtype_block(round->dtype); i++) {
        if (um_dtype_is_plain(round->dtype)) {
            const float value = draw_normal(round);
            um_convert_from_f32(round->dtype, &value, stored + i * size, 1);
        } else {
            fill_block(round, round->dtype, stored + i * size);
        }
    }
    return stored;
}

static trial draw_trial(uint64_t seed, um_dtype dtype) {
    trial round = {.seed = seed, .dtype = dtype};
    const size_t block = um_dtype_block(dtype);
    round.m = 1 + draw_below(&round, draw_below(&round, 3) ? 14 : 110);
    round.n = 1 + draw_below(&round, 70);
    round.k = block * (1 + draw_below(&round, block == 1 ? 600 : (block == 32 ? 40 : 5)));
    round.x = draw_floats(&round, round.m * round.k);
    round.w = draw_weights(&round);
    round.bias = draw_below(&round, 2) ? draw_floats(&round, round.n) : NULL;
    return round;
}

/* y of rows first .. first + count - 1, packed on their own. */
static float *multiply(trial *round, const um_kernels *kernels, size_t first, size_t count) {
    const size_t blocks = um_pack_blocks(round->k);
    const um_packed_rows packed = {
        .kind = um_pack_kind_of(round->dtype),
        .rows = count,
        .k = round->k,
        .integers = guarded_bytes(&round->arrays, count * blocks * UM_PACK_INTEGER_BYTES),
        .scales = guarded_floats(&round->arrays, count * blocks),
        .sums = guarded_bytes(&round->arrays, count * blocks * sizeof(int32_t)),
        .late_sums = guarded_bytes(&round->arrays, count * blocks * sizeof(int32_t)),
        .scaled_sums = guarded_floats(&round->arrays, count * blocks),
    };
    um_pack_part part = {0};
    for (; part.first_row < count; part.first_row += part.row_count) {
        part.row_count = 1 + draw_below(round, (uint32_t)(count - part.first_row));
        const float *x = round->x + (first + part.first_row) * round->k;
        for (part.first_block = 0; part.first_block < blocks;
             part.first_block += part.block_count) {
            part.block_count = 1 + draw_below(round, (uint32_t)(blocks - part.first_block));
            kernels->pack_rows(part, x, round->k, &packed);
        }
    }
    float *y = guarded_floats(&round->arrays, count * round->n);
    kernels->matmul_packed(round->dtype, round->n, &packed, round->w, round->bias, y, round->n);
    return y;
}

/* The product of the unrounded values in double precision; *magnitude is the sum of the magnitudes
 * of its terms. */
static double exact_product(const trial *round, const float *w, size_t row, double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (size_t l = 0; l < round->k; l++) {
        const double product = (double)round->x[row * round->k + l] * (double)w[l];
        sum += product;
        *magnitude += fabs(product);
    }
    return sum;
}

/* Each packed integer is off by at most half a step of its block; a step is at most a 127th (or an
 * 8191st) of the largest value there. */
static void check_near_exact(trial *round, const float *y) {
    const bool narrow = !um_dtype_is_plain(round->dtype);
    float *w = guarded_floats(&round->arrays, round->k);
    for (size_t j = 0; j < round->n; j++) {
        um_convert_to_f32(round->dtype, round->w + j * um_dtype_row_bytes(round->dtype, round->k),
                          w, round->k);
        double largest_w = 0, w_sum = 0;
        for (size_t l = 0; l < round->k; l++) {
            largest_w = fmax(largest_w, fabs((double)w[l]));
            w_sum += fabs((double)w[l]);
        }
        for (size_t i = 0; i < round->m; i++) {
            double largest_x = 0, x_sum = 0, magnitude = 0;
            for (size_t l = 0; l < round->k; l++) {
                largest_x = fmax(largest_x, fabs((double)round->x[i * round->k + l]));
                x_sum += fabs((double)round->x[i * round->k + l]);
            }
            const double exact =
                exact_product(round, w, i, &magnitude) + (round->bias ? (double)round->bias[j] : 0);
            const double step = narrow ? 0.5 / 127 : 0.5 / 8191;
            double limit = 1.02 * step * largest_x * w_sum + 1e-5 * (magnitude + w_sum + 1);
            limit += narrow ? 0 : 1.02 * step * largest_w * x_sum;
            if (!(fabs((double)y[i * round->n + j] - exact) <= limit)) {
                fail_msg("%s: %g, exactly %g, %g allowed", um_dtype_name(round->dtype),
                         (double)y[i * round->n + j], exact, limit);
            }
        }
    }
}

static void every_set_has_the_bits_of_the_plain_one(void **state) {
    (void)state;
    um_kernels sets[KERNEL_SETS];
    const size_t count = fill_kernel_sets(sets);
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (size_t t = 0; t < TYPES; t++) {
            trial round = draw_trial(seed * TYPES + t, stored_types[t]);
            const float *plain = multiply(&round, &sets[0], 0, round.m);
            check_near_exact(&round, plain);
            for (size_t set = 1; set < count; set++) {
                const float *fast = multiply(&round, &sets[set], 0, round.m);
                for (size_t i = 0; i < round.m * round.n; i++) {
                    if (fast[i] != plain[i]) {
                        fail_msg("%s, %s: element %zu of [%zu, %zu] over %zu: %.9g, not %.9g",
                                 sets[set].name, um_dtype_name(round.dtype), i, round.m, round.n,
                                 round.k, (double)fast[i], (double)plain[i]);
                    }
                }
            }
            guarded_free(&round.arrays);
        }
    }
}

/* A value of the type at the edges of what its blocks can hold, alike in 32 neighbours. */
static float draw_edge_value(trial *round, size_t block) {
    static const float scales[] = {1.0f, 1e-6f, 1e-8f, 3e-30f, 5e-31f, 1e-38f, 0.0f, 6e4f};
    const um_rng_place place = {.step = 2, .position = (uint32_t)block};
    const uint32_t kind = um_rng_below(round->seed, place, 10);
    const float value = draw_normal(round);
    if (kind >= 8) {
        return draw_below(round, 16) ? value : (kind == 8 ? INFINITY : NAN);
    }
    return value * scales[kind];
}

static void blocks_at_the_edges_of_their_type_have_the_same_bits(void **state) {
    (void)state;
    um_kernels sets[KERNEL_SETS];
    const size_t count = fill_kernel_sets(sets);
    static const um_dtype types[] = {UM_DTYPE_F16, UM_DTYPE_BF16};
    for (uint64_t seed = 0; seed < 60; seed++) {
        trial round = draw_trial(11000 + seed, types[seed % 2]);
        uint8_t *w = (uint8_t *)(uintptr_t)round.w;
        for (size_t i = 0; i < round.n * round.k; i++) {
            const float value = draw_edge_value(&round, i / UM_PACK_BLOCK);
            um_convert_from_f32(round.dtype, &value, w + i * sizeof(uint16_t), 1);
        }
        const float *plain = multiply(&round, &sets[0], 0, round.m);
        for (size_t set = 1; set < count; set++) {
            const float *fast = multiply(&round, &sets[set], 0, round.m);
            for (size_t i = 0; i < round.m * round.n; i++) {
                assert_true(fast[i] == plain[i] || (isnan(fast[i]) && isnan(plain[i])));
            }
        }
        guarded_free(&round.arrays);
    }
}

static void a_row_does_not_depend_on_its_company(void **state) {
    (void)state;
    um_kernels sets[KERNEL_SETS];
    const size_t count = fill_kernel_sets(sets);
    for (size_t t = 0; t < TYPES; t++) {
        trial round = draw_trial(7000 + t, stored_types[t]);
        for (size_t set = 0; set < count; set++) {
            const float *all = multiply(&round, &sets[set], 0, round.m);
            const size_t first = draw_below(&round, (uint32_t)round.m);
            const size_t rows = 1 + draw_below(&round, (uint32_t)(round.m - first));
            const float *some = multiply(&round, &sets[set], first, rows);
            assert_memory_equal(some, all + first * round.n, rows * round.n * sizeof *all);
        }
        guarded_free(&round.arrays);
    }
}

static void zeros_and_what_is_not_finite(void **state) {
    (void)state;
    um_kernels sets[KERNEL_SETS];
    const size_t count = fill_kernel_sets(sets);
    for (size_t t = 0; t < TYPES; t++) {
        for (size_t set = 0; set < count; set++) {
            trial round = draw_trial(9000 + t, stored_types[t]);
            round.bias = NULL;
            float *x = (float *)(uintptr_t)round.x;
            for (size_t i = 0; i < round.k; i++) {
                x[i] = i % 2 ? 1e-37f : 0.0f;
            }
            const float *y = multiply(&round, &sets[set], 0, round.m);
            for (size_t j = 0; j < round.n; j++) {
                assert_true(y[j] == 0);
            }
            const float bad[] = {NAN, INFINITY, -INFINITY};
            for (size_t b = 0; b < 6; b++) { /* first one element, then all */
                for (size_t i = b < 3 ? round.k - 1 : 0; i < round.k; i++) {
                    x[i] = bad[b % 3];
                }
                y = multiply(&round, &sets[set], 0, round.m);
                for (size_t j = 0; j < round.n; j++) {
                    assert_true(!isfinite(y[j]));
                }
            }
            guarded_free(&round.arrays);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_has_the_bits_of_the_plain_one),
        cmocka_unit_test(blocks_at_the_edges_of_their_type_have_the_same_bits),
        cmocka_unit_test(a_row_does_not_depend_on_its_company),
        cmocka_unit_test(zeros_and_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
