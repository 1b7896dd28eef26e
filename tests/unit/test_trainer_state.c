/* How a training run starts, when it is refused, and what happens to its state file. */
#include <signal.h>
#include <sys/resource.h>

#include "trainer_testing.h"

/* ---- States of other runs ---------------------------------------------- */

/* A run that was stopped after its second step. */
typedef struct stopped_run {
    workshop shop;
    scratch output;
    um_buffer state;
} stopped_run;

static stopped_run stop_a_run(void) {
    um_error error = {0};
    stopped_run made = {.shop = workshop_make("diffusion", ""), .output = scratch_make()};
    watch seen = {.stop_after = 2};
    assert_int_equal(train_watched(&made.shop.recipe, &made.output, &seen, &error),
                     UM_ERR_CANCELLED);
    assert_non_null(strstr(error.message, "stopped after step 2 of 20"));
    made.state = read_output(&made.output, UM_TRAINING_STATE_FILE);
    return made;
}

static void stopped_run_free(stopped_run *made) {
    um_buffer_free(&made->state);
    scratch_remove(&made->output);
    workshop_remove(&made->shop);
}

/* Try to continue; afterwards the state file must be as it was before. */
static void expect_refusal(const um_recipe *recipe, const scratch *output, um_status status,
                           const char *text) {
    um_error error = {0};
    um_trainer *trainer = NULL;
    const um_compute compute = make_compute(1);
    um_buffer before = {0};
    if (um_file_exists(output->path, UM_TRAINING_STATE_FILE)) {
        before = read_output(output, UM_TRAINING_STATE_FILE);
    }
    assert_int_equal(um_trainer_create(recipe, output->path, &compute, &trainer, &error), status);
    assert_null(trainer);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" lacks \"%s\"", error.message, text);
    }
    if (before.data) {
        um_buffer after = read_output(output, UM_TRAINING_STATE_FILE);
        assert_int_equal(before.length, after.length);
        assert_memory_equal(before.data, after.data, before.length);
        um_buffer_free(&after);
    }
    um_buffer_free(&before);
}

static void a_state_of_another_recipe_is_refused(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    um_recipe recipe = made.shop.recipe;
    set_member(&recipe, "learning_rate", "0.02");
    expect_refusal(&recipe, &made.output, UM_ERR_MISMATCH, "belongs to another recipe or model");
    stopped_run_free(&made);
}

static void a_state_of_other_data_is_refused(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    um_recipe recipe = made.shop.recipe;
    set_member(&recipe, "train", recipe.validation);
    expect_refusal(&recipe, &made.output, UM_ERR_MISMATCH, "is not the data that the run began");
    stopped_run_free(&made);
}

static void a_state_of_another_model_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    stopped_run made = stop_a_run();
    const scratch model = scratch_make();
    um_model_config config = tiny_config();
    config.intermediate_size += 16;
    assert_ok(random_model_write(&config, NULL, model.path, &error), &error);
    um_recipe recipe = made.shop.recipe;
    set_member(&recipe, "model", model.path);
    expect_refusal(&recipe, &made.output, UM_ERR_MISMATCH, "belongs to another recipe or model");
    scratch_remove(&model);
    stopped_run_free(&made);
}

static void write_config(const scratch *model, const um_model_config *config) {
    um_error error = {0};
    um_buffer json = {0};
    assert_ok(um_model_config_format(config, &json, &error), &error);
    scratch_write(model, "config.json", json.data, json.length);
    um_buffer_free(&json);
}

/* The same sizes, so the same weights, but another model. */
static void a_state_of_an_edited_configuration_is_refused(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    um_model_config edited[3];
    for (size_t i = 0; i < 3; i++) {
        edited[i] = tiny_config();
    }
    edited[0].rope_base = 20000;
    edited[1].rms_norm_epsilon = 1e-5;
    edited[2].mask_token = 13;
    for (size_t i = 0; i < 3; i++) {
        write_config(&made.shop.model, &edited[i]);
        expect_refusal(&made.shop.recipe, &made.output, UM_ERR_MISMATCH,
                       "config.json does not describe the model that the run began with");
    }
    const um_model_config first = tiny_config();
    write_config(&made.shop.model, &first);
    watch seen = {0};
    train_whole(&made.shop.recipe, &made.output, &seen);
    assert_int_equal(seen.steps, 18);
    stopped_run_free(&made);
}

