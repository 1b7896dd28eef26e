/* The objectives: which tokens they mask and predict, and with which weights. */
#include "train/supervised/objective.h"

#include "objective_testing.h"

/* ---- Documents --------------------------------------------------------- */

static const um_document three[] = {{9, 4, 0}, {1, 0, 0}, {6, 0, 0}};
static const um_document many[] = {{30, 10, 0}, {40, 0, 0},  {17, 17, 0}, {5, 1, 0},
                                   {80, 40, 0}, {33, 2, 0},  {12, 12, 0}, {64, 20, 0},
                                   {2, 1, 0},   {96, 50, 0}, {7, 0, 0},   {50, 25, 0}};
#define MANY (sizeof many / sizeof *many)

/* ---- Causal ------------------------------------------------------------ */

static void causal_targets_are_all_tokens_but_the_first(void **state) {
    (void)state;
    bench made = bench_make("causal", ", \"prompt_loss_weight\": 0.25", 3, three);
    fill(&made, 1, 0);
    assert_int_equal(made.batch.rows.count, 3);
    assert_int_equal(made.batch.rows.attention, UM_ATTENTION_CAUSAL);
    assert_int_equal(made.batch.target_count, 8 + 0 + 5);
    const double divisor = 3 * 0.25 + 5 + 5;
    assert_true(made.batch.divisor == divisor);
    for (size_t i = 0; i < 3; i++) {
        const part document = part_of(&made, i);
        assert_int_equal(document.length, three[i].length);
        assert_int_equal(document.targets, three[i].length - 1);
        assert_memory_equal(document.tokens, document.clean,
                            document.length * sizeof *document.tokens);
        for (size_t j = 0; j < document.targets; j++) {
            const double weight = j + 1 < three[i].prompt_length ? 0.25 : 1.0;
            assert_int_equal(document.rows[j], j);
            assert_int_equal(document.ids[j], document.clean[j + 1]);
            assert_true(document.weights[j] == (float)(weight / divisor));
        }
    }
    bench_free(&made);
}

static void a_causal_loss_can_leave_prompts_out(void **state) {
    (void)state;
    bench made = bench_make("causal", ", \"prompt_loss_weight\": 0", 3, three);
    fill(&made, 1, 0);
    const part first = part_of(&made, 0);
    assert_int_equal(first.targets, 5); /* positions 4 to 8 */
    assert_int_equal(first.rows[0], 3);
    assert_int_equal(first.ids[0], first.clean[4]);
    assert_int_equal(part_of(&made, 2).targets, 5);
    assert_true(made.batch.divisor == 10);
    assert_true(fabs(sum_of_weights(&made) - 1) < 1e-6);
    bench_free(&made);
}

/* ---- Diffusion: what is masked ----------------------------------------- */

/* Check one document whose tokens from `from` on may be masked; returns how many are. */
static size_t check_masks(const bench *made, const part *document, size_t from) {
    const bool shifted = made->config.logit_alignment == UM_LOGITS_SHIFTED;
    size_t target = 0;
    for (size_t i = 0; i < document->length; i++) {
        if (document->tokens[i] != made->config.mask_token) {
            assert_int_equal(document->tokens[i], document->clean[i]);
            continue;
        }
        assert_true(i >= from);
        assert_true(target < document->targets);
        assert_int_equal(document->ids[target], document->clean[i]);
        assert_int_equal(document->rows[target], shifted ? i - 1 : i);
        target++;
    }
    assert_int_equal(target, document->targets);
    return target;
}

static void only_what_may_be_masked_is_masked_and_predicted(void **state) {
    (void)state;
    for (size_t variant = 0; variant < 4; variant++) {
        const bool shifted = variant % 2 == 0;
        const bool prompts = variant / 2 == 0;
        bench made = bench_make("diffusion", "", MANY, many);
        made.config.logit_alignment = shifted ? UM_LOGITS_SHIFTED : UM_LOGITS_AT_POSITION;
        made.recipe.mask_prompt_probability = prompts ? 1 : 0;
        size_t masked[MANY] = {0};
        size_t maskable = 0;
        for (uint32_t step = 0; step < 50; step++) {
            fill(&made, 1, step);
            assert_int_equal(made.batch.rows.attention, UM_ATTENTION_FULL);
            assert_int_equal(made.batch.rows.count, MANY);
            maskable = 0;
            for (size_t i = 0; i < MANY; i++) {
                size_t from = prompts ? 0 : many[i].prompt_length;
                from = shifted && from == 0 ? 1 : from;
                const part document = part_of(&made, i);
                masked[i] += check_masks(&made, &document, from);
                maskable += many[i].length - from;
            }
            assert_int_equal(made.batch.maskable_tokens, maskable);
        }
        for (size_t i = 0; i < MANY; i++) {
            const bool possible = prompts || many[i].prompt_length < many[i].length;
            assert_true(possible ? masked[i] > 0 : masked[i] == 0);
        }
        bench_free(&made);
    }
}

