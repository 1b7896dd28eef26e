/* The forward pass: against PyTorch, and against itself over other choices of rows. */
#include "golden_model.h"

/* Limits of the relative error of logits.  With f32 weights there is only rounding; with other
 * weights, products take activations and weights as 14-bit integers (kernels/packed.h). */
#define LOGIT_LIMIT 1e-5
#define PACKED_LOGIT_LIMIT 6e-4

static double logit_limit(const golden_model *model) {
    const bool packed = model->bound.layers[0].query.dtype != UM_DTYPE_F32;
    return packed ? PACKED_LOGIT_LIMIT : LOGIT_LIMIT;
}

/* ---- Against PyTorch --------------------------------------------------- */

static void compare_kind(const golden_model *model, const golden_kind *kind, const char *name,
                         const char *kernels) {
    const size_t count = model->rows * model->config.vocabulary_size;
    const float *expected = golden_floats(model, golden_key(kind->name, "logits", ""), count);
    um_compute compute = compute_make(kernels, 1);
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *logits = run_logits(model, &compute, &batch.rows);
    char what[128];
    (void)snprintf(what, sizeof what, "%s, %s attention, %s kernels", name, kind->name,
                   compute.kernels.name);
    assert_close(logits, expected, count, logit_limit(model), what);
    free(logits);
    batch_free(&batch);
    compute_free(&compute);
}

static void logits_are_those_of_pytorch(void **state) {
    (void)state;
    size_t compared = 0;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        golden_model model;
        golden_open(golden_names[i], &model);
        for (size_t j = 0; j < GOLDEN_KINDS; j++) {
            size_t count = 0;
            if (golden_find(&model, golden_key(golden_kinds[j].name, "logits", ""), &count)) {
                compare_kind(&model, &golden_kinds[j], golden_names[i], "reference");
                compare_kind(&model, &golden_kinds[j], golden_names[i], NULL);
                compared++;
            }
        }
        golden_close(&model);
    }
    assert_int_equal(compared, 15);
}

/* The third sequence's tokens at far-apart positions of a cache with nothing else in it. */
static void rows_at_far_positions_see_only_valid_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        golden_model model;
        golden_open(golden_names[i], &model);
        const size_t count = model.lengths[2];
        const float *positions = golden_floats(&model, "sparse.rows", count);
        um_sequence_rows sequence = whole_sequence(&model, 2);
        const int32_t *tokens = sequence.tokens;
        um_kv_cache_free(sequence.cache);
        const size_t length = model.config.maximum_positions;
        int32_t *spread = calloc(length, sizeof *spread);
        size_t rows[16];
        assert_non_null(spread);
        for (size_t j = 0; j < length; j++) {
            spread[j] = INT32_MAX; /* not read */
        }
        for (size_t j = 0; j < count; j++) {
            rows[j] = (size_t)positions[j];
            spread[rows[j]] = tokens[j];
        }
        sequence = (um_sequence_rows){.cache = make_cache(&model, length),
                                      .tokens = spread,
                                      .rows = rows,
                                      .row_count = count,
                                      .hidden_rows = rows,
                                      .hidden_count = count};
        /* What an invalid row holds must not matter. */
        for (size_t j = 0; j < length * sequence.cache->width; j++) {
            um_kv_cache_keys(sequence.cache, 0)[j] = 1e6f;
            um_kv_cache_values(sequence.cache, 1)[j] = 1e6f;
        }
        const um_row_batch batch = {.sequences = &sequence, .count = 1};
        um_compute compute = compute_make(NULL, 1);
        float *logits = run_logits(&model, &compute, &batch);
        const size_t values = count * model.config.vocabulary_size;
        assert_close(logits, golden_floats(&model, "sparse.logits", values), values,
                     logit_limit(&model), golden_names[i]);
        assert_int_equal(sequence.cache->valid[rows[1]], 1);
        assert_int_equal(sequence.cache->valid[rows[1] + 2], 0);
        free(logits);
        free(spread);
        um_kv_cache_free(sequence.cache);
        golden_close(&model);
    }
}

static int32_t *read_tokens(const golden_model *model, const char *key, size_t count) {
    const float *values = golden_floats(model, key, count);
    int32_t *tokens = calloc(count, sizeof *tokens);
    assert_non_null(tokens);
    for (size_t i = 0; i < count; i++) {
        tokens[i] = (int32_t)values[i];
    }
    return tokens;
}