/* Write the state as versions did that kept no configuration. */
static void forget_the_configuration(const stopped_run *made) {
    static const char *const names[] = {"data",         "step",          "weights",
                                        "first_moment", "second_moment", "validation_is_due"};
    um_error error = {0};
    um_state_file *file = NULL;
    um_state_sections sections = {.count = 0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&made->output, UM_TRAINING_STATE_FILE));
    const uint64_t fingerprint = um_recipe_fingerprint(&made->shop.recipe);
    assert_ok(um_state_file_open(path, fingerprint, &file, &error), &error);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const void *data = NULL;
        size_t size = 0;
        assert_ok(um_state_file_find(file, names[i], &data, &size, &error), &error);
        um_state_sections_add(&sections, names[i], data, size);
    }
    assert_ok(um_state_file_write(path, fingerprint, &sections, &error), &error);
    um_state_file_close(file);
}

static void a_state_without_the_configuration_goes_on(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    forget_the_configuration(&made);
    um_buffer older = read_output(&made.output, UM_TRAINING_STATE_FILE);
    assert_true(older.length < made.state.length);
    um_buffer_free(&older);
    watch seen = {0};
    train_whole(&made.shop.recipe, &made.output, &seen);
    assert_int_equal(seen.steps, 18);
    const scratch straight = scratch_make();
    train_whole(&made.shop.recipe, &straight, &(watch){0});
    assert_same_output(&straight, &made.output); /* its own states have the configuration */
    scratch_remove(&straight);
    stopped_run_free(&made);
}

/* What does not decide the course of a run may change. */
static void a_run_goes_on_with_other_intervals_and_places(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    um_recipe recipe = made.shop.recipe;
    set_member(&recipe, "validation_interval", "5");
    set_member(&recipe, "checkpoint_minutes", "1");
    write_copy_task(scratch_path(&made.shop.data, "moved.shard"), 100, 1);
    set_member(&recipe, "train", scratch_path(&made.shop.data, "moved.shard"));
    watch seen = {0};
    train_whole(&recipe, &made.output, &seen);
    assert_int_equal(seen.steps, 18);
    stopped_run_free(&made);
}

static void leftovers_of_a_killed_run_are_removed(void **state) {
    (void)state;
    static const char *const files[] = {UM_TRAINING_STATE_FILE, "model.safetensors", "config.json",
                                        "tokenizer.json", "DONE"};
    char name[64];
    stopped_run made = stop_a_run();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(name, sizeof name, "%s.part-abcdef", files[i]);
        scratch_write(&made.output, name, "", 0);
    }
    watch seen = {0};
    train_whole(&made.shop.recipe, &made.output, &seen);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(name, sizeof name, "%s.part-abcdef", files[i]);
        assert_false(um_file_exists(made.output.path, name));
    }
    stopped_run_free(&made);
}

/* ---- Damaged states ---------------------------------------------------- */

static void every_changed_byte_of_a_state_is_noticed(void **state) {
    (void)state;
    um_error error = {0};
    stopped_run made = stop_a_run();
    const um_compute compute = make_compute(1);
    const size_t length = made.state.length;
    for (size_t at = 0; at < length; at += at < 80 ? 1 : 4999) {
        um_trainer *trainer = NULL;
        made.state.data[at] ^= 0x10;
        scratch_write(&made.output, UM_TRAINING_STATE_FILE, made.state.data, length);
        const um_status status =
            um_trainer_create(&made.shop.recipe, made.output.path, &compute, &trainer, &error);
        if (status != UM_ERR_FORMAT) {
            fail_msg("byte %zu: %s", at, um_status_text(status));
        }
        assert_null(trainer);
        made.state.data[at] ^= 0x10;
    }
    made.state.data[length - 1] ^= 1;
    scratch_write(&made.output, UM_TRAINING_STATE_FILE, made.state.data, length);
    expect_refusal(&made.shop.recipe, &made.output, UM_ERR_FORMAT, "damaged");
    stopped_run_free(&made);
}

static void a_state_of_another_length_is_refused(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    const size_t length = made.state.length;
    const size_t lengths[] = {0, 8, 71, 72, length / 2, length - 1, length + 4};
    char *longer = calloc(length + 4, 1);
    assert_non_null(longer);
    memcpy(longer, made.state.data, length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        scratch_write(&made.output, UM_TRAINING_STATE_FILE, longer, lengths[i]);
        expect_refusal(&made.shop.recipe, &made.output, UM_ERR_FORMAT, UM_TRAINING_STATE_FILE);
    }
    free(longer);
    stopped_run_free(&made);
}

/* ---- Writing states ---------------------------------------------------- */

