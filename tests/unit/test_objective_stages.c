/* What the stages of training add to the objectives: cuts, clean prefixes, suffixes, pads, and the
 * weights and normalisations of each paper. */
#include "train/supervised/objective.h"

#include "objective_testing.h"

#define PAD 811

static size_t masked_tokens(const bench *made, const part *document, size_t from, size_t to) {
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        count += document->tokens[i] == made->config.mask_token;
    }
    return count;
}

/* ---- Cuts and prefixes --------------------------------------------------- */

static void a_share_of_the_documents_is_cut_at_random(void **state) {
    (void)state;
    enum { DOCUMENTS = 50, STEPS = 200, LENGTH = 10 };
    um_document documents[DOCUMENTS];
    for (size_t i = 0; i < DOCUMENTS; i++) {
        documents[i] = (um_document){.length = LENGTH};
    }
    bench made = bench_make("diffusion",
                            ", \"random_truncation_probability\": 0.2, \"answer_length\": 10, "
                            "\"answer_padding\": \"fixed\"",
                            DOCUMENTS, documents);
    made.config.pad_token = PAD;
    size_t lengths[LENGTH + 1] = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        fill(&made, 1, step);
        for (size_t i = 0; i < DOCUMENTS; i++) {
            const part document = part_of(&made, i);
            assert_true(document.length >= 1 && document.length <= LENGTH);
            int32_t tokens[LENGTH];
            um_shard_tokens(made.shard, i, 0, document.length, tokens);
            assert_memory_equal(document.clean, tokens, document.length * sizeof *tokens);
            lengths[document.length]++;
        }
    }
    for (size_t length = 1; length < LENGTH; length++) { /* 200 expected */
        assert_true(lengths[length] > 130 && lengths[length] < 270);
    }
    assert_true(lengths[LENGTH] > 8200 - 250 && lengths[LENGTH] < 8200 + 250);
    bench_free(&made);
}

static void a_document_that_is_cut_gets_no_pads(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 10, 4}, {20, 10, 0}};
    static const char *const paddings[] = {"random", "fixed", "batch"};
    for (size_t i = 0; i < 3; i++) {
        bench made =
            bench_make("diffusion", ", \"random_truncation_probability\": 1, \"answer_length\": 30",
                       2, documents);
        made.config.pad_token = PAD;
        set_member(&made.recipe, "answer_padding", paddings[i]);
        for (uint32_t step = 0; step < 100; step++) {
            fill(&made, 1, step);
            assert_true(part_of(&made, 0).length <= 20 && part_of(&made, 1).length <= 20);
            for (size_t j = 0; j < made.batch.row_count; j++) {
                assert_int_not_equal(made.batch.clean_tokens[j], PAD);
            }
        }
        bench_free(&made);
    }
}

static void a_share_of_the_documents_keeps_a_clean_prefix(void **state) {
    (void)state;
    enum { DOCUMENTS = 50, STEPS = 100, LENGTH = 12 };
    um_document documents[DOCUMENTS];
    for (size_t i = 0; i < DOCUMENTS; i++) {
        documents[i] = (um_document){.length = LENGTH};
    }
    bench made =
        bench_make("diffusion", ", \"clean_prefix_probability\": 0.3, \"minimum_mask_rate\": 1",
                   DOCUMENTS, documents);
    size_t prefixes[LENGTH] = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        size_t maskable = 0;
        fill(&made, 1, step);
        for (size_t i = 0; i < DOCUMENTS; i++) {
            const part document = part_of(&made, i);
            const size_t prefix = LENGTH - document.targets; /* all others are masked */
            assert_true(prefix >= 1 && prefix < LENGTH);
            assert_int_equal(masked_tokens(&made, &document, 0, prefix), 0);
            assert_int_equal(masked_tokens(&made, &document, prefix, LENGTH), LENGTH - prefix);
            prefixes[prefix]++;
            maskable += LENGTH - prefix;
        }
        assert_int_equal(made.batch.maskable_tokens, maskable);
    }
    /* the first token is never masked, and a clean prefix has at least one token that could be */
    for (size_t prefix = 2; prefix < LENGTH; prefix++) { /* 150 expected */
        assert_true(prefixes[prefix] > 95 && prefixes[prefix] < 205);
    }
    bench_free(&made);
}