static void a_dual_cache_step_is_that_of_the_authors_of_dream(void **state) {
    (void)state;
    golden_model model;
    golden_open("dream", &model);
    const size_t length = model.lengths[1];
    int32_t *before = read_tokens(&model, "partial.before", length);
    int32_t *after = read_tokens(&model, "partial.after", length);
    const float *changed = golden_floats(&model, "partial.rows", 4);
    const size_t rows[4] = {(size_t)changed[0], (size_t)changed[1], (size_t)changed[2],
                            (size_t)changed[3]};
    um_sequence_rows sequence = {
        .cache = make_cache(&model, length), .tokens = before, .row_count = length};
    const um_row_batch batch = {.sequences = &sequence, .count = 1};
    um_compute compute = compute_make(NULL, 1);
    free(run_hidden(&model, &compute, &batch));
    sequence.tokens = after;
    sequence.rows = sequence.hidden_rows = rows;
    sequence.row_count = sequence.hidden_count = 4;
    float *logits = run_logits(&model, &compute, &batch);
    const size_t values = 4 * model.config.vocabulary_size;
    assert_close(logits, golden_floats(&model, "partial.logits", values), values,
                 logit_limit(&model), "dual cache");
    free(logits);
    free(before);
    free(after);
    um_kv_cache_free(sequence.cache);
    golden_close(&model);
}

/* ---- Against itself, bit for bit ---------------------------------------- */

/* Called for each model, kind of attention and kernel set. */
typedef void self_check(const golden_model *model, const golden_kind *kind,
                        const um_compute *compute);

static void for_every_model(self_check *check) {
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        golden_model model;
        golden_open(golden_names[i], &model);
        for (size_t j = 0; j < GOLDEN_KINDS; j++) {
            size_t count = 0;
            for (size_t set = 0; set < 2; set++) {
                if (!golden_kinds[j].links || golden_find(&model, "links", &count)) {
                    um_compute compute = compute_make(set == 0 ? NULL : "reference", 1);
                    check(&model, &golden_kinds[j], &compute);
                    compute_free(&compute);
                }
            }
        }
        golden_close(&model);
    }
}

/* Recompute `count` rows from `first` of the batch's second sequence and compare with `whole`. */
static void recompute(const golden_model *model, const um_compute *compute, golden_batch *batch,
                      size_t first, size_t count, const float *whole) {
    const size_t width = model->config.hidden_size;
    um_sequence_rows some = batch->sequences[1];
    some.rows = some.hidden_rows = model->indices + first;
    some.row_count = some.hidden_count = count;
    um_row_batch rows = batch->rows;
    rows.sequences = &some;
    rows.count = 1;
    float *hidden = run_hidden(model, compute, &rows);
    assert_memory_equal(hidden, whole + (model->lengths[0] + first) * width,
                        count * width * sizeof *hidden);
    free(hidden);
}

static void check_recomputing(const golden_model *model, const golden_kind *kind,
                              const um_compute *compute) {
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *whole = run_hidden(model, compute, &batch.rows);
    float *again = run_hidden(model, compute, &batch.rows);
    assert_memory_equal(again, whole, model->rows * model->config.hidden_size * sizeof *whole);
    recompute(model, compute, &batch, 0, model->lengths[1], whole);
    recompute(model, compute, &batch, 4, 1, whole);
    recompute(model, compute, &batch, 7, 6, whole);
    free(whole);
    free(again);
    batch_free(&batch);
}

static void recomputing_unchanged_rows_over_the_cache_changes_no_bit(void **state) {
    (void)state;
    for_every_model(check_recomputing);
}

/* Full attention needs every row at once; the others can grow by their blocks. */
static void check_growing(const golden_model *model, const golden_kind *kind,
                          const um_compute *compute) {
    if (kind->attention == UM_ATTENTION_FULL || kind->links) {
        return;
    }
    const size_t step = kind->attention == UM_ATTENTION_CAUSAL ? 1 : GOLDEN_BLOCK;
    const size_t length = model->lengths[1];
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *whole = run_hidden(model, compute, &batch.rows);
    um_error error = {0};
    assert_ok(um_kv_cache_reset(batch.sequences[1].cache, length, &error), &error);
    for (size_t first = 0; first < length; first += step) {
        const size_t rest = length - first;
        recompute(model, compute, &batch, first, rest < step ? rest : step, whole);
    }
    /* The same if the sequence grows step by step. */
    for (size_t first = 0; first + step <= length; first += step) {
        batch.sequences[1].cache->length = first + step;
        recompute(model, compute, &batch, first, step, whole);
    }
    free(whole);
    batch_free(&batch);
}