static void a_share_of_the_prompts_is_left_alone(void **state) {
    (void)state;
    um_document documents[64];
    for (size_t i = 0; i < 64; i++) {
        documents[i] = (um_document){.length = 90, .prompt_length = 80};
    }
    bench made =
        bench_make("diffusion", ", \"mask_prompt_probability\": 0.3, \"minimum_mask_rate\": 0.5",
                   64, documents);
    size_t masked_prompts = 0;
    for (uint32_t step = 0; step < 50; step++) {
        fill(&made, 1, step);
        for (size_t i = 0; i < 64; i++) {
            const part document = part_of(&made, i);
            /* at a rate of a half or more, chance does not leave all 79 tokens unmasked */
            masked_prompts += document.targets > 0 && document.rows[0] + 1 < 80;
        }
    }
    const double share = (double)masked_prompts / (50 * 64);
    assert_true(fabs(share - 0.3) < 0.04); /* five standard deviations */
    bench_free(&made);
}

/* ---- Diffusion: rates and weights -------------------------------------- */

/* The rate at which a document was masked, from the weight 1/t of its targets; -1 without any. */
static double rate_of(const bench *made, size_t index) {
    const part document = part_of(made, index);
    for (size_t i = 1; i < document.targets; i++) {
        assert_true(document.weights[i] == document.weights[0]);
    }
    return document.targets == 0 ? -1 : 1.0 / ((double)document.weights[0] * made->batch.divisor);
}

static void a_masked_token_counts_the_inverse_of_its_rate(void **state) {
    (void)state;
    enum { DOCUMENTS = 100, STEPS = 40 };
    um_document documents[DOCUMENTS];
    for (size_t i = 0; i < DOCUMENTS; i++) {
        documents[i] = (um_document){.length = 96, .prompt_length = 0};
    }
    bench made = bench_make("diffusion", ", \"minimum_mask_rate\": 0.2", DOCUMENTS, documents);
    double objective = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        fill(&made, 7, step);
        assert_true(made.batch.divisor == 95 * DOCUMENTS);
        double masked = 0;
        double rates = 0;
        for (size_t i = 0; i < DOCUMENTS; i++) {
            const double rate = rate_of(&made, i);
            assert_true(rate > 0.2 - 1e-6 && rate < 1 + 1e-6);
            const double expected = 95 * rate;
            masked += (double)part_of(&made, i).targets;
            rates += rate;
            /* six standard deviations of a binomial number */
            assert_true(fabs((double)part_of(&made, i).targets - expected) <
                        6 * sqrt(95 * rate * (1 - rate)) + 1e-3);
        }
        assert_true(fabs(rates / DOCUMENTS - 0.6) < 0.02); /* stratified, so near in every batch */
        assert_true(fabs(masked - 95 * rates) < 6 * sqrt(95 * DOCUMENTS * 0.25));
        objective += sum_of_weights(&made);
    }
    /* If every cross-entropy is 1, the expected objective is 1. */
    assert_true(fabs(objective / STEPS - 1) < 0.01);
    bench_free(&made);
}

