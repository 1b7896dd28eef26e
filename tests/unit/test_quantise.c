#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tensor/quantise.h"
#include "weights/checkpoint.h"

#define GOLDEN_FILE UM_TEST_DATA "/gguf/blocks.gguf"

static const um_dtype written_types[] = {UM_DTYPE_Q8_0, UM_DTYPE_Q4_0, UM_DTYPE_Q4_K,
                                         UM_DTYPE_Q6_K};
#define WRITTEN_TYPES (sizeof written_types / sizeof *written_types)

static um_checkpoint *open_golden(void) {
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(GOLDEN_FILE, &checkpoint, &error), &error);
    return checkpoint;
}

static um_tensor find(const um_checkpoint *checkpoint, um_dtype dtype, const char *what) {
    char name[64];
    um_tensor tensor = {0};
    (void)snprintf(name, sizeof name, "%s.%s", um_dtype_name(dtype), what);
    assert_true(um_checkpoint_find(checkpoint, name, &tensor));
    return tensor;
}

static void defined_blocks_are_those_of_the_reference(void **state) {
    (void)state;
    um_checkpoint *checkpoint = open_golden();
    for (size_t i = 0; i < 2; i++) {
        const um_tensor source = find(checkpoint, written_types[i], "source");
        const um_tensor blocks = find(checkpoint, written_types[i], "blocks");
        size_t count = 0;
        assert_true(um_tensor_count(&source, &count));
        const size_t bytes = um_dtype_row_bytes(written_types[i], count);
        uint8_t *found = calloc(bytes, 1);
        assert_true(um_quantise(written_types[i], source.data, found, count));
        assert_memory_equal(found, blocks.data, bytes);
        free(found);
    }
    um_checkpoint_close(checkpoint);
}

/* Sum of squared differences after a round trip. */
static double error_after(um_dtype dtype, const float *source, size_t count) {
    uint8_t *blocks = calloc(um_dtype_row_bytes(dtype, count), 1);
    float *values = calloc(count, sizeof *values);
    assert_true(um_quantise(dtype, source, blocks, count));
    um_convert_to_f32(dtype, blocks, values, count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = (double)values[i] - (double)source[i];
        sum += difference * difference;
    }
    free(values);
    free(blocks);
    return sum;
}

static void searched_blocks_err_no_more_than_the_reference(void **state) {
    (void)state;
    um_checkpoint *checkpoint = open_golden();
    um_tensor numbers = {0};
    assert_true(um_checkpoint_find(checkpoint, "numbers", &numbers));
    const size_t columns = numbers.shape[1];
    for (size_t i = 2; i < WRITTEN_TYPES; i++) {
        const um_tensor reference = find(checkpoint, written_types[i], "reference");
        for (size_t row = 0; row < numbers.shape[0]; row++) {
            const float *source = (const float *)numbers.data + row * columns;
            const double ours = error_after(written_types[i], source, columns);
            const double theirs = (double)((const float *)reference.data)[row];
            if (getenv("UNMASK_SHOW_ERRORS")) {
                print_message("%s row %zu: %g of the reference's error\n",
                              um_dtype_name(written_types[i]), row, ours / theirs);
            }
            if (ours > theirs * 1.0001) {
                fail_msg("%s, row %zu: error %g, the reference's %g",
                         um_dtype_name(written_types[i]), row, ours, theirs);
            }
        }
    }
    um_checkpoint_close(checkpoint);
}

static void fill_random(float *values, size_t count, float scale) {
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, 7, 0, (uint32_t)i};
        values[i] = scale * (float)um_rng_normal(3, place);
    }
}