/* A limit on file sizes makes writes fail as a full disk does. */
static void a_full_disk_leaves_the_old_state(void **state) {
    (void)state;
    um_error error = {0};
    stopped_run made = stop_a_run();
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {made.state.length / 2, limit.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    watch failed = {.stop_after = 4};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const um_status status = train_watched(&made.shop.recipe, &made.output, &failed, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, UM_ERR_IO);
    assert_non_null(strstr(error.message, "training.state: cannot write"));
    assert_int_equal(failed.steps, 2);
    assert_int_equal(failed.saves, 0);
    um_buffer after = read_output(&made.output, UM_TRAINING_STATE_FILE);
    assert_int_equal(after.length, made.state.length);
    assert_memory_equal(after.data, made.state.data, after.length);
    um_buffer_free(&after);
    watch seen = {0};
    train_whole(&made.shop.recipe, &made.output, &seen); /* there is room again */
    assert_int_equal(seen.steps, 18);
    stopped_run_free(&made);
}

static void what_a_killed_write_left_is_removed(void **state) {
    (void)state;
    stopped_run made = stop_a_run();
    scratch_write(&made.output, UM_TRAINING_STATE_FILE ".part-a1B2c3", "x", 1);
    scratch_write(&made.output, "model.safetensors.part-a1B2c3", "x", 1);
    scratch_write(&made.output, "model.safetensors.backup", "x", 1);
    const um_compute compute = make_compute(1);
    um_trainer_free(make_trainer(&made.shop.recipe, &made.output, &compute));
    assert_false(um_file_exists(made.output.path, UM_TRAINING_STATE_FILE ".part-a1B2c3"));
    assert_false(um_file_exists(made.output.path, "model.safetensors.part-a1B2c3"));
    assert_true(um_file_exists(made.output.path, "model.safetensors.backup"));
    stopped_run_free(&made);
}

static void the_state_is_saved_every_few_minutes(void **state) {
    (void)state;
    const workshop made = workshop_make("causal", ", \"checkpoint_minutes\": 0.001");
    const scratch output = scratch_make();
    watch seen = {0};
    um_error error = {0};
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    trainer->last_save -= 0.1; /* the first interval, 0.06 s, is over */
    const um_trainer_callbacks callbacks = {
        .step = watch_step, .saved = watch_saved, .should_stop = watch_should_stop, .user = &seen};
    seen.stop_after = 1;
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_CANCELLED);
    assert_int_equal(seen.saves, 1);
    seen.stop_after = 3;
    trainer->last_save -= 0.1;
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_CANCELLED);
    assert_true(seen.saves >= 3); /* two more: after step 2, and as it stopped */
    um_trainer_free(trainer);
    scratch_remove(&output);
    workshop_remove(&made);
}

/* ---- Models ------------------------------------------------------------ */

static void a_diffusion_run_makes_a_dream_model(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("diffusion", ", \"steps\": 1, \"saved_weights\": \"f16\"");
    const scratch output = scratch_make();
    train_whole(&made.recipe, &output, &(watch){0});
    um_model_config config;
    um_parameters parameters = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_model_config_read(output.path, &config, &error), &error);
    assert_int_equal(config.family, UM_FAMILY_DREAM);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    assert_int_equal(config.logit_alignment, UM_LOGITS_SHIFTED);
    assert_int_equal(config.mask_token, 15);
    assert_ok(um_checkpoint_open(output.path, &checkpoint, &error), &error);
    assert_ok(um_parameters_bind(&parameters, &config, checkpoint, &error), &error);
    assert_int_equal(parameters.embedding.dtype, UM_DTYPE_F16);
    um_parameters_free(&parameters);
    um_checkpoint_close(checkpoint);
    scratch_remove(&output);
    workshop_remove(&made);
}

static void a_run_starts_from_the_weights_of_its_model(void **state) {
    (void)state;
    const workshop made = workshop_make("diffusion", "");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    for (size_t i = 0; i < 16; i++) { /* the embedding comes first, as random_model_write drew it */
        const um_rng_place place = {UM_RNG_INITIALISATION, 0, 0, (uint32_t)i};
        assert_true(trainer->learner.parameter_block[i] == (float)(0.5 * um_rng_normal(1, place)));
    }
    um_trainer_free(trainer);
    scratch_remove(&output);
    workshop_remove(&made);
}

static double deviation_of(const um_tensor *tensor) {
    size_t count = 0;
    double sum = 0;
    const float *values = tensor->data;
    assert_true(um_tensor_count(tensor, &count));
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i] * (double)values[i];
    }
    return sqrt(sum / (double)count);
}

static void expect_all(const um_tensor *tensor, float value) {
    for (size_t i = 0; i < tensor->shape[0]; i++) {
        assert_true(((const float *)tensor->data)[i] == value);
    }
}