/* ---- Infilling ----------------------------------------------------------- */

static void only_the_hole_is_masked_unless_everything_may_be(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 6, 5}, {9, 0, 9}, {12, 12, 0}, {8, 0, 3}};
    bench made = bench_make("diffusion", ", \"mask_prompt_probability\": 0", 4, documents);
    for (size_t whole = 0; whole < 2; whole++) {
        size_t outside = 0;
        made.recipe.mask_prompt_probability = (double)whole;
        for (uint32_t step = 0; step < 50; step++) {
            size_t maskable = 0;
            fill(&made, 1, step);
            for (size_t i = 0; i < 4; i++) {
                const part document = part_of(&made, i);
                const size_t end = documents[i].length - documents[i].suffix_length;
                const size_t prompt = documents[i].prompt_length;
                outside += masked_tokens(&made, &document, 0, prompt);
                outside += masked_tokens(&made, &document, end, documents[i].length);
                const size_t from = prompt > 0 ? prompt : 1;
                maskable += whole ? documents[i].length - 1 : end > from ? end - from : 0;
            }
            assert_int_equal(made.batch.maskable_tokens, maskable);
        }
        assert_true(whole ? outside > 200 : outside == 0);
    }
    bench_free(&made);
}

static void a_cut_takes_the_suffix_first(void **state) {
    (void)state;
    static const um_document documents[] = {{99, 40, 10}, {120, 40, 30}, {120, 100, 10}};
    bench made = bench_make(
        "diffusion", ", \"mask_prompt_probability\": 0, \"minimum_mask_rate\": 1", 3, documents);
    fill(&made, 1, 0);
    static const size_t from[] = {40, 40, 96};
    static const size_t to[] = {89, 90, 96};
    for (size_t i = 0; i < 3; i++) {
        const part document = part_of(&made, i);
        assert_int_equal(document.length, 96);
        assert_int_equal(document.targets, to[i] - from[i]);
        assert_int_equal(masked_tokens(&made, &document, from[i], to[i]), document.targets);
    }
    bench_free(&made);
}

/* ---- Pads ---------------------------------------------------------------- */

/* Check that a document has its own tokens and `pads` pads between answer and suffix. */
static void expect_padded(const bench *made, size_t index, const um_document *stored, size_t pads) {
    int32_t tokens[128];
    const part document = part_of(made, index);
    const size_t end = stored->length - stored->suffix_length;
    assert_int_equal(document.length, stored->length + pads);
    um_shard_tokens(made->shard, index, 0, stored->length, tokens);
    assert_memory_equal(document.clean, tokens, end * sizeof *tokens);
    for (size_t i = end; i < end + pads; i++) {
        assert_int_equal(document.clean[i], PAD);
    }
    assert_memory_equal(document.clean + end + pads, tokens + end,
                        stored->suffix_length * sizeof *tokens);
}

static void answers_of_a_fixed_length_are_padded_inside_the_hole(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 10, 4}, {40, 10, 0}, {80, 70, 2}, {50, 5, 5}};
    bench made = bench_make(
        "diffusion",
        ", \"mask_prompt_probability\": 0, \"answer_length\": 30, \"minimum_mask_rate\": 1, "
        "\"answer_padding\": \"fixed\"",
        4, documents);
    made.config.pad_token = PAD;
    fill(&made, 5, 0);
    expect_padded(&made, 0, &documents[0], 24); /* a hole of 30 */
    expect_padded(&made, 1, &documents[1], 0);
    expect_padded(&made, 2, &documents[2], 16); /* up to the context */
    expect_padded(&made, 3, &documents[3], 0);  /* already longer */
    static const size_t holes[] = {30, 30, 24, 40};
    for (size_t i = 0; i < 4; i++) { /* pads are learnt like other tokens, the suffix is not */
        assert_int_equal(part_of(&made, i).targets, holes[i]);
    }
    bench_free(&made);
}

