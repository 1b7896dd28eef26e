/* Filling in the middle with causal models. */
#include "api_testing.h"
#include "base/mapped_file.h"

/* A causal model with the qwen_style tokenizer, three of whose tokens are renamed to the infilling
 * tokens. */
#define PREFIX 807
#define SUFFIX 808
#define MIDDLE 809

static void rename_tokens(um_buffer *text) {
    static const char *const names[][2] = {{"\"<left>\"", "\"<|fim_prefix|>\""},
                                           {"\"<right>\"", "\"<|fim_suffix|>\""},
                                           {"\"<both>\"", "\"<|fim_middle|>\""}};
    for (size_t i = 0; i < 3; i++) {
        um_error error = {0};
        um_buffer renamed = {0};
        const char *at = strstr(text->data, names[i][0]);
        assert_non_null(at);
        assert_ok(um_buffer_append(&renamed, text->data, (size_t)(at - text->data), &error),
                  &error);
        assert_ok(um_buffer_append_text(&renamed, names[i][1], &error), &error);
        assert_ok(um_buffer_append_text(&renamed, at + strlen(names[i][0]), &error), &error);
        um_buffer_free(text);
        *text = renamed;
    }
}

static api_fixture open_causal(bool with_tokens) {
    um_error error = {0};
    api_fixture made = {.directory = scratch_make()};
    um_model_config config = random_model_config();
    config.family = UM_FAMILY_QWEN2;
    config.attention = UM_ATTENTION_CAUSAL;
    config.mask_token = UM_NO_TOKEN_ID;
    assert_ok(random_model_write(&config, QWEN_STYLE, made.directory.path, &error), &error);
    if (with_tokens) {
        um_buffer text = {0};
        const char *path = scratch_path(&made.directory, "tokenizer.json");
        assert_ok(um_file_read(path, SIZE_MAX / 2, &text, &error), &error);
        rename_tokens(&text);
        scratch_write(&made.directory, "tokenizer.json", text.data, text.length);
        um_buffer_free(&text);
    }
    assert_ok(um_model_open(made.directory.path, NULL, &made.model, &error), &error);
    assert_ok(um_session_create(made.model, NULL, &made.session, &error), &error);
    return made;
}

static um_result run_parts(const api_fixture *fixture, const um_part *parts, size_t count) {
    const um_request request = {.parts = parts, .part_count = count};
    return run_request(fixture->session, &request, NULL);
}

/* Write the ids of a text to `ids`; returns their number. */
static size_t put_text(const api_fixture *fixture, const char *text, int32_t *ids) {
    um_error error = {0};
    int32_t *tokens = NULL;
    size_t count = 0;
    assert_ok(um_tokenize(fixture->model, text, strlen(text), false, &tokens, &count, &error),
              &error);
    memcpy(ids, tokens, count * sizeof *ids);
    um_free(tokens);
    return count;
}

static void the_suffix_comes_before_the_hole_with_its_tokens(void **state) {
    (void)state;
    api_fixture fixture = open_causal(true);
    int32_t ids[64] = {PREFIX};
    size_t count = 1 + put_text(&fixture, "def f(", ids + 1);
    count += put_text(&fixture, "x):", ids + count);
    ids[count++] = SUFFIX;
    count += put_text(&fixture, "    return x\n", ids + count);
    ids[count++] = MIDDLE;
    const um_part written[] = {{.kind = UM_PART_TOKENS, .tokens = ids, .length = count},
                               hole_part(7)};
    const um_part parts[] = {text_part("def f("), text_part("x):"), hole_part(7),
                             text_part("    return x\n")};
    um_result expected = run_parts(&fixture, written, 2);
    um_result filled = run_parts(&fixture, parts, 4);
    assert_string_equal(filled.algorithm, "autoregressive");
    assert_same_tokens(&expected, &filled);
    assert_int_equal(filled.answer_count, 1);
    assert_int_equal(filled.answers[0].start, count);
    assert_string_equal(filled.answers[0].text, expected.answers[0].text);
    um_result_clear(&expected);
    um_result_clear(&filled);
    api_close(&fixture);
}