static void rates_are_uniform_for_each_document_and_even_over_a_batch(void **state) {
    (void)state;
    enum { DOCUMENTS = 20, STEPS = 500, BINS = 10 };
    um_document documents[DOCUMENTS];
    for (size_t i = 0; i < DOCUMENTS; i++) {
        documents[i] = (um_document){.length = 96, .prompt_length = 0};
    }
    bench made = bench_make("diffusion", ", \"minimum_mask_rate\": 0.1", DOCUMENTS, documents);
    size_t counts[DOCUMENTS][BINS] = {{0}};
    for (uint32_t step = 0; step < STEPS; step++) {
        size_t in_batch[BINS] = {0};
        fill(&made, 3, step);
        for (size_t i = 0; i < DOCUMENTS; i++) {
            const double uniform = (rate_of(&made, i) - 0.1) / 0.9;
            const double bin = floor(uniform * BINS);
            const size_t index = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (size_t)bin;
            counts[i][index]++;
            in_batch[index]++;
        }
        for (size_t i = 0; i < BINS; i++) { /* 2 expected; independent draws leave some empty */
            assert_true(in_batch[i] >= 1 && in_batch[i] <= 4);
        }
    }
    for (size_t i = 0; i < DOCUMENTS; i++) {
        double chi_squared = 0;
        for (size_t j = 0; j < BINS; j++) {
            const double difference = (double)counts[i][j] - (double)STEPS / BINS;
            chi_squared += difference * difference / ((double)STEPS / BINS);
        }
        assert_true(chi_squared < 33.7); /* 9 degrees of freedom: one in 10000 by chance */
    }
    bench_free(&made);
}

static void weights_and_normalisations_are_what_the_recipe_says(void **state) {
    (void)state;
    static const char *const more[] = {
        ", \"loss_weighting\": \"none\", \"loss_normalisation\": \"tokens\"",
        ", \"loss_weighting\": \"none\", \"loss_normalisation\": \"masked\"",
        ", \"loss_normalisation\": \"masked\""};
    bench one = bench_make("diffusion", more[0], MANY, many);
    fill(&one, 1, 0);
    const double targets = (double)one.batch.target_count;
    const double maskable = (double)one.batch.maskable_tokens;
    assert_true(one.batch.divisor == maskable);
    assert_true(fabs(sum_of_weights(&one) - targets / maskable) < 1e-6);
    set_member(&one.recipe, "loss_normalisation", "masked");
    fill(&one, 1, 0);
    assert_true(one.batch.divisor == targets);
    assert_true(fabs(sum_of_weights(&one) - 1) < 1e-6);
    bench_free(&one);

    bench two = bench_make("diffusion", more[2], MANY, many);
    fill(&two, 1, 0);
    assert_int_equal(two.batch.target_count, (size_t)targets); /* the same masks */
    assert_true(two.batch.divisor == targets);
    double expected = 0;
    for (size_t i = 0; i < MANY; i++) {
        const double rate = rate_of(&two, i);
        expected += rate < 0 ? 0 : (double)part_of(&two, i).targets / rate;
    }
    assert_true(fabs(sum_of_weights(&two) - expected / targets) < 1e-4);
    bench_free(&two);
}

static void a_batch_without_targets_has_no_weights(void **state) {
    (void)state;
    static const um_document prompts[] = {{5, 5, 0}, {3, 3, 0}};
    bench made = bench_make("diffusion", ", \"mask_prompt_probability\": 0", 2, prompts);
    fill(&made, 1, 0);
    assert_int_equal(made.batch.row_count, 8);
    assert_int_equal(made.batch.target_count, 0);
    assert_int_equal(made.batch.maskable_tokens, 0);
    bench_free(&made);
}

static void masks_depend_on_seed_and_step_and_nothing_else(void **state) {
    (void)state;
    bench made = bench_make("diffusion", "", MANY, many);
    int32_t tokens[3][512];
    size_t rows = 0;
    static const struct {
        uint64_t seed;
        uint32_t step;
    } noises[] = {{1, 0}, {1, 1}, {2, 0}};
    for (size_t i = 0; i < 3; i++) {
        fill(&made, noises[i].seed, noises[i].step);
        rows = made.batch.row_count;
        assert_true(rows <= 512);
        memcpy(tokens[i], made.batch.tokens, rows * sizeof **tokens);
    }
    assert_memory_not_equal(tokens[0], tokens[1], rows * sizeof **tokens);
    assert_memory_not_equal(tokens[0], tokens[2], rows * sizeof **tokens);
    fill(&made, 1, 0);
    assert_memory_equal(tokens[0], made.batch.tokens, rows * sizeof **tokens);
    bench_free(&made);
}

/* ---- Length ------------------------------------------------------------ */

