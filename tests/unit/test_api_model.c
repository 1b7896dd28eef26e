/* Opening models through the public interface: facts, text, and ids that do not agree. */
#include "api_testing.h"
#include "base/mapped_file.h"

static void facts_are_those_of_the_files(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_info info;
    um_model_get_info(fixture.model, &info);
    assert_string_equal(info.name, strrchr(fixture.directory.path, '/') + 1);
    assert_string_equal(info.family, "dream");
    assert_string_equal(info.attention, "full");
    assert_string_equal(info.logit_alignment, "shifted");
    assert_string_equal(info.algorithm, "threshold");
    assert_int_equal(info.context_length, RANDOM_MODEL_CONTEXT);
    assert_int_equal(info.vocabulary_size, 820);
    assert_int_equal(info.mask_token, 804);
    assert_int_equal(info.eos_token, 800);
    assert_int_equal(info.end_of_turn_token, 802);
    assert_int_equal(info.pad_token, 805); /* the tokenizer's takes precedence */
    assert_true(info.has_chat_format);
    const int32_t ends[] = {800, 802, 805};
    assert_int_equal(info.end_token_count, 3);
    assert_memory_equal(info.end_tokens, ends, sizeof ends);
    /* Embedding and head, the final norm and, per layer: 2 norms, q, k, v with biases, o, and the 3
     * matrices of the MLP. */
    const size_t layer = 2 * 16 + (16 + 8 + 8) * 17 + 16 * 16 + 3 * 16 * 32;
    assert_int_equal(info.parameter_count, 2 * 820 * 16 + 16 + 2 * layer);
    assert_int_equal(info.weight_bytes, 4 * info.parameter_count);
    api_close(&fixture);
}

static void text_becomes_tokens_and_text_again(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    const char text[] = "def f(x):\n    return <|mask|>";
    int32_t *tokens = NULL;
    size_t count = 0;
    size_t special_count = 0;
    char *again = NULL;
    size_t length = 0;
    assert_ok(um_tokenize(fixture.model, text, strlen(text), false, &tokens, &count, &error),
              &error);
    assert_ok(um_detokenize(fixture.model, tokens, count, true, &again, &length, &error), &error);
    assert_string_equal(again, text);
    assert_int_equal(length, strlen(text));
    um_free(again);
    um_free(tokens);
    assert_ok(um_tokenize(fixture.model, text, strlen(text), true, &tokens, &special_count, &error),
              &error);
    assert_true(special_count < count);
    assert_int_equal(tokens[special_count - 1], 804);
    assert_true(um_token_is_special(fixture.model, 804));
    assert_int_equal(um_token_id(fixture.model, "<|mask|>"), 804);
    assert_int_equal(um_token_id(fixture.model, "<|nothing|>"), UM_NO_TOKEN_ID);
    assert_ok(um_detokenize(fixture.model, tokens, special_count, true, &again, &length, &error),
              &error);
    assert_string_equal(again, "def f(x):\n    return ");
    um_free(again);
    um_free(tokens);
    assert_ok(um_tokenize(fixture.model, "", 0, false, &tokens, &count, &error), &error);
    assert_int_equal(count, 0);
    assert_non_null(tokens);
    assert_ok(um_detokenize(fixture.model, tokens, 0, true, &again, &length, &error), &error);
    assert_string_equal(again, "");
    um_free(again);
    um_free(tokens);
    api_close(&fixture);
}

/* ---- Files that do not agree --------------------------------------------------------- */

static um_model *open_directory(const scratch *directory, const um_model_options *options) {
    um_error error = {0};
    um_model *model = NULL;
    assert_ok(um_model_open(directory->path, options, &model, &error), &error);
    return model;
}

static void assert_not_opened(const scratch *directory, const um_model_options *options,
                              um_status status, const char *text) {
    um_error error = {0};
    um_model *model = NULL;
    assert_int_equal(um_model_open(directory->path, options, &model, &error), status);
    assert_message(&error, text);
    assert_null(model);
}

static scratch write_model(const um_model_config *config) {
    um_error error = {0};
    const scratch directory = scratch_make();
    assert_ok(random_model_write(config, QWEN_STYLE, directory.path, &error), &error);
    return directory;
}