/* No error exceeds half a step of the type, given as a share of the block's largest magnitude. */
static void errors_are_bounded_at_every_magnitude(void **state) {
    (void)state;
    static const double bounds[WRITTEN_TYPES] = {0.5 / 127, 1.0 / 8, 1.0 / 8, 1.0 / 32};
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        for (int exponent = -8; exponent <= 16; exponent += 4) {
            float source[256];
            float values[256];
            uint8_t blocks[1024];
            fill_random(source, 256, ldexpf(1.0f, exponent));
            double largest = 0;
            for (size_t j = 0; j < 256; j++) {
                const double magnitude = fabs((double)source[j]);
                largest = magnitude > largest ? magnitude : largest;
            }
            assert_true(um_quantise(written_types[i], source, blocks, 256));
            um_convert_to_f32(written_types[i], blocks, values, 256);
            for (size_t j = 0; j < 256; j++) {
                const double error = fabs((double)values[j] - (double)source[j]);
                if (error > largest * bounds[i] * 1.05 + 1e-5) {
                    fail_msg("%s at 2^%d: %g became %g", um_dtype_name(written_types[i]), exponent,
                             (double)source[j], (double)values[j]);
                }
            }
        }
    }
}

static void constants_and_zero_are_kept(void **state) {
    (void)state;
    static const float constants[] = {0.0f, 1.0f, -1.0f, 0.5f, -16384.0f};
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        for (size_t j = 0; j < sizeof constants / sizeof *constants; j++) {
            float source[256];
            for (size_t k = 0; k < 256; k++) {
                source[k] = constants[j];
            }
            const double norm = 256 * (double)constants[j] * (double)constants[j];
            assert_true(error_after(written_types[i], source, 256) <= norm * 1e-6);
        }
    }
}

/* The scales are so small that their inverses are infinite; the quants must not be conversions of
 * infinity. */
static void vanishing_numbers_become_zero(void **state) {
    (void)state;
    static const float numbers[] = {1e-45f, -1e-45f, 1e-40f, -1e-40f, 1e-38f, -1e-38f};
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            float source[256] = {0};
            float values[256];
            uint8_t blocks[1024];
            source[3] = numbers[j];
            source[200] = -numbers[j] / 2;
            assert_true(um_quantise(written_types[i], source, blocks, 256));
            if (written_types[i] == UM_DTYPE_Q4_0) {
                assert_int_equal(blocks[2 + 3] & 15, 8);
            }
            um_convert_to_f32(written_types[i], blocks, values, 256);
            for (size_t k = 0; k < 256; k++) {
                assert_true(values[k] == 0.0f);
            }
        }
    }
}

/* Quantising values that were read from blocks adds almost no error. */
static void numbers_on_the_grid_come_back(void **state) {
    (void)state;
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        float source[512];
        float once[512];
        uint8_t blocks[1024];
        fill_random(source, 512, 1.0f);
        assert_true(um_quantise(written_types[i], source, blocks, 512));
        um_convert_to_f32(written_types[i], blocks, once, 512);
        const double first = error_after(written_types[i], source, 512);
        assert_true(error_after(written_types[i], once, 512) < 0.05 * first);
    }
}

static void what_cannot_be_quantised_is_refused(void **state) {
    (void)state;
    float source[256] = {0};
    uint8_t blocks[1024];
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        assert_true(um_can_quantise(written_types[i]));
        for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
            source[255] = bad[j];
            assert_false(um_quantise(written_types[i], source, blocks, 256));
        }
    }
    source[255] = 0;
    assert_false(um_can_quantise(UM_DTYPE_Q5_K));
    assert_false(um_quantise(UM_DTYPE_Q5_K, source, blocks, 256));
    assert_false(um_quantise(UM_DTYPE_F16, source, blocks, 256));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defined_blocks_are_those_of_the_reference),
        cmocka_unit_test(searched_blocks_err_no_more_than_the_reference),
        cmocka_unit_test(errors_are_bounded_at_every_magnitude),
        cmocka_unit_test(constants_and_zero_are_kept),
        cmocka_unit_test(vanishing_numbers_become_zero),
        cmocka_unit_test(numbers_on_the_grid_come_back),
        cmocka_unit_test(what_cannot_be_quantised_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