static void answers_are_padded_to_a_random_length(void **state) {
    (void)state;
    static const um_document documents[] = {
        {20, 10, 0}, {40, 10, 0}, {80, 70, 0}, {200, 50, 0}, {60, 26, 0}};
    bench made = bench_make("diffusion", ", \"answer_length\": 30", 5, documents);
    made.config.pad_token = 811;
    size_t seen[41] = {0};
    size_t padding_targets = 0;
    for (uint32_t step = 0; step < 2000; step++) {
        fill(&made, 5, step);
        const part padded = part_of(&made, 0);
        assert_true(padded.length >= 20 && padded.length <= 40);
        seen[padded.length]++;
        for (size_t i = 20; i < padded.length; i++) {
            assert_int_equal(padded.clean[i], 811);
            padding_targets += padded.tokens[i] == made.config.mask_token;
        }
        for (size_t i = 0; i < 20; i++) {
            assert_int_not_equal(padded.clean[i], 811);
        }
        assert_int_equal(part_of(&made, 1).length, 40); /* long enough as it is */
        assert_int_equal(part_of(&made, 2).length, 80); /* 100 would be over the context */
        assert_int_equal(part_of(&made, 3).length, 96); /* cut to the context */
        assert_int_equal(part_of(&made, 4).length, 60);
    }
    for (size_t length = 20; length <= 40; length++) { /* 95 expected */
        assert_true(seen[length] > 50 && seen[length] < 150);
    }
    /* on average ten pads in each step, half of them masked */
    assert_true(padding_targets > 8000 && padding_targets < 12000);
    bench_free(&made);
}

static void a_prompt_over_the_context_is_cut_with_it(void **state) {
    (void)state;
    static const um_document documents[] = {{300, 200, 0}};
    bench made = bench_make("diffusion", ", \"mask_prompt_probability\": 0", 1, documents);
    fill(&made, 1, 0);
    assert_int_equal(made.batch.row_count, 96);
    assert_int_equal(made.batch.target_count, 0);
    bench_free(&made);
}

/* ---- Batches of documents ---------------------------------------------- */

static void a_batch_holds_what_fits_and_at_least_one_document(void **state) {
    (void)state;
    um_error error = {0};
    bench made = bench_make("causal", ", \"batch_tokens\": 70, \"context_length\": 90", MANY, many);
    size_t next = 0;
    size_t batches = 0;
    while (next < MANY) {
        const size_t first = next;
        assert_ok(um_document_batch_fill_in_order(&made.batch, &made.recipe, &made.config,
                                                  made.shard, &next, (um_batch_noise){0}, &error),
                  &error);
        size_t rows = 0;
        for (size_t i = first; i < next; i++) {
            const size_t length = many[i].length < 90 ? many[i].length : 90;
            assert_int_equal(part_of(&made, i - first).length, length);
            rows += length;
        }
        assert_int_equal(made.batch.rows.count, next - first);
        assert_int_equal(made.batch.row_count, rows);
        assert_true(rows <= 70 || next == first + 1);
        assert_true(next == MANY || rows + many[next].length > 70);
        batches++;
    }
    assert_int_equal(batches, 7);
    bench_free(&made);
}

static void batches_go_on_from_the_cursor(void **state) {
    (void)state;
    um_error error = {0};
    bench made = bench_make("causal", ", \"batch_tokens\": 100", MANY, many);
    um_data_order order;
    um_data_order expected;
    assert_ok(um_data_order_create(5, MANY, &order, &error), &error);
    assert_ok(um_data_order_create(5, MANY, &expected, &error), &error);
    um_data_cursor cursor = {0};
    um_data_cursor walked = {0};
    while (cursor.epoch < 3) {
        assert_ok(um_document_batch_fill(&made.batch, &made.recipe, &made.config, made.shard,
                                         &order, &cursor, (um_batch_noise){0}, &error),
                  &error);
        for (size_t i = 0; i < made.batch.rows.count; i++) {
            const size_t index = um_data_order_at(&expected, &walked);
            int32_t tokens[512];
            um_shard_tokens(made.shard, index, 0, many[index].length, tokens);
            assert_int_equal(part_of(&made, i).length, many[index].length);
            assert_memory_equal(part_of(&made, i).clean, tokens,
                                many[index].length * sizeof *tokens);
            um_data_order_advance(&expected, &walked);
        }
        assert_int_equal(walked.epoch, cursor.epoch);
        assert_int_equal(walked.index, cursor.index);
    }
    um_data_order_free(&order);
    um_data_order_free(&expected);
    bench_free(&made);
}