static void another_mask_token_than_the_tokenizers_is_refused(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.mask_token = 803;
    const scratch directory = write_model(&config);
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH,
                      "is 803 in config.json or generation_config.json and 804 in the");
    const um_model_options by_text = {.mask_token = "<|beginoftext|>"};
    const um_model_options by_id = {.mask_token = "804"};
    const um_model_options unknown = {.mask_token = "820"};
    um_model_info info;
    um_model *model = open_directory(&directory, &by_text);
    um_model_get_info(model, &info);
    assert_int_equal(info.mask_token, 803);
    um_model_close(model);
    model = open_directory(&directory, &by_id);
    um_model_get_info(model, &info);
    assert_int_equal(info.mask_token, 804);
    um_model_close(model);
    assert_not_opened(&directory, &unknown, UM_ERR_ARGUMENT, "\"820\" is neither a token");
    scratch_remove(&directory);
}

static void a_tokenizer_with_more_ids_than_the_model_is_refused(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.vocabulary_size = 810;
    const scratch directory = write_model(&config);
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH, "has vocab_size 810");
    scratch_remove(&directory);
}

static void an_end_token_that_is_text_is_refused(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.eos_token = 17;
    scratch directory = write_model(&config);
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH, "eos_token_id is 17");
    scratch_remove(&directory);
    config = random_model_config();
    config.pad_token = 18;
    directory = write_model(&config);
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH, "pad_token_id is 18");
    scratch_remove(&directory);
}

/* A model whose tokenizer names no special tokens. */
static scratch write_unnamed(const um_model_config *config) {
    const scratch directory = write_model(config);
    scratch_write(&directory, "tokenizer_config.json", "{}", 2);
    (void)unlink(scratch_path(&directory, "generation_config.json"));
    return directory;
}

static void a_diffusion_model_without_a_mask_token_says_how_to_give_one(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.mask_token = UM_NO_TOKEN_ID;
    const scratch directory = write_unnamed(&config);
    const um_model_options given = {.mask_token = "<|mask|>"};
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH, "give the text or the id");
    um_model_close(open_directory(&directory, &given));
    scratch_remove(&directory);
}

static json_t *read_config(const scratch *directory) {
    um_error error = {0};
    json_t *root = NULL;
    assert_ok(um_json_load_file(scratch_path(directory, "config.json"), &root, &error), &error);
    return root;
}

/* Takes `root`. */
static void write_config(const scratch *directory, json_t *root) {
    char *text = json_dumps(root, 0);
    scratch_write(directory, "config.json", text, strlen(text));
    free(text);
    json_decref(root);
}

/* Remove members from config.json. */
static void forget(const scratch *directory, const char *const *keys) {
    json_t *root = read_config(directory);
    for (; *keys; keys++) {
        assert_int_equal(json_object_del(root, *keys), 0);
    }
    write_config(directory, root);
}

static void a_mask_token_outside_the_vocabulary_can_be_corrected(void **state) {
    (void)state;
    const um_model_config config = random_model_config();
    const um_model_options corrected = {.mask_token = "<|mask|>"};
    const scratch directory = write_model(&config);
    json_t *root = read_config(&directory);
    assert_int_equal(json_object_set_new(root, "mask_token_id", json_integer(820)), 0);
    write_config(&directory, root);
    assert_not_opened(&directory, NULL, UM_ERR_FORMAT, "mask token 820 is outside");
    um_model_close(open_directory(&directory, &corrected));
    scratch_remove(&directory);
}

static void assert_opens_as(const scratch *directory, const um_model_options *options,
                            const char *attention, const char *algorithm, int32_t mask) {
    um_model_info info;
    um_model *model = open_directory(directory, options);
    um_model_get_info(model, &info);
    assert_string_equal(info.attention, attention);
    assert_string_equal(info.logit_alignment, "shifted");
    assert_string_equal(info.algorithm, algorithm);
    assert_int_equal(info.mask_token, mask);
    um_model_close(model);
}

/* A model of model_type qwen2 whose config.json does not tell what it is. */
static scratch write_undecided(void) {
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    const scratch directory = write_model(&config);
    forget(&directory, (const char *const[]){"unmask", "mask_token_id", NULL});
    return directory;
}