static void answers_with_a_suffix_may_have_a_length_of_their_own(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 10, 4}, {40, 10, 0}, {20, 5, 4}};
    bench made = bench_make("diffusion",
                            ", \"answer_length\": 34, \"infilling_length\": 8, "
                            "\"answer_padding\": \"fixed\"",
                            3, documents);
    made.config.pad_token = PAD;
    fill(&made, 5, 0);
    expect_padded(&made, 0, &documents[0], 2);
    expect_padded(&made, 1, &documents[1], 4);
    expect_padded(&made, 2, &documents[2], 0); /* already longer */
    bench_free(&made);
}

static void random_pads_stand_inside_the_hole_too(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 10, 4}};
    bench made = bench_make("diffusion", ", \"answer_length\": 30", 1, documents);
    made.config.pad_token = PAD;
    size_t longest = 0;
    for (uint32_t step = 0; step < 300; step++) {
        fill(&made, 5, step);
        const size_t pads = part_of(&made, 0).length - 20;
        assert_true(pads <= 24);
        expect_padded(&made, 0, &documents[0], pads);
        longest = pads > longest ? pads : longest;
    }
    assert_int_equal(longest, 24);
    bench_free(&made);
}

static void flexible_pads_go_up_to_the_longest_of_the_batch(void **state) {
    (void)state;
    um_error error = {0};
    static const um_document documents[] = {
        {20, 10, 4}, {31, 10, 0}, {5, 2, 2}, {40, 1, 0}, {3, 1, 0}};
    bench made = bench_make("diffusion", ", \"answer_padding\": \"batch\", \"batch_tokens\": 100",
                            5, documents);
    made.config.pad_token = PAD;
    size_t next = 0;
    const um_batch_noise noise = {.seed = 5};
    assert_ok(um_document_batch_fill_in_order(&made.batch, &made.recipe, &made.config, made.shard,
                                              &next, noise, &error),
              &error);
    assert_int_equal(next, 3); /* a fourth document would make it 4 x 40 rows */
    assert_int_equal(made.batch.row_count, 93);
    for (size_t i = 0; i < 3; i++) {
        expect_padded(&made, i, &documents[i], 31 - documents[i].length);
    }
    assert_ok(um_document_batch_fill_in_order(&made.batch, &made.recipe, &made.config, made.shard,
                                              &next, noise, &error),
              &error);
    assert_int_equal(next, 5);
    assert_int_equal(made.batch.row_count, 80);
    bench_free(&made);
}

/* ---- Weights -------------------------------------------------------------- */

static void answers_count_the_same_whatever_their_length(void **state) {
    (void)state;
    static const um_document documents[] = {{60, 10, 0}, {14, 10, 2}, {7, 7, 0}, {30, 0, 5}};
    static const double maskable[] = {50, 2, 0, 24};
    bench made = bench_make("diffusion",
                            ", \"mask_prompt_probability\": 0, \"minimum_mask_rate\": 0.5, "
                            "\"loss_normalisation\": \"answers\"",
                            4, documents);
    double sums[4] = {0};
    for (uint32_t step = 0; step < 4000; step++) {
        fill(&made, 3, step);
        assert_true(made.batch.divisor == 3); /* one has no answer */
        for (size_t i = 0; i < 4; i++) {
            const part document = part_of(&made, i);
            for (size_t j = 0; j < document.targets; j++) {
                const double rate = 1.0 / (3 * maskable[i] * (double)document.weights[j]);
                assert_true(rate > 0.5 - 1e-6 && rate < 1 + 1e-6);
                sums[i] += (double)document.weights[j];
            }
        }
    }
    for (size_t i = 0; i < 4; i++) { /* on average, each is a third of the loss */
        assert_true(fabs(sums[i] / 4000 - (maskable[i] > 0 ? 1.0 / 3 : 0)) < 0.01);
    }
    bench_free(&made);
}

