/* Which tokens the likelihood estimator masks. */
#include "grpo_testing.h"

#define POSITIONS 40

static um_grpo_options options_of(const char *more) {
    return make_grpo_recipe(more).grpo;
}

static void coupled_masks_are_complementary_and_cover(void **state) {
    (void)state;
    const um_grpo_options options = options_of(", \"mask_pairs\": 3");
    assert_int_equal(um_mask_pass_count(&options), 7);
    size_t first = 0;
    for (uint32_t set = 0; set < 50; set++) {
        const um_mask_place place = {.seed = 5, .completion = set % 7, .set = set};
        for (size_t position = 0; position < POSITIONS; position++) {
            assert_true(um_mask_hides(&options, place, 0, position));
            for (size_t pass = 1; pass < 7; pass += 2) {
                const bool one = um_mask_hides(&options, place, pass, position);
                const bool other = um_mask_hides(&options, place, pass + 1, position);
                assert_true(one != other);
                first += one;
            }
        }
    }
    const double share = (double)first / (50.0 * POSITIONS * 3);
    assert_true(share > 0.45 && share < 0.55);
}

static void rates_of_a_pair_sum_to_one(void **state) {
    (void)state;
    const um_grpo_options options =
        options_of(", \"pair_rate_minimum\": 0.3, \"pair_rate_maximum\": 0.9");
    double sum = 0;
    for (uint32_t set = 0; set < 1000; set++) {
        const um_mask_place place = {.seed = 5, .set = set};
        const double first = um_mask_rate(&options, place, 1);
        const double second = um_mask_rate(&options, place, 2);
        assert_true(first >= 0.3 && first < 0.9 && first + second == 1.0);
        assert_true(um_mask_rate(&options, place, 0) == 1.0);
        assert_true(um_mask_coefficient(&options, place, 0) == 0.5);
        assert_true(fabs(um_mask_coefficient(&options, place, 1) - 0.5 / first) < 1e-12);
        sum += first;
    }
    assert_true(fabs(sum / 1000 - 0.6) < 0.02);
}

/* Each mask hides at its own rate, independently of the other. */
static void decoupled_masks_are_independent(void **state) {
    (void)state;
    const um_grpo_options options = options_of(
        ", \"estimator\": \"decoupled\", \"pair_rate_minimum\": 0.3, \"pair_rate_maximum\": 0.3");
    const double count = 500.0 * POSITIONS;
    double first = 0;
    double second = 0;
    double both = 0;
    for (uint32_t set = 0; set < 500; set++) {
        const um_mask_place place = {.seed = 5, .set = set};
        for (size_t position = 0; position < POSITIONS; position++) {
            const bool one = um_mask_hides(&options, place, 1, position);
            const bool other = um_mask_hides(&options, place, 2, position);
            first += one;
            second += other;
            both += one && other;
        }
    }
    assert_true(fabs(first / count - 0.3) < 0.015);
    assert_true(fabs(second / count - 0.7) < 0.015);
    assert_true(fabs(both / count - 0.21) < 0.015);
}

static void every_part_of_a_place_changes_the_masks(void **state) {
    (void)state;
    const um_grpo_options options = options_of(", \"mask_pairs\": 2");
    const um_mask_place places[] = {{5, 0, 0}, {6, 0, 0}, {5, 1, 0}, {5, 0, 1}};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            size_t different = 0;
            for (size_t position = 0; position < POSITIONS; position++) {
                different += um_mask_hides(&options, places[i], 1, position) !=
                             um_mask_hides(&options, places[j], 1, position);
            }
            assert_true(different > 5);
            assert_true(um_mask_rate(&options, places[i], 1) !=
                        um_mask_rate(&options, places[j], 1));
        }
        assert_true(um_mask_rate(&options, places[i], 1) != um_mask_rate(&options, places[i], 3));
    }
    um_grpo_options shared = options;
    shared.shared_pair_rate = true;
    assert_true(um_mask_rate(&shared, places[0], 1) == um_mask_rate(&shared, places[2], 1));
    assert_true(um_mask_rate(&shared, places[0], 1) != um_mask_rate(&shared, places[3], 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coupled_masks_are_complementary_and_cover),
        cmocka_unit_test(rates_of_a_pair_sum_to_one),
        cmocka_unit_test(decoupled_masks_are_independent),
        cmocka_unit_test(every_part_of_a_place_changes_the_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