static void caches_of_a_batch_do_not_overlap(void **state) {
    (void)state;
    bench made = bench_make("diffusion", "", MANY, many);
    fill(&made, 1, 0);
    const size_t width = made.config.kv_head_count * made.config.head_dim;
    const float *next = made.batch.cache_slab;
    for (size_t i = 0; i < MANY; i++) {
        const um_kv_cache *cache = made.batch.sequences[i].cache;
        const size_t floats = many[i].length * width * made.config.layer_count;
        assert_int_equal(cache->length, many[i].length);
        assert_ptr_equal(cache->keys, next);
        assert_ptr_equal(cache->values, next + floats);
        next += 2 * floats;
    }
    bench_free(&made);
}

static void tokens_of_another_vocabulary_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    bench made = bench_make("causal", "", MANY, many);
    made.config.vocabulary_size = 790;
    size_t first = 0;
    assert_int_equal(um_document_batch_fill_in_order(&made.batch, &made.recipe, &made.config,
                                                     made.shard, &first, (um_batch_noise){0},
                                                     &error),
                     UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "is outside the vocabulary of 790"));
    bench_free(&made);
}

/* ---- Annealed attention ------------------------------------------------ */

static void anneal(bench *made, double rate, uint32_t step) {
    um_error error = {0};
    const um_batch_noise noise = {.seed = 1, .step = step};
    assert_ok(um_document_batch_anneal(&made->batch, rate, noise, &error), &error);
    assert_int_equal(made->batch.rows.attention, UM_ATTENTION_CAUSAL);
}

static size_t count_links(const bench *made) {
    size_t count = 0;
    for (size_t i = 0; i < made->batch.rows.count; i++) {
        const um_sequence_rows *sequence = &made->batch.sequences[i];
        for (size_t j = 0; j < sequence->row_count * sequence->row_count; j++) {
            assert_true(sequence->links[j] <= 1);
            count += sequence->links[j];
        }
    }
    return count;
}

static void annealed_attention_adds_a_share_of_the_pairs(void **state) {
    (void)state;
    bench made = bench_make("diffusion", "", MANY, many);
    fill(&made, 1, 0);
    size_t pairs = 0;
    for (size_t i = 0; i < MANY; i++) {
        pairs += many[i].length * many[i].length;
    }
    anneal(&made, 0, 0);
    assert_int_equal(count_links(&made), 0);
    anneal(&made, 1, 0);
    assert_int_equal(count_links(&made), pairs);
    anneal(&made, 0.3, 0);
    assert_true(fabs((double)count_links(&made) / (double)pairs - 0.3) < 0.02);
    bench_free(&made);
}

static void all_sequences_share_one_draw_of_links(void **state) {
    (void)state;
    bench made = bench_make("diffusion", "", MANY, many);
    fill(&made, 1, 0);
    anneal(&made, 0.5, 3);
    const um_sequence_rows *longest = &made.batch.sequences[9];
    for (size_t i = 0; i < MANY; i++) {
        const um_sequence_rows *sequence = &made.batch.sequences[i];
        for (size_t row = 0; row < sequence->row_count; row++) {
            assert_memory_equal(sequence->links + row * sequence->row_count,
                                longest->links + row * longest->row_count, sequence->row_count);
        }
    }
    const size_t count = count_links(&made);
    anneal(&made, 0.5, 4);
    assert_int_not_equal(count_links(&made), count);
    bench_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causal_targets_are_all_tokens_but_the_first),
        cmocka_unit_test(a_causal_loss_can_leave_prompts_out),
        cmocka_unit_test(only_what_may_be_masked_is_masked_and_predicted),
        cmocka_unit_test(a_share_of_the_prompts_is_left_alone),
        cmocka_unit_test(a_masked_token_counts_the_inverse_of_its_rate),
        cmocka_unit_test(rates_are_uniform_for_each_document_and_even_over_a_batch),
        cmocka_unit_test(weights_and_normalisations_are_what_the_recipe_says),
        cmocka_unit_test(a_batch_without_targets_has_no_weights),
        cmocka_unit_test(masks_depend_on_seed_and_step_and_nothing_else),
        cmocka_unit_test(answers_are_padded_to_a_random_length),
        cmocka_unit_test(a_prompt_over_the_context_is_cut_with_it),
        cmocka_unit_test(a_batch_holds_what_fits_and_at_least_one_document),
        cmocka_unit_test(batches_go_on_from_the_cursor),
        cmocka_unit_test(caches_of_a_batch_do_not_overlap),
        cmocka_unit_test(tokens_of_another_vocabulary_are_refused),
        cmocka_unit_test(annealed_attention_adds_a_share_of_the_pairs),
        cmocka_unit_test(all_sequences_share_one_draw_of_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