static void random_weights_have_the_usual_deviations(void **state) {
    (void)state;
    um_model_config config = tiny_config();
    config.layer_count = 8; /* sqrt(2 layers) = 4 */
    const workshop made = workshop_make_with(&config, "causal", ", \"initialise\": true");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    const um_parameters *parameters = &trainer->learner.parameters;
    assert_true(fabs(deviation_of(&parameters->embedding) - 0.02) < 0.003);
    assert_true(fabs(deviation_of(&parameters->head) - 0.02) < 0.003);
    expect_all(&parameters->final_norm, 1);
    for (size_t i = 0; i < 8; i++) {
        const um_layer_parameters *layer = &parameters->layers[i];
        assert_true(fabs(deviation_of(&layer->query) - 0.02) < 0.002);
        assert_true(fabs(deviation_of(&layer->gate) - 0.02) < 0.002);
        assert_true(fabs(deviation_of(&layer->attention_output) - 0.005) < 0.0005);
        assert_true(fabs(deviation_of(&layer->down) - 0.005) < 0.0005);
        expect_all(&layer->attention_norm, 1);
        expect_all(&layer->mlp_norm, 1);
        expect_all(&layer->query_bias, 0);
        expect_all(&layer->value_bias, 0);
    }
    um_trainer_free(trainer);
    scratch_remove(&output);
    workshop_remove(&made);
}

/* A causal model of this shape has a config.json; the Dream model that a diffusion run makes of it
 * would have none. */
static void a_result_that_could_not_be_written_is_refused_at_the_start(void **state) {
    (void)state;
    um_model_config config = tiny_config();
    config.head_dim = 16; /* 4 heads in 32 */
    const workshop made = workshop_make_with(&config, "diffusion", "");
    const scratch output = scratch_make();
    expect_refusal(&made.recipe, &output, UM_ERR_UNSUPPORTED, "the result could not be written: ");
    assert_false(um_file_exists(output.path, UM_TRAINING_STATE_FILE));
    workshop_remove(&made);
    const workshop causal = workshop_make_with(&config, "causal", ", \"steps\": 1");
    train_whole(&causal.recipe, &output, &(watch){0});
    scratch_remove(&output);
    workshop_remove(&causal);
}

/* Only the written file cannot hold the weight, so the run is done, and another type may be
 * chosen. */
static void a_model_that_f16_cannot_hold_is_written_in_another_type(void **state) {
    (void)state;
    um_error error = {0};
    workshop made = workshop_make("diffusion", ", \"steps\": 1, \"saved_weights\": \"f16\"");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_trainer *trainer = make_trainer(&made.recipe, &output, &compute);
    const size_t unused = COPY_LETTERS; /* a token that no document has */
    float *embedding = um_tensor_f32(&trainer->learner.parameters.embedding);
    embedding[unused * trainer->learner.config.hidden_size] = 1e6f;
    const um_trainer_callbacks callbacks = {0};
    assert_int_equal(um_trainer_run(trainer, &callbacks, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "too large for F16"));
    um_trainer_free(trainer);
    assert_false(um_file_exists(output.path, UM_MODEL_DONE_FILE));
    set_member(&made.recipe, "saved_weights", "bf16");
    watch seen = {0};
    train_whole(&made.recipe, &output, &seen);
    assert_int_equal(seen.steps, 0);
    assert_true(um_file_exists(output.path, UM_MODEL_DONE_FILE));
    scratch_remove(&output);
    workshop_remove(&made);
}