static void decoding_row_by_row_equals_one_causal_pass(void **state) {
    (void)state;
    for_every_model(check_growing);
}

static void check_alone(const golden_model *model, const golden_kind *kind,
                        const um_compute *compute) {
    const size_t width = model->config.hidden_size;
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *whole = run_hidden(model, compute, &batch.rows);
    const float *part = whole;
    for (size_t i = 0; i < GOLDEN_SEQUENCES; i++) {
        um_error error = {0};
        um_row_batch alone = batch.rows;
        alone.sequences = &batch.sequences[i];
        alone.count = 1;
        assert_ok(um_kv_cache_reset(batch.sequences[i].cache, model->lengths[i], &error), &error);
        float *hidden = run_hidden(model, compute, &alone);
        assert_memory_equal(hidden, part, model->lengths[i] * width * sizeof *hidden);
        free(hidden);
        part += model->lengths[i] * width;
    }
    free(whole);
    batch_free(&batch);
}

static void a_sequence_does_not_depend_on_the_rest_of_its_batch(void **state) {
    (void)state;
    for_every_model(check_alone);
}

static void check_threads(const golden_model *model, const golden_kind *kind,
                          const um_compute *compute) {
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *one = run_logits(model, compute, &batch.rows);
    for (size_t threads = 2; threads <= 3; threads++) {
        um_compute many = compute_make(compute->kernels.name, threads);
        float *logits = run_logits(model, &many, &batch.rows);
        assert_memory_equal(logits, one, model->rows * model->config.vocabulary_size * sizeof *one);
        free(logits);
        compute_free(&many);
    }
    free(one);
    batch_free(&batch);
}

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    for_every_model(check_threads);
}

static void check_wanted(const golden_model *model, const golden_kind *kind,
                         const um_compute *compute) {
    const size_t width = model->config.hidden_size;
    golden_batch batch;
    batch_make(model, kind, &batch);
    float *whole = run_hidden(model, compute, &batch.rows);
    const size_t wanted[] = {1, 3, 4, 18};
    batch.sequences[0].hidden_count = 0;
    batch.sequences[1].hidden_rows = wanted;
    batch.sequences[1].hidden_count = 4;
    batch.sequences[2].hidden_rows = wanted + 1;
    batch.sequences[2].hidden_count = 1;
    float *hidden = run_hidden(model, compute, &batch.rows);
    for (size_t i = 0; i < 5; i++) {
        const size_t row = model->lengths[0] + (i < 4 ? wanted[i] : model->lengths[1] + wanted[1]);
        assert_memory_equal(hidden + i * width, whole + row * width, width * sizeof *whole);
    }
    free(hidden);
    free(whole);
    batch_free(&batch);
}

static void only_the_wanted_rows_are_returned_in_order(void **state) {
    (void)state;
    for_every_model(check_wanted);
}

static void a_reset_cache_keeps_nothing(void **state) {
    (void)state;
    golden_model model;
    golden_open("dream", &model);
    um_compute compute = compute_make(NULL, 1);
    um_sequence_rows sequence = whole_sequence(&model, 1);
    const um_row_batch batch = {
        .sequences = &sequence, .count = 1, .attention = UM_ATTENTION_CAUSAL};
    sequence.hidden_count = sequence.row_count = 7;
    float *fresh = run_hidden(&model, &compute, &batch);
    for (size_t i = 0; i < model.lengths[1] * sequence.cache->width; i++) {
        um_kv_cache_keys(sequence.cache, 0)[i] = NAN;
        um_kv_cache_values(sequence.cache, 1)[i] = NAN;
    }
    memset(sequence.cache->valid, 1, model.lengths[1]);
    um_error error = {0};
    assert_ok(um_kv_cache_reset(sequence.cache, model.lengths[1], &error), &error);
    float *again = run_hidden(&model, &compute, &batch);
    assert_memory_equal(again, fresh, 7 * model.config.hidden_size * sizeof *fresh);
    free(fresh);
    free(again);
    um_kv_cache_free(sequence.cache);
    golden_close(&model);
}

/* ---- Errors and conventions -------------------------------------------- */