static void a_hole_at_the_end_needs_no_tokens(void **state) {
    (void)state;
    api_fixture fixture = open_causal(false);
    const um_part parts[] = {text_part("def f("), hole_part(5), text_part("")};
    um_result plain = run_parts(&fixture, parts, 2);
    um_result same = run_parts(&fixture, parts, 3); /* nothing follows */
    assert_int_not_equal(plain.tokens[0], PREFIX);
    assert_same_tokens(&plain, &same);
    um_result_clear(&plain);
    um_result_clear(&same);
    api_close(&fixture);
}

static void what_cannot_be_shown_first_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_result result;
    api_fixture without = open_causal(false);
    const um_part parts[] = {text_part("def f("), hole_part(5), text_part("x"), hole_part(5),
                             text_part("y")};
    um_request request = {.parts = parts, .part_count = 3};
    assert_int_equal(um_generate(without.session, &request, NULL, &result, &error),
                     UM_ERR_MISMATCH);
    assert_message(&error, "its tokenizer has no token \"<|fim_prefix|>\"");
    api_close(&without);
    api_fixture with = open_causal(true);
    request.part_count = 5; /* two holes */
    assert_int_equal(um_generate(with.session, &request, NULL, &result, &error), UM_ERR_ARGUMENT);
    assert_message(&error, "one hole at the end");
    const um_message message = {"user", "hello", 5};
    request =
        (um_request){.messages = &message, .message_count = 1, .parts = parts + 1, .part_count = 2};
    assert_int_equal(um_generate(with.session, &request, NULL, &result, &error), UM_ERR_ARGUMENT);
    assert_message(&error, "one hole at the end");
    api_close(&with);
}

static void a_diffusion_model_sees_the_suffix_in_its_place(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    const um_part parts[] = {text_part("def f("), hole_part(5), text_part("x):")};
    um_result filled = run_parts(&fixture, parts, 3);
    int32_t ids[32];
    const size_t before = put_text(&fixture, "def f(", ids);
    assert_int_equal(filled.answers[0].start, before);
    const size_t after = put_text(&fixture, "x):", ids);
    assert_memory_equal(filled.tokens + before + 5, ids, after * sizeof *ids);
    um_result_clear(&filled);
    api_close(&fixture);
}

/* Ids of tests/golden/tokenizer/llama_style. */
static void text_after_a_hole_gets_no_space_in_front(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = {.directory = scratch_make()};
    const um_model_config config = random_model_config();
    assert_ok(random_model_write(&config, UM_TEST_DATA "/tokenizer/llama_style",
                                 fixture.directory.path, &error),
              &error);
    assert_ok(um_model_open(fixture.directory.path, NULL, &fixture.model, &error), &error);
    assert_ok(um_session_create(fixture.model, NULL, &fixture.session, &error), &error);
    const int32_t begin = 1;
    const um_part parts[] = {{.kind = UM_PART_TOKENS, .tokens = &begin, .length = 1},
                             text_part("x"),
                             text_part("x"),
                             text_part(""),
                             hole_part(2),
                             text_part("x"),
                             hole_part(2),
                             text_part("")};
    um_result filled = run_parts(&fixture, parts, 8);
    assert_int_equal(filled.length, 9);
    const int32_t before[] = {1, 342, 316, 316}; /* "<s>", a space, "x", "x" */
    assert_memory_equal(filled.tokens, before, sizeof before);
    assert_int_equal(filled.tokens[6], 316);
    um_result_clear(&filled);
    api_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suffix_comes_before_the_hole_with_its_tokens),
        cmocka_unit_test(a_hole_at_the_end_needs_no_tokens),
        cmocka_unit_test(what_cannot_be_shown_first_is_refused),
        cmocka_unit_test(a_diffusion_model_sees_the_suffix_in_its_place),
        cmocka_unit_test(text_after_a_hole_gets_no_space_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