static void a_mask_token_outside_config_json_makes_a_diffusion_model(void **state) {
    (void)state;
    const scratch directory = write_undecided();
    const um_model_options causal = {.attention = "causal"};
    const um_model_options masked = {.mask_token = "<|mask|>"};
    assert_opens_as(&directory, NULL, "full", "threshold", 804);
    assert_opens_as(&directory, &causal, "causal", "autoregressive", 804);
    scratch_write(&directory, "tokenizer_config.json", "{}", 2);
    assert_opens_as(&directory, NULL, "causal", "autoregressive", UM_NO_TOKEN_ID);
    assert_opens_as(&directory, &masked, "full", "threshold", 804);
    scratch_remove(&directory);
}

static void generation_config_may_name_the_mask_token(void **state) {
    (void)state;
    const scratch directory = write_undecided();
    const char good[] = "{\"mask_token_id\": 804}";
    const char none[] = "{\"mask_token_id\": null}";
    const char bad[] = "{\"mask_token_id\": 820}";
    scratch_write(&directory, "tokenizer_config.json", "{}", 2);
    scratch_write(&directory, "generation_config.json", good, strlen(good));
    assert_opens_as(&directory, NULL, "full", "threshold", 804);
    scratch_write(&directory, "generation_config.json", none, strlen(none));
    assert_opens_as(&directory, NULL, "causal", "autoregressive", UM_NO_TOKEN_ID);
    scratch_write(&directory, "generation_config.json", bad, strlen(bad));
    assert_not_opened(&directory, NULL, UM_ERR_FORMAT, "generation_config.json: \"mask_token_id\"");
    const um_model_options masked = {.mask_token = "<|mask|>"};
    assert_opens_as(&directory, &masked, "full", "threshold", 804);
    scratch_remove(&directory);
}

static void a_model_that_says_it_is_causal_stays_so_with_a_mask_token(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.attention = UM_ATTENTION_CAUSAL;
    config.mask_token = UM_NO_TOKEN_ID;
    const scratch directory = write_model(&config);
    const um_model_options masked = {.mask_token = "<|mask|>"};
    assert_opens_as(&directory, NULL, "causal", "autoregressive", 804);
    assert_opens_as(&directory, &masked, "causal", "autoregressive", 804);
    scratch_remove(&directory);
}

static void a_dream_model_needs_neither_a_mask_nor_a_head_in_config_json(void **state) {
    (void)state;
    const um_model_config config = random_model_config();
    const scratch directory = write_model(&config);
    const um_model_options masked = {.mask_token = "<|mask|>"};
    forget(&directory, (const char *const[]){"mask_token_id", "tie_word_embeddings", NULL});
    (void)unlink(scratch_path(&directory, "generation_config.json"));
    assert_opens_as(&directory, NULL, "full", "threshold", 804);
    scratch_write(&directory, "tokenizer_config.json", "{}", 2);
    assert_not_opened(&directory, NULL, UM_ERR_MISMATCH, "give the text or the id");
    assert_opens_as(&directory, &masked, "full", "threshold", 804);
    scratch_remove(&directory);
}

static void the_pad_of_diffucoder_ends_answers_even_if_no_file_names_it(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    const scratch directory = write_unnamed(&config);
    um_model_info info;
    um_model *model = open_directory(&directory, NULL);
    um_model_get_info(model, &info);
    assert_int_equal(info.pad_token, 800);
    const int32_t ends[] = {800, 802, 805};
    assert_int_equal(info.end_token_count, 3);
    assert_memory_equal(info.end_tokens, ends, sizeof ends);
    um_model_close(model);
    scratch_remove(&directory);
}

