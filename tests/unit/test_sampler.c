#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_sets.h"
#include "plain_sampler.h"

#define SMALL 8

static um_kernels tables[KERNEL_SETS];

static int fill_tables(void **state) {
    (void)state;
    fill_kernel_sets(tables);
    return 0;
}

static um_sampler plain(size_t vocabulary_size) {
    return (um_sampler){.kernels = &tables[KERNEL_SETS - 1],
                        .rule = UM_SAMPLE_FILTERED,
                        .vocabulary_size = vocabulary_size,
                        .top_p = 1,
                        .suppress_also = UM_NO_TOKEN_ID};
}

/* um_sample on a copy of the logits. */
static um_candidate sample(const um_sampler *sampler, const float *logits, size_t step,
                           size_t position) {
    float *copy = malloc(sampler->vocabulary_size * sizeof *copy);
    um_row_scratch scratch = {0};
    um_error error = {0};
    assert_non_null(copy);
    assert_ok(um_row_scratch_create(sampler->vocabulary_size, &scratch, &error), &error);
    memcpy(copy, logits, sampler->vocabulary_size * sizeof *copy);
    um_candidate candidate = {.position = position};
    um_sample(sampler, step, copy, &scratch, &candidate);
    um_row_scratch_free(&scratch);
    free(copy);
    return candidate;
}

/* Find which tokens the filters keep. */
static void find_kept(const float *logits, size_t count, float divisor, double top_p, size_t top_k,
                      bool *kept) {
    um_row_scratch scratch = {0};
    um_error error = {0};
    assert_ok(um_row_scratch_create(count, &scratch, &error), &error);
    um_logit_row row = {.kernels = &tables[KERNEL_SETS - 1],
                        .logits = logits,
                        .count = count,
                        .divisor = divisor,
                        .scratch = &scratch};
    assert_true(um_logit_row_scan(&row));
    const um_kept_tokens set = um_keep_filtered(&row, top_p, top_k);
    for (size_t i = 0; i < count; i++) {
        kept[i] = logits[i] > set.above;
    }
    for (size_t i = 0; i < scratch.entries.count; i++) {
        assert_false(kept[scratch.entries.tokens[i]]); /* counted once */
        kept[scratch.entries.tokens[i]] = true;
    }
    um_row_scratch_free(&scratch);
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
        bool kept[4];
        find_kept(base, 4, 1, cases[c].top_p, 0, kept);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(kept[i], cases[c].kept[i]);
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
        bool kept[6];
        find_kept(base, 6, 1, 1, cases[c].top_k, kept);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(kept[i], cases[c].kept[i]);
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
        float logits[COUNT], slow[COUNT];
        double weights[COUNT];
        bool kept[COUNT];
        const float scale = (float[]){0.001f, 1, 8, 40}[trial % 4];
        const bool coarse = trial % 3 == 0; /* many ties */
        for (uint32_t i = 0; i < COUNT; i++) {
            const um_rng_place place = {UM_RNG_DATA_ORDER, trial, 0, i};
            const float logit = scale * (float)um_rng_normal(1, place);
            logits[i] = slow[i] = coarse ? roundf(logit) : logit;
        }
        const double top_p = um_rng_uniform(2, (um_rng_place){UM_RNG_DATA_ORDER, trial, 0, 0});
        const double total = plain_softmax_weights(slow, COUNT, weights);
        filter_by_sorting(slow, weights, total, COUNT, top_p);
        find_kept(logits, COUNT, 1, top_p, 0, kept);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(kept[i], isfinite(slow[i]) != 0);
        }
    }
}

/* The whole candidate compared with the plain version, on rows long enough for every path: few
 * candidates, a bracket from a sample, and samples that mislead because the likely tokens lie
 * together. */
static void large_rows_give_what_the_plain_version_gives(void **state) {
    (void)state;
    enum { COUNT = 40011 };
    static const double settings[][3] = {{0, 1, 0},      {0.2, 0.95, 0}, {1, 0.95, 0},
                                         {1, 0.5, 0},    {3, 0.999, 0},  {1, 1, 0},
                                         {0.7, 1, 40},   {1, 0.9, 40},   {1, 0.7, 20000},
                                         {0.7, 1, 5000}, {1, 0, 0},      {1, 0.99999999, 0}};
    float *logits = malloc(COUNT * sizeof *logits);
    float *slow = malloc(COUNT * sizeof *slow);
    double *weights = malloc(COUNT * sizeof *weights);
    assert_true(logits && slow && weights);
    for (uint32_t trial = 0; trial < 24; trial++) {
        const float scale = (float[]){0.01f, 1, 3, 9}[trial % 4];
        for (uint32_t i = 0; i < COUNT; i++) {
            const um_rng_place place = {UM_RNG_DATA_ORDER, trial, 1, i};
            const float normal = scale * (float)um_rng_normal(1, place);
            const bool is_sampled = i % UM_ROW_BLOCK < 16;
            const bool is_raised = trial >= 12 && is_sampled == (trial % 2 == 1);
            logits[i] = is_raised ? normal + 2 : normal;
        }
        for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++) {
            um_sampler sampler = plain(COUNT);
            sampler.kernels = &tables[trial / 4 % KERNEL_SETS];
            sampler.temperature = settings[s][0];
            sampler.top_p = settings[s][1];
            sampler.top_k = (size_t)settings[s][2];
            um_candidate expected = {.position = trial};
            memcpy(slow, logits, COUNT * sizeof *slow);
            plain_sample(&sampler, 1, slow, weights, &expected);
            const um_candidate found = sample(&sampler, logits, 1, trial);
            assert_int_equal(found.token, expected.token);
            assert_float_equal(found.probability, expected.probability,
                               1e-6f * expected.probability);
            assert_float_equal(found.margin, expected.margin, 1e-6f * expected.probability + 1e-7f);
            /* The plain version adds 1e-10 to every probability inside the logarithm. */
            assert_float_equal(found.negative_entropy, expected.negative_entropy, 1e-5f);
        }
    }
    free(logits);
    free(slow);
    free(weights);
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
    sampler.top_p = 0.8; /* .53 + .26 + .13 crosses it */
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

