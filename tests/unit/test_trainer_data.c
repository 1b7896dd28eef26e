/* What a training run makes of its shards and of the recipe's members about data. */
#include "train/corpus/corpus_writer.h"
#include "trainer_testing.h"

static void expect_refusal(const workshop *made, const char *text) {
    um_error error = {0};
    um_trainer *trainer = NULL;
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    assert_int_equal(um_trainer_create(&made->recipe, output.path, &compute, &trainer, &error),
                     UM_ERR_MISMATCH);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" lacks \"%s\"", error.message, text);
    }
    scratch_remove(&output);
}

/* ---- The pad token ------------------------------------------------------ */

static void copy_file(const scratch *to, const char *name) {
    um_error error = {0};
    um_buffer contents = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tokenizer/qwen_style/%s", UM_TEST_DATA, name);
    assert_ok(um_file_read(path, SIZE_MAX / 2, &contents, &error), &error);
    scratch_write(to, name, contents.data, contents.length);
    um_buffer_free(&contents);
}

/* A model with a tokenizer, whose config.json names no pad token. */
static workshop workshop_with_tokenizer(const char *more) {
    um_model_config config = tiny_config();
    config.vocabulary_size = 820;
    config.mask_token = 804;
    config.pad_token = UM_NO_TOKEN_ID;
    config.eos_token = 800;
    const workshop made = workshop_make_with(&config, "diffusion", more);
    copy_file(&made.model, "tokenizer.json");
    copy_file(&made.model, "tokenizer_config.json");
    return made;
}

static void the_recipe_names_a_pad_token(void **state) {
    (void)state;
    um_error error = {0};
    workshop made = workshop_with_tokenizer(", \"answer_length\": 9, \"steps\": 1, "
                                            "\"answer_padding\": \"fixed\", "
                                            "\"pad_token\": \"<|dlm_pad|>\"");
    const scratch output = scratch_make();
    watch seen = {0};
    train_whole(&made.recipe, &output, &seen);
    assert_int_equal(seen.reports[0].rows % (COPY_LENGTH + 9), 0);
    um_model_config config;
    assert_ok(um_model_config_read(output.path, &config, &error), &error);
    assert_int_equal(config.pad_token, 805);
    scratch_remove(&output);
    set_member(&made.recipe, "pad_token", "<|other|>");
    expect_refusal(&made,
                   "\"pad_token\": \"<|other|>\" is neither a token of the tokenizer nor an id");
    workshop_remove(&made);
}

static void padding_needs_a_pad_token_and_a_length(void **state) {
    (void)state;
    workshop made = workshop_with_tokenizer(", \"answer_length\": 9");
    expect_refusal(&made, "needs \"pad_token_id\", or \"pad_token\"");
    set_member(&made.recipe, "answer_length", "0");
    set_member(&made.recipe, "answer_padding", "batch");
    expect_refusal(&made, "needs \"pad_token_id\", or \"pad_token\"");
    set_member(&made.recipe, "pad_token", "<|dlm_pad|>");
    set_member(&made.recipe, "answer_padding", "fixed");
    expect_refusal(&made, "fixed needs \"answer_length\"");
    workshop_remove(&made);
}

/* ---- Shards -------------------------------------------------------------- */

static void a_causal_run_refuses_an_infilling_canvas(void **state) {
    (void)state;
    static const um_document documents[] = {{9, 4, 0}, {9, 4, 2}};
    workshop made = workshop_make("causal", "");
    write_shard(scratch_path(&made.data, "canvas.shard"), 2, documents, 12);
    set_member(&made.recipe, "validation", scratch_path(&made.data, "canvas.shard"));
    expect_refusal(&made, "canvas.shard: document 1 is an infilling canvas");
    workshop_remove(&made);
}

static void write_two_shards(const char *path) {
    um_error error = {0};
    um_corpus_writer *writer = NULL;
    assert_ok(um_corpus_writer_create(16, path, 60, &writer, &error), &error);
    for (uint32_t i = 0; i < 10; i++) {
        int32_t ids[12];
        for (uint32_t j = 0; j < 12; j++) {
            ids[j] = (int32_t)((i + j) % COPY_LETTERS);
        }
        assert_ok(um_corpus_writer_add(writer, ids, (um_document){12, 4, 0}, &error), &error);
    }
    assert_ok(um_corpus_writer_commit(writer, &error), &error);
    assert_int_equal(um_corpus_writer_shard_count(writer), 2);
    um_corpus_writer_free(writer);
}