static void generation_config_tells_ends_that_nothing_else_tells(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.eos_token = UM_NO_TOKEN_ID;
    config.pad_token = UM_NO_TOKEN_ID;
    const scratch directory = write_unnamed(&config);
    const char good[] = "{\"eos_token_id\": [808, 807], \"pad_token_id\": 805}";
    const char bad[] = "{\"eos_token_id\": 820}";
    scratch_write(&directory, "generation_config.json", good, strlen(good));
    um_model_info info;
    um_model *model = open_directory(&directory, NULL);
    um_model_get_info(model, &info);
    assert_int_equal(info.eos_token, 808);
    assert_int_equal(info.pad_token, 805);
    const int32_t ends[] = {802, 805, 807, 808};
    assert_int_equal(info.end_token_count, 4);
    assert_memory_equal(info.end_tokens, ends, sizeof ends);
    um_model_close(model);
    scratch_write(&directory, "generation_config.json", bad, strlen(bad));
    assert_not_opened(&directory, NULL, UM_ERR_FORMAT, "eos_token_id: expected an id below 820");
    scratch_write(&directory, "generation_config.json", "[", 1);
    assert_not_opened(&directory, NULL, UM_ERR_FORMAT, "generation_config.json");
    scratch_remove(&directory);
}

static void all_ends_of_a_list_end_answers(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    const scratch directory = write_unnamed(&config);
    static const char more[] = "{\"eos_token_id\": [811, -1]}";
    um_buffer text = {0};
    um_error error = {0};
    assert_ok(um_file_read(scratch_path(&directory, "config.json"), 10000, &text, &error), &error);
    json_t *root = json_loads(um_buffer_text(&text), 0, NULL);
    assert_int_equal(json_object_set_new(root, "eos_token_id", json_pack("[i, i]", 800, 810)), 0);
    char *changed = json_dumps(root, 0);
    scratch_write(&directory, "config.json", changed, strlen(changed));
    scratch_write(&directory, "generation_config.json", more, strlen(more));
    um_model_info info;
    um_model *model = open_directory(&directory, NULL);
    um_model_get_info(model, &info);
    assert_int_equal(info.eos_token, 800);
    const int32_t ends[] = {800, 802, 805, 810, 811};
    assert_int_equal(info.end_token_count, 5);
    assert_memory_equal(info.end_tokens, ends, sizeof ends);
    um_model_close(model);
    free(changed);
    json_decref(root);
    um_buffer_free(&text);
    scratch_remove(&directory);
}

static void wrong_overrides_are_refused(void **state) {
    (void)state;
    const um_model_config config = random_model_config();
    const scratch directory = write_model(&config);
    assert_not_opened(&directory, &(um_model_options){.attention = "round"}, UM_ERR_ARGUMENT,
                      "full, causal or block-causal");
    assert_not_opened(&directory, &(um_model_options){.attention = "block-causal"}, UM_ERR_FORMAT,
                      "block");
    assert_not_opened(&directory, &(um_model_options){.logit_alignment = "left"}, UM_ERR_ARGUMENT,
                      "position or shifted");
    assert_not_opened(&directory, &(um_model_options){.kernels = "magic"}, UM_ERR_ARGUMENT,
                      "magic");
    scratch_remove(&directory);
}

/* ---- Tokens in requests ------------------------------------------------------------------ */

static api_fixture open_with(const char *tokenizer_config) {
    um_error error = {0};
    const um_model_config config = random_model_config();
    api_fixture fixture = {.directory = write_model(&config)};
    scratch_write(&fixture.directory, "tokenizer_config.json", tokenizer_config,
                  strlen(tokenizer_config));
    fixture.model = open_directory(&fixture.directory, NULL);
    assert_ok(um_session_create(fixture.model, NULL, &fixture.session, &error), &error);
    return fixture;
}

static void a_bos_token_can_be_laid_first(void **state) {
    (void)state;
    api_fixture fixture =
        open_with("{\"bos_token\": \"<|beginoftext|>\", \"mask_token\": \"<|mask|>\"}");
    const int32_t bos = um_model_bos_token(fixture.model);
    assert_int_equal(bos, 803);
    const um_part parts[] = {
        {.kind = UM_PART_TOKENS, .tokens = &bos, .length = 1}, text_part("x ="), hole_part(2)};
    const um_request with = {.parts = parts, .part_count = 3};
    const um_request without = {.parts = parts + 1, .part_count = 2};
    um_result first = run_request(fixture.session, &with, NULL);
    um_result second = run_request(fixture.session, &without, NULL);
    assert_int_equal(first.prompt_tokens, second.prompt_tokens + 1);
    assert_int_equal(first.tokens[0], 803);
    assert_memory_equal(first.tokens + 1, second.tokens,
                        second.prompt_tokens * sizeof *second.tokens);
    um_result_clear(&first);
    um_result_clear(&second);
    api_close(&fixture);
    fixture = api_open();
    assert_int_equal(um_model_bos_token(fixture.model), UM_NO_TOKEN_ID);
    api_close(&fixture);
}