/* The draw is the token with the largest noisy logit, whichever block it is in. */
static void gumbel_draws_look_at_every_token_that_can_win(void **state) {
    (void)state;
    enum { COUNT = 4000 };
    float *logits = malloc(COUNT * sizeof *logits);
    assert_non_null(logits);
    um_sampler sampler = plain(COUNT);
    sampler.rule = UM_SAMPLE_GUMBEL;
    for (uint32_t trial = 0; trial < 40; trial++) {
        sampler.temperature = (double[]){0.1, 1, 3}[trial % 3];
        uint32_t words[4];
        um_rng_words(0, (um_rng_place){UM_RNG_TOKEN, 0, 6, trial}, words);
        const uint64_t key = (uint64_t)words[0] << 32 | words[1];
        double best_score = -INFINITY;
        uint32_t best = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            logits[i] = (float)um_rng_normal(9, (um_rng_place){UM_RNG_DATA_ORDER, trial, 2, i});
            const um_rng_place place = {.purpose = UM_RNG_TOKEN, .position = i};
            const double noise = -log(-log(um_rng_uniform(key, place)));
            const double score = (double)logits[i] + sampler.temperature * noise;
            if (score > best_score) {
                best_score = score;
                best = i;
            }
        }
        assert_int_equal(sample(&sampler, logits, 6, trial).token, best);
    }
    free(logits);
}

/* A nucleus that holds one token makes it certain; the plain distribution does not. */
static void plain_confidence_is_that_before_temperature_and_filters(void **state) {
    (void)state;
    const float logits[SMALL] = {0.5f, 2, 1.5f, 0, -1, 1, 0.25f, -3};
    um_sampler filtered = plain(SMALL);
    filtered.temperature = 0.2;
    filtered.top_p = 0.5;
    um_sampler unfiltered = filtered;
    unfiltered.plain_confidence = true;
    const um_sampler greedy = plain(SMALL);
    const um_candidate expected = sample(&greedy, logits, 0, 0);
    const um_candidate certain = sample(&filtered, logits, 0, 0);
    const um_candidate measured = sample(&unfiltered, logits, 0, 0);
    assert_int_equal(measured.token, 1);
    assert_true(certain.probability == 1.0f);
    assert_true(measured.probability == expected.probability);
    assert_true(measured.probability < 0.5f);
    assert_true(measured.margin == expected.margin);
    assert_true(measured.negative_entropy == expected.negative_entropy);
    assert_true(measured.logit_gap == expected.logit_gap);
}

/* The draw itself stays that of the filtered distribution. */
static void plain_confidence_does_not_change_the_draw(void **state) {
    (void)state;
    const float logits[SMALL] = {0.5f, 2, 1.5f, 0, -1, 1, 0.25f, -3};
    um_sampler filtered = plain(SMALL);
    filtered.temperature = 1.5;
    filtered.top_p = 0.9;
    um_sampler unfiltered = filtered;
    unfiltered.plain_confidence = true;
    for (size_t step = 0; step < 100; step++) {
        assert_int_equal(sample(&filtered, logits, step, 3).token,
                         sample(&unfiltered, logits, step, 3).token);
    }
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
        cmocka_unit_test(large_rows_give_what_the_plain_version_gives),
        cmocka_unit_test(draws_follow_the_tempered_filtered_distribution),
        cmocka_unit_test(gumbel_draws_follow_the_tempered_distribution),
        cmocka_unit_test(gumbel_draws_look_at_every_token_that_can_win),
        cmocka_unit_test(plain_confidence_is_that_before_temperature_and_filters),
        cmocka_unit_test(plain_confidence_does_not_change_the_draw),
        cmocka_unit_test(a_draw_depends_on_seed_sequence_step_and_position),
        cmocka_unit_test(suppressed_ids_are_never_chosen),
        cmocka_unit_test(an_id_without_confidence_can_still_be_chosen),
        cmocka_unit_test(logits_that_are_not_finite_are_reported),
    };
    return cmocka_run_group_tests(tests, fill_tables, NULL);
}
