#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "decode/canvas.h"
#include "decode/sampler.h"

#define SMALL 8

static um_sampler plain(size_t vocabulary_size) {
    return (um_sampler){.rule = UM_SAMPLE_FILTERED,
                        .vocabulary_size = vocabulary_size,
                        .top_p = 1,
                        .suppress_also = UM_NO_TOKEN_ID};
}

/* um_sample on a copy. */
static um_candidate sample(const um_sampler *sampler, const float *logits, size_t step,
                           size_t position) {
    double *weights = malloc(sampler->vocabulary_size * sizeof *weights);
    float *copy = malloc(sampler->vocabulary_size * sizeof *copy);
    assert_non_null(weights);
    assert_non_null(copy);
    memcpy(copy, logits, sampler->vocabulary_size * sizeof *copy);
    um_candidate candidate = {.position = position};
    um_sample(sampler, step, copy, weights, &candidate);
    free(copy);
    free(weights);
    return candidate;
}

static void temperature_0_is_the_lowest_best_id(void **state) {
    (void)state;
    const float logits[SMALL] = {1, 2, 5, 3, 5, 0, 5, -4};
    um_sampler sampler = plain(SMALL);
    for (size_t step = 0; step < 50; step++) {
        sampler.seed = step;
        assert_int_equal(sample(&sampler, logits, step, 3).token, 2);
    }
    sampler.rule = UM_SAMPLE_GUMBEL;
    assert_int_equal(sample(&sampler, logits, 1, 3).token, 2);
}

static void a_certain_row_is_exactly_one_hot(void **state) {
    (void)state;
    const float logits[SMALL] = {0, 60, 0, 0, 0, 0, 0, 0};
    const um_sampler sampler = plain(SMALL);
    const um_candidate candidate = sample(&sampler, logits, 0, 0);
    assert_true(candidate.probability == 1.0f);
    assert_true(candidate.margin == 1.0f);
    assert_true(candidate.negative_entropy == 0.0f);
}

static void the_token_that_crosses_top_p_is_kept(void **state) {
    (void)state;
    /* Probabilities 1/2, 1/4, 1/8, 1/8. */
    const float base[4] = {logf(4), logf(8), logf(2), logf(2)};
    static const struct {
        double top_p;
        bool kept[4];
    } cases[] = {
        {0.0, {false, true, false, false}}, {0.3, {false, true, false, false}},
        {0.6, {true, true, false, false}},  {0.8, {true, true, true, false}},
        {0.874, {true, true, true, false}}, {0.9, {true, true, true, true}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        float logits[4];
        double weights[4];
        memcpy(logits, base, sizeof logits);
        const double total = um_softmax_weights(logits, 4, weights);
        um_filter_top_p(logits, weights, total, 4, cases[c].top_p);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(isfinite(logits[i]) != 0, cases[c].kept[i]);
        }
    }
}

static void top_k_keeps_ties_with_the_last_one(void **state) {
    (void)state;
    const float base[6] = {3, -1, 3, 7, -0.0f, 0.0f};
    static const struct {
        size_t top_k;
        bool kept[6];
    } cases[] = {
        {1, {false, false, false, true, false, false}},
        {2, {true, false, true, true, false, false}},
        {3, {true, false, true, true, false, false}},
        {4, {true, false, true, true, true, true}},
        {6, {true, true, true, true, true, true}},
        {0, {true, true, true, true, true, true}},
        {900, {true, true, true, true, true, true}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        float logits[6];
        memcpy(logits, base, sizeof logits);
        um_filter_top_k(logits, 6, cases[c].top_k);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(isfinite(logits[i]) != 0, cases[c].kept[i]);
        }
    }
}