static void validation_divides_by_what_is_no_pad(void **state) {
    (void)state;
    static const um_document documents[] = {{20, 10, 4}, {40, 10, 0}, {7, 7, 0}};
    bench made = bench_make("diffusion",
                            ", \"answer_length\": 30, \"answer_padding\": \"fixed\", "
                            "\"mask_prompt_probability\": 0, \"minimum_mask_rate\": 1, "
                            "\"loss_normalisation\": \"answers\", \"loss_weighting\": \"cart\"",
                            3, documents);
    made.config.pad_token = PAD;
    made.recipe = um_recipe_for_validation(&made.recipe);
    fill(&made, 3, 0);
    assert_int_equal(made.batch.maskable_tokens, 90);
    assert_int_equal(made.batch.maskable_pads, 24 + 30);
    assert_int_equal(made.batch.target_count, 90); /* not predicting a pad costs too */
    assert_true(made.batch.divisor == 36);
    made.recipe.mask_prompt_probability = 1;
    fill(&made, 3, 0);
    assert_int_equal(made.batch.maskable_pads, 24 + 30);
    assert_true(made.batch.divisor == 20 + 40 + 7 - 3); /* the first tokens are never masked */
    bench_free(&made);
}

/* The sum as the paper writes it. */
static double cart_weight(const bench *made, const part *document, size_t position, double p) {
    double sum = 0;
    for (size_t j = 0; j < document->length; j++) {
        if (document->tokens[j] != made->config.mask_token) {
            const size_t distance = j > position ? j - position : position - j;
            sum += p * pow(1 - p, (double)distance - 1);
        }
    }
    return 0.5 * sum;
}

static void cart_weighs_by_the_unmasked_tokens_around(void **state) {
    (void)state;
    static const um_document documents[] = {{60, 10, 7}, {1, 0, 0}, {14, 3, 2}, {90, 0, 0}};
    static const char *const probabilities[] = {"0.1", "0.5", "1"};
    bench made = bench_make("diffusion",
                            ", \"loss_weighting\": \"cart\", \"loss_normalisation\": \"masked\"", 4,
                            documents);
    for (size_t variant = 0; variant < 6; variant++) {
        const bool shifted = variant % 2 == 0;
        made.config.logit_alignment = shifted ? UM_LOGITS_SHIFTED : UM_LOGITS_AT_POSITION;
        set_member(&made.recipe, "cart_probability", probabilities[variant / 2]);
        for (uint32_t step = 0; step < 20; step++) {
            fill(&made, 3, step);
            for (size_t i = 0; i < 4; i++) {
                const part document = part_of(&made, i);
                for (size_t j = 0; j < document.targets; j++) {
                    const size_t position = document.rows[j] + shifted;
                    const double expected =
                        cart_weight(&made, &document, position, made.recipe.cart_probability);
                    const double weight = (double)document.weights[j] * made.batch.divisor;
                    assert_true(fabs(weight - expected) < 1e-6);
                }
            }
        }
    }
    bench_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_the_documents_is_cut_at_random),
        cmocka_unit_test(a_document_that_is_cut_gets_no_pads),
        cmocka_unit_test(a_share_of_the_documents_keeps_a_clean_prefix),
        cmocka_unit_test(only_the_hole_is_masked_unless_everything_may_be),
        cmocka_unit_test(a_cut_takes_the_suffix_first),
        cmocka_unit_test(answers_of_a_fixed_length_are_padded_inside_the_hole),
        cmocka_unit_test(answers_with_a_suffix_may_have_a_length_of_their_own),
        cmocka_unit_test(random_pads_stand_inside_the_hole_too),
        cmocka_unit_test(flexible_pads_go_up_to_the_longest_of_the_batch),
        cmocka_unit_test(answers_count_the_same_whatever_their_length),
        cmocka_unit_test(validation_divides_by_what_is_no_pad),
        cmocka_unit_test(cart_weighs_by_the_unmasked_tokens_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