static void expect_failure(const golden_model *model, const um_row_batch *batch, um_status status,
                           const char *text) {
    um_error error = {0};
    um_activations *activations = NULL;
    um_compute compute = compute_make(NULL, 1);
    float *hidden = make_floats(64 * model->config.hidden_size);
    assert_ok(um_activations_create(false, &activations, &error), &error);
    assert_int_equal(
        um_transformer_forward(&model->transformer, &compute, batch, activations, hidden, &error),
        status);
    assert_non_null(strstr(error.message, text));
    um_activations_free(activations);
    free(hidden);
    compute_free(&compute);
}

static void wrong_batches_are_errors(void **state) {
    (void)state;
    golden_model model;
    golden_open("llada", &model);
    int32_t tokens[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    um_sequence_rows sequence = {.cache = make_cache(&model, 8), .tokens = tokens, .row_count = 8};
    um_row_batch batch = {.sequences = &sequence, .count = 1};
    tokens[5] = 37;
    expect_failure(&model, &batch, UM_ERR_MISMATCH, "token id 37 at position 5");
    tokens[5] = -1;
    expect_failure(&model, &batch, UM_ERR_MISMATCH, "token id -1 at position 5");
    tokens[5] = 6;
    const size_t backwards[] = {2, 4, 3};
    sequence.rows = backwards;
    sequence.row_count = 3;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "row 3 is out of order");
    const size_t twice[] = {2, 2};
    sequence.rows = twice;
    sequence.row_count = 2;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "row 2 is out of order");
    const size_t beyond[] = {2, 8};
    sequence.rows = beyond;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "row 8");
    const size_t some[] = {2, 5};
    const size_t wanted[] = {2, 4};
    sequence.rows = some;
    sequence.hidden_rows = wanted;
    sequence.hidden_count = 2;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "row 4 is wanted but not computed");
    sequence.hidden_rows = backwards + 1;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "wanted but not computed");
    sequence.hidden_count = 0;
    batch.attention = UM_ATTENTION_BLOCK_CAUSAL;
    expect_failure(&model, &batch, UM_ERR_ARGUMENT, "block");
    um_kv_cache_free(sequence.cache);
    golden_close(&model);
}

static void a_sequence_longer_than_its_cache_is_an_error(void **state) {
    (void)state;
    golden_model model;
    golden_open("llama", &model);
    um_kv_cache *cache = make_cache(&model, 8);
    um_error error = {0};
    assert_int_equal(um_kv_cache_reset(cache, 9, &error), UM_ERR_LIMIT);
    assert_int_equal(cache->length, 8);
    um_kv_cache_free(cache);
    golden_close(&model);
}

static void a_batch_without_rows_computes_nothing(void **state) {
    (void)state;
    golden_model model;
    golden_open("dream", &model);
    um_sequence_rows sequence = {.cache = make_cache(&model, 8), .tokens = model.tokens};
    const um_row_batch batch = {.sequences = &sequence, .count = 1};
    const um_row_batch empty = {0};
    um_compute compute = compute_make(NULL, 2);
    free(run_logits(&model, &compute, &batch));
    free(run_logits(&model, &compute, &empty));
    assert_int_equal(sequence.cache->valid[0], 0);
    compute_free(&compute);
    um_kv_cache_free(sequence.cache);
    golden_close(&model);
}

static void the_predicting_row_follows_the_alignment(void **state) {
    (void)state;
    um_model_config config = {.logit_alignment = UM_LOGITS_SHIFTED};
    assert_int_equal(um_transformer_predicting_row(&config, 5), 4);
    assert_int_equal(um_transformer_predicting_row(&config, 0), 0);
    config.logit_alignment = UM_LOGITS_AT_POSITION;
    assert_int_equal(um_transformer_predicting_row(&config, 5), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_pytorch),
        cmocka_unit_test(rows_at_far_positions_see_only_valid_rows),
        cmocka_unit_test(a_dual_cache_step_is_that_of_the_authors_of_dream),
        cmocka_unit_test(recomputing_unchanged_rows_over_the_cache_changes_no_bit),
        cmocka_unit_test(decoding_row_by_row_equals_one_causal_pass),
        cmocka_unit_test(a_sequence_does_not_depend_on_the_rest_of_its_batch),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(only_the_wanted_rows_are_returned_in_order),
        cmocka_unit_test(a_reset_cache_keeps_nothing),
        cmocka_unit_test(wrong_batches_are_errors),
        cmocka_unit_test(a_sequence_longer_than_its_cache_is_an_error),
        cmocka_unit_test(a_batch_without_rows_computes_nothing),
        cmocka_unit_test(the_predicting_row_follows_the_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