/* The slow way: repeatedly take the largest logit, the lowest id on ties. */
static void filter_by_sorting(float *logits, const double *weights, double total, size_t count,
                              double top_p) {
    bool *kept = calloc(count, sizeof *kept);
    assert_non_null(kept);
    double sum = 0;
    for (size_t taken = 0; taken < count && (float)sum <= (float)top_p; taken++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (!kept[i] && (best == count || logits[i] > logits[best])) {
                best = i;
            }
        }
        kept[best] = true;
        sum += (double)(float)(weights[best] / total);
    }
    for (size_t i = 0; i < count; i++) {
        logits[i] = kept[i] ? logits[i] : -INFINITY;
    }
    free(kept);
}

static void the_nucleus_equals_that_of_a_full_sort(void **state) {
    (void)state;
    enum { COUNT = 300 };
    for (uint32_t trial = 0; trial < 200; trial++) {
        float fast[COUNT], slow[COUNT];
        double weights[COUNT];
        const float scale = (float[]){0.001f, 1, 8, 40}[trial % 4];
        const bool coarse = trial % 3 == 0; /* many ties */
        for (uint32_t i = 0; i < COUNT; i++) {
            const um_rng_place place = {UM_RNG_DATA_ORDER, trial, 0, i};
            const float logit = scale * (float)um_rng_normal(1, place);
            fast[i] = slow[i] = coarse ? roundf(logit) : logit;
        }
        const double top_p = um_rng_uniform(2, (um_rng_place){UM_RNG_DATA_ORDER, trial, 0, 0});
        const double total = um_softmax_weights(fast, COUNT, weights);
        um_filter_top_p(fast, weights, total, COUNT, top_p);
        filter_by_sorting(slow, weights, total, COUNT, top_p);
        for (size_t i = 0; i < COUNT; i++) {
            assert_true(fast[i] == slow[i]);
        }
    }
}

/* Chi-square of `draws` draws against the probabilities, over 5 degrees of freedom. */
static double chi_square(const um_sampler *sampler, const float *logits, const double *expected,
                         size_t draws) {
    size_t counts[6] = {0};
    for (size_t d = 0; d < draws; d++) {
        const um_candidate candidate = sample(sampler, logits, d % 100, d / 100);
        counts[candidate.token]++;
        assert_true(fabs((double)candidate.probability - expected[candidate.token]) < 1e-6 ||
                    sampler->rule == UM_SAMPLE_GUMBEL);
    }
    double sum = 0;
    for (size_t i = 0; i < 6; i++) {
        const double mean = expected[i] * (double)draws;
        if (mean == 0) {
            assert_int_equal(counts[i], 0);
        } else {
            sum += ((double)counts[i] - mean) * ((double)counts[i] - mean) / mean;
        }
    }
    return sum;
}

static void fill_expected(const float *logits, double temperature, size_t from, double *expected) {
    double total = 0;
    for (size_t i = 0; i < 6; i++) {
        expected[i] = i >= from ? exp((double)logits[i] / temperature) : 0;
        total += expected[i];
    }
    for (size_t i = 0; i < 6; i++) {
        expected[i] /= total;
    }
}

static void draws_follow_the_tempered_filtered_distribution(void **state) {
    (void)state;
    const float logits[6] = {-2, -1, 0, 0.5f, 1, 1.5f};
    double expected[6];
    um_sampler sampler = plain(6);
    sampler.seed = 77;
    sampler.temperature = 0.7;
    fill_expected(logits, 0.7, 0, expected);
    assert_true(chi_square(&sampler, logits, expected, 20000) < 25); /* p about 1e-4 */
    sampler.top_k = 4;
    fill_expected(logits, 0.7, 2, expected);
    assert_true(chi_square(&sampler, logits, expected, 20000) < 25);
    sampler.top_k = 0;
    sampler.top_p = 0.8; /* .49 + .24 + .12 crosses it */
    fill_expected(logits, 0.7, 3, expected);
    assert_true(chi_square(&sampler, logits, expected, 20000) < 25);
}