static void models_that_do_not_suit_the_recipe_are_refused(void **state) {
    (void)state;
    const struct {
        const char *objective;
        const char *more;
        um_attention_kind attention;
        int32_t mask_token;
        int32_t pad_token;
        const char *text;
    } cases[] = {
        {"causal", "", UM_ATTENTION_FULL, 15, 14, "the model is not autoregressive"},
        {"diffusion", "", UM_ATTENTION_CAUSAL, UM_NO_TOKEN_ID, 14,
         "needs a mask token: \"mask_token_id\""},
        {"diffusion", ", \"answer_length\": 5", UM_ATTENTION_CAUSAL, 15, UM_NO_TOKEN_ID,
         "needs \"pad_token_id\""},
        {"causal", ", \"answer_length\": 5", UM_ATTENTION_CAUSAL, 15, UM_NO_TOKEN_ID,
         "needs \"pad_token_id\""},
        {"causal", ", \"context_length\": 97", UM_ATTENTION_CAUSAL, 15, 14,
         "\"context_length\" is 97"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_model_config config = tiny_config();
        config.attention = cases[i].attention;
        config.mask_token = cases[i].mask_token;
        config.pad_token = cases[i].pad_token;
        const workshop made = workshop_make_with(&config, cases[i].objective, cases[i].more);
        const scratch output = scratch_make();
        expect_refusal(&made.recipe, &output, UM_ERR_MISMATCH, cases[i].text);
        scratch_remove(&output);
        workshop_remove(&made);
    }
}

static void the_recipe_names_a_mask_token(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config = tiny_config();
    config.mask_token = UM_NO_TOKEN_ID;
    workshop made = workshop_make_with(&config, "diffusion", ", \"mask_token\": \"15\"");
    const scratch output = scratch_make();
    watch seen = {0};
    set_member(&made.recipe, "steps", "1");
    train_whole(&made.recipe, &output, &seen);
    assert_ok(um_model_config_read(output.path, &config, &error), &error);
    assert_int_equal(config.mask_token, 15);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    set_member(&made.recipe, "mask_token", "16");
    expect_refusal(&made.recipe, &output, UM_ERR_MISMATCH,
                   "\"mask_token\": \"16\" is neither a token of the tokenizer nor an id below 16");
    scratch_remove(&output);
    workshop_remove(&made);
}

static void files_that_are_missing_or_empty_are_named(void **state) {
    (void)state;
    um_error error = {0};
    const workshop made = workshop_make("diffusion", "");
    const scratch output = scratch_make();
    um_recipe recipe = made.recipe;
    set_member(&recipe, "train", "/nowhere/train.shard");
    expect_refusal(&recipe, &output, UM_ERR_IO, "/nowhere/train.shard");
    recipe = made.recipe;
    set_member(&recipe, "model", made.data.path);
    expect_refusal(&recipe, &output, UM_ERR_IO, "config.json");
    recipe = made.recipe;
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(16, &writer, &error), &error);
    assert_ok(um_shard_writer_commit(writer, scratch_path(&made.data, "empty.shard"), &error),
              &error);
    um_shard_writer_free(writer);
    set_member(&recipe, "train", scratch_path(&made.data, "empty.shard"));
    expect_refusal(&recipe, &output, UM_ERR_LIMIT, "empty.shard: 0 documents");
    assert_int_equal(unlink(scratch_path(&made.model, "model.safetensors")), 0);
    expect_refusal(&made.recipe, &output, UM_ERR_IO, "model.safetensors");
    const scratch nowhere = {.path = "/dev/null/at/all"};
    expect_refusal(&made.recipe, &nowhere, UM_ERR_IO, "cannot make the directory");
    scratch_remove(&output);
    workshop_remove(&made);
}

/* A model whose config.json denies the output projection that its weights contain. */
static void a_head_that_would_be_dropped_is_an_error(void **state) {
    (void)state;
    const workshop made = workshop_make("diffusion", "");
    const scratch output = scratch_make();
    um_model_config config = tiny_config();
    config.tied_head = true;
    write_config(&made.model, &config);
    expect_refusal(&made.recipe, &output, UM_ERR_MISMATCH, "tie_word_embeddings");
    scratch_remove(&output);
    workshop_remove(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_of_another_recipe_is_refused),
        cmocka_unit_test(a_state_of_other_data_is_refused),
        cmocka_unit_test(a_state_of_another_model_is_refused),
        cmocka_unit_test(a_state_of_an_edited_configuration_is_refused),
        cmocka_unit_test(a_state_without_the_configuration_goes_on),
        cmocka_unit_test(a_run_goes_on_with_other_intervals_and_places),
        cmocka_unit_test(leftovers_of_a_killed_run_are_removed),
        cmocka_unit_test(every_changed_byte_of_a_state_is_noticed),
        cmocka_unit_test(a_state_of_another_length_is_refused),
        cmocka_unit_test(a_full_disk_leaves_the_old_state),
        cmocka_unit_test(what_a_killed_write_left_is_removed),
        cmocka_unit_test(the_state_is_saved_every_few_minutes),
        cmocka_unit_test(a_diffusion_run_makes_a_dream_model),
        cmocka_unit_test(a_run_starts_from_the_weights_of_its_model),
        cmocka_unit_test(random_weights_have_the_usual_deviations),
        cmocka_unit_test(a_result_that_could_not_be_written_is_refused_at_the_start),
        cmocka_unit_test(a_model_that_f16_cannot_hold_is_written_in_another_type),
        cmocka_unit_test(models_that_do_not_suit_the_recipe_are_refused),
        cmocka_unit_test(the_recipe_names_a_mask_token),
        cmocka_unit_test(files_that_are_missing_or_empty_are_named),
        cmocka_unit_test(a_head_that_would_be_dropped_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