/* All other tokens are suppressed by the caller, and without more, one in two would be 813. */
static void the_token_by_which_dreamon_asks_for_room_is_never_chosen(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = open_with("{\"mask_token\": \"<|mask|>\", \"added_tokens_decoder\": "
                                    "{\"813\": {\"content\": \"<|expand|>\"}}}");
    um_buffer ids = {0};
    for (int id = 0; id < 820; id++) {
        if (id != 801 && id != 804 && id != 813) {
            assert_ok(um_buffer_append_format(&ids, &error, "%s%d", ids.length ? "," : "", id),
                      &error);
        }
    }
    um_options *options = OPTIONS("suppress", um_buffer_text(&ids), "temperature", "1");
    const um_part parts[] = {text_part("x ="), hole_part(20)};
    const um_request request = {.parts = parts, .part_count = 2, .options = options};
    um_result result = run_request(fixture.session, &request, NULL);
    assert_int_equal(result.answers[0].token_count, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(result.answers[0].tokens[i], 801);
    }
    um_result_clear(&result);
    um_options_free(options);
    um_buffer_free(&ids);
    api_close(&fixture);
}

/* ---- Causal models ----
------------------------------------------------------------------ */

static void a_causal_model_decodes_from_left_to_right_by_default(void **state) {
    (void)state;
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.attention = UM_ATTENTION_CAUSAL;
    api_fixture fixture = api_open_config(&config);
    um_model_info info;
    um_model_get_info(fixture.model, &info);
    assert_string_equal(info.algorithm, "autoregressive");
    const um_part parts[] = {text_part("x ="), hole_part(6)};
    const um_request request = {.parts = parts, .part_count = 2};
    um_result all = run_request(fixture.session, &request, NULL);
    assert_string_equal(all.algorithm, "autoregressive");
    /* Token by token from scratch gives the same. */
    const size_t prompt = all.prompt_tokens;
    for (size_t i = 0; i < 6; i++) {
        const um_part next[] = {
            {.kind = UM_PART_TOKENS, .tokens = all.tokens, .length = prompt + i}, hole_part(1)};
        const um_request one = {.parts = next, .part_count = 2};
        um_result step = run_request(fixture.session, &one, NULL);
        assert_int_equal(step.tokens[prompt + i], all.tokens[prompt + i]);
        um_result_clear(&step);
    }
    um_result_clear(&all);
    api_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_those_of_the_files),
        cmocka_unit_test(text_becomes_tokens_and_text_again),
        cmocka_unit_test(another_mask_token_than_the_tokenizers_is_refused),
        cmocka_unit_test(a_tokenizer_with_more_ids_than_the_model_is_refused),
        cmocka_unit_test(an_end_token_that_is_text_is_refused),
        cmocka_unit_test(a_diffusion_model_without_a_mask_token_says_how_to_give_one),
        cmocka_unit_test(a_mask_token_outside_the_vocabulary_can_be_corrected),
        cmocka_unit_test(a_mask_token_outside_config_json_makes_a_diffusion_model),
        cmocka_unit_test(generation_config_may_name_the_mask_token),
        cmocka_unit_test(a_model_that_says_it_is_causal_stays_so_with_a_mask_token),
        cmocka_unit_test(a_dream_model_needs_neither_a_mask_nor_a_head_in_config_json),
        cmocka_unit_test(the_pad_of_diffucoder_ends_answers_even_if_no_file_names_it),
        cmocka_unit_test(generation_config_tells_ends_that_nothing_else_tells),
        cmocka_unit_test(all_ends_of_a_list_end_answers),
        cmocka_unit_test(wrong_overrides_are_refused),
        cmocka_unit_test(a_bos_token_can_be_laid_first),
        cmocka_unit_test(the_token_by_which_dreamon_asks_for_room_is_never_chosen),
        cmocka_unit_test(a_causal_model_decodes_from_left_to_right_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