static void gumbel_draws_follow_the_tempered_distribution(void **state) {
    (void)state;
    const float logits[6] = {-2, -1, 0, 0.5f, 1, 1.5f};
    double expected[6], untempered[6];
    um_sampler sampler = plain(6);
    sampler.rule = UM_SAMPLE_GUMBEL;
    sampler.temperature = 0.5;
    fill_expected(logits, 0.5, 0, expected);
    assert_true(chi_square(&sampler, logits, expected, 20000) < 25);
    fill_expected(logits, 1, 0, untempered);
    const um_candidate candidate = sample(&sampler, logits, 0, 0);
    assert_true(fabs((double)candidate.probability - untempered[candidate.token]) < 1e-6);
}

static void a_draw_depends_on_seed_sequence_step_and_position(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    float logits[COUNT] = {0};
    for (int rule = 0; rule < 2; rule++) {
        um_sampler sampler = plain(COUNT);
        sampler.rule = rule ? UM_SAMPLE_GUMBEL : UM_SAMPLE_FILTERED;
        sampler.temperature = 1;
        sampler.seed = 3;
        const int32_t token = sample(&sampler, logits, 4, 5).token;
        assert_int_equal(sample(&sampler, logits, 4, 5).token, token);
        assert_int_not_equal(sample(&sampler, logits, 5, 5).token, token);
        assert_int_not_equal(sample(&sampler, logits, 4, 6).token, token);
        sampler.sequence = 1;
        assert_int_not_equal(sample(&sampler, logits, 4, 5).token, token);
        sampler.sequence = 0;
        sampler.seed = (uint64_t)3 << 32;
        assert_int_not_equal(sample(&sampler, logits, 4, 5).token, token);
    }
}

static void suppressed_ids_are_never_chosen(void **state) {
    (void)state;
    const float logits[SMALL] = {9, 8, 7, 6, 5, 4, 3, 2};
    const int32_t suppress[] = {0, 2};
    um_sampler sampler = plain(SMALL);
    sampler.suppress = suppress;
    sampler.suppress_count = 2;
    assert_int_equal(sample(&sampler, logits, 0, 0).token, 1);
    sampler.suppress_also = 1;
    assert_int_equal(sample(&sampler, logits, 0, 0).token, 3);
    sampler.temperature = 5;
    for (size_t step = 0; step < 500; step++) {
        assert_true(sample(&sampler, logits, step, 0).token > 2);
    }
}

static void an_id_without_confidence_can_still_be_chosen(void **state) {
    (void)state;
    const float logits[SMALL] = {9, 8, 7, 6, 5, 4, 3, 2};
    const int32_t ids[] = {0};
    um_sampler sampler = plain(SMALL);
    sampler.rule = UM_SAMPLE_GUMBEL;
    sampler.suppress_confidence = ids;
    sampler.suppress_confidence_count = 1;
    const um_candidate candidate = sample(&sampler, logits, 0, 0);
    assert_int_equal(candidate.token, 0);
    assert_true(candidate.probability == 0);
}

static void logits_that_are_not_finite_are_reported(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const um_sampler sampler = plain(SMALL);
    for (size_t b = 0; b < 3; b++) {
        float logits[SMALL] = {0};
        logits[5] = bad[b];
        assert_false(sample(&sampler, logits, 0, 0).is_finite);
    }
    um_sampler cold = plain(SMALL);
    cold.temperature = 1e-38;
    const float logits[SMALL] = {0, 1e6f};
    assert_false(sample(&cold, logits, 0, 0).is_finite);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_0_is_the_lowest_best_id),
        cmocka_unit_test(a_certain_row_is_exactly_one_hot),
        cmocka_unit_test(the_token_that_crosses_top_p_is_kept),
        cmocka_unit_test(top_k_keeps_ties_with_the_last_one),
        cmocka_unit_test(the_nucleus_equals_that_of_a_full_sort),
        cmocka_unit_test(draws_follow_the_tempered_filtered_distribution),
        cmocka_unit_test(gumbel_draws_follow_the_tempered_distribution),
        cmocka_unit_test(a_draw_depends_on_seed_sequence_step_and_position),
        cmocka_unit_test(suppressed_ids_are_never_chosen),
        cmocka_unit_test(an_id_without_confidence_can_still_be_chosen),
        cmocka_unit_test(logits_that_are_not_finite_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