static void documents_that_are_cut_are_counted(void **state) {
    (void)state;
    const workshop source = workshop_make("diffusion", ", \"mask_prompt_probability\": 0");
    workshop made = source;
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    write_two_shards(scratch_path(&made.data, "train.json"));
    set_member(&made.recipe, "train", scratch_path(&made.data, "train.json"));
    for (size_t length = 11; length <= 12; length++) {
        made.recipe.context_length = length;
        um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
        assert_int_equal(um_trainer_describe(trainer).train_documents, 10);
        assert_int_equal(um_trainer_describe(trainer).cut_documents, length < 12 ? 10 : 0);
        um_trainer_free(trainer);
    }
    scratch_remove(&output);
    workshop_remove(&source);
}

static void packing_makes_sequences_of_one_length(void **state) {
    (void)state;
    workshop made = workshop_make("diffusion", ", \"packing\": \"fixed_length\", \"steps\": 4");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    write_two_shards(scratch_path(&made.data, "train.json"));
    set_member(&made.recipe, "train", scratch_path(&made.data, "train.json"));
    made.recipe.context_length = 20;
    made.recipe.batch_tokens = 60;
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    assert_int_equal(um_trainer_describe(trainer).train_documents, 6);
    assert_int_equal(um_trainer_describe(trainer).cut_documents, 0);
    um_trainer_free(trainer);
    watch seen = {0};
    train_whole(&made.recipe, &output, &seen);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(seen.reports[i].rows, 60);
    }
    scratch_remove(&output);
    workshop_remove(&made);
}

/* ---- Prompts that are masked less and less ---------------------------------- */

typedef struct target_counts {
    const um_trainer *trainer;
    size_t counts[4]; /* of the last micro-batch of each step */
} target_counts;

static void note_targets(void *user, const um_step_report *report) {
    target_counts *seen = user;
    const um_supervised *run = seen->trainer->method_state;
    seen->counts[report->step - 1] = run->batch.target_count;
}

/* Everything that may be masked is masked, in ten documents of two words; nothing predicts the
 * first token. */
static void prompts_are_masked_at_first_and_then_not(void **state) {
    (void)state;
    um_error error = {0};
    workshop made =
        workshop_make("diffusion", ", \"mask_prompt_probability\": 0, \"minimum_mask_rate\": 1, "
                                   "\"gradient_accumulation\": 2, \"steps\": 4");
    for (size_t i = 0; i < 2; i++) {
        const scratch output = scratch_make();
        const um_compute compute = make_compute(1);
        set_member(&made.recipe, "mask_prompt_annealing_steps", i == 0 ? "2" : "0");
        set_member(&made.recipe, "mask_prompt_annealing_epochs", i == 0 ? "0" : "0.2");
        um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
        target_counts seen = {.trainer = trainer};
        const um_trainer_callbacks callbacks = {.step = note_targets, .user = &seen};
        assert_ok(um_trainer_run(trainer, &callbacks, &error), &error);
        /* The second micro-batch of a step comes a tenth of an epoch later. */
        assert_true(i == 0 ? seen.counts[0] == 10 * (2 * COPY_LENGTH - 1)
                           : seen.counts[0] > 10 * COPY_LENGTH);
        assert_true(i == 1 || seen.counts[1] > 10 * COPY_LENGTH);
        assert_int_equal(seen.counts[2], 10 * COPY_LENGTH);
        assert_int_equal(seen.counts[3], 10 * COPY_LENGTH);
        um_trainer_free(trainer);
        scratch_remove(&output);
    }
    workshop_remove(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recipe_names_a_pad_token),
        cmocka_unit_test(padding_needs_a_pad_token_and_a_length),
        cmocka_unit_test(a_causal_run_refuses_an_infilling_canvas),
        cmocka_unit_test(documents_that_are_cut_are_counted),
        cmocka_unit_test(packing_makes_sequences_of_one_length),
        cmocka_unit_test(prompts_are_masked_at_first_and_then_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
