#include "tokenizer_testing.h"

/* The text of one case of a golden file; tests/golden/make_tokenizer_golden.py explains the
 * format. */
static um_buffer case_text(const json_t *entry) {
    um_error error = {0};
    um_buffer text = {0};
    const char *hex = json_string_value(json_object_get(entry, "bytes"));
    assert_non_null(hex);
    for (; hex[0] != '\0'; hex += 2) {
        const char pair[3] = {hex[0], hex[1], '\0'};
        const char byte = (char)strtoul(pair, NULL, 16);
        assert_ok(um_buffer_append(&text, &byte, 1, &error), &error);
    }
    return text;
}

static void assert_decodes(const um_tokenizer *tokenizer, const um_token_list *ids,
                           const json_t *entry, const char *key, bool skip_special, size_t number) {
    um_error error = {0};
    um_buffer text = {0};
    const json_t *expected = json_object_get(entry, key);
    if (!expected) { /* a case of encoding only */
        return;
    }
    assert_ok(um_tokenizer_decode(tokenizer, ids->ids, ids->length, skip_special, &text, &error),
              &error);
    if (text.length != json_string_length(expected) ||
        memcmp(um_buffer_text(&text), json_string_value(expected), text.length) != 0) {
        fail_msg("%s, case %zu: \"%s\", expected \"%s\"", key, number, um_buffer_text(&text),
                 json_string_value(expected));
    }
    um_buffer_free(&text);
}

static void assert_case(const um_tokenizer *tokenizer, const json_t *entry, size_t number) {
    um_token_list ids = {0};
    um_buffer text = case_text(entry);
    encode_text(tokenizer, um_buffer_text(&text), text.length, false, &ids);
    assert_ids(&ids, json_object_get(entry, "plain"), "plain", number);
    encode_text(tokenizer, um_buffer_text(&text), text.length, true, &ids);
    assert_ids(&ids, json_object_get(entry, "ids"), "ids", number);
    assert_decodes(tokenizer, &ids, entry, "decoded", false, number);
    assert_decodes(tokenizer, &ids, entry, "clean", true, number);
    um_buffer_free(&text);
    um_token_list_free(&ids);
}

static void assert_cases(const char *directory, const char *cases, size_t at_least) {
    um_tokenizer *tokenizer = load_tokenizer(directory);
    json_t *root = load_json(cases);
    assert_true(json_array_size(root) >= at_least);
    for (size_t i = 0; i < json_array_size(root); i++) {
        assert_case(tokenizer, json_array_get(root, i), i);
    }
    json_decref(root);
    um_tokenizer_free(tokenizer);
}

static void the_qwen_configuration_gives_the_ids_of_the_reference(void **state) {
    (void)state;
    assert_cases(TOKENIZER_DATA "qwen_style", TOKENIZER_DATA "qwen_style_cases.json", 200);
}

static void vocabulary_and_merges_files_give_the_same_ids(void **state) {
    (void)state;
    assert_cases(TOKENIZER_DATA "files", TOKENIZER_DATA "qwen_style_cases.json", 200);
}

static void the_gpt2_configuration_gives_the_ids_of_the_reference(void **state) {
    (void)state;
    assert_cases(TOKENIZER_DATA "gpt2_style", TOKENIZER_DATA "gpt2_style_cases.json", 80);
}

static void a_text_that_follows_another_gets_no_space_in_front(void **state) {
    (void)state;
    um_error error = {0};
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "llama_style");
    json_t *cases = load_json(TOKENIZER_DATA "llama_continued_cases.json");
    assert_true(json_array_size(cases) >= 10);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *entry = json_array_get(cases, i);
        um_buffer text = case_text(entry);
        um_token_list ids = {0};
        assert_ok(um_tokenizer_continue(tokenizer, um_buffer_text(&text), text.length, false, &ids,
                                        &error),
                  &error);
        assert_ids(&ids, json_object_get(entry, "ids"), "ids", i);
        um_token_list_free(&ids);
        um_buffer_free(&text);
    }
    json_decref(cases);
    um_tokenizer_free(tokenizer);
}

static void only_the_first_stretch_of_a_text_follows_another(void **state) {
    (void)state;
    um_error error = {0};
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "llama_style");
    static const char text[] = "a<s>b";
    um_token_list continued = {0};
    um_token_list parts = {0};
    assert_ok(um_tokenizer_continue(tokenizer, text, 5, true, &continued, &error), &error);
    assert_ok(um_tokenizer_continue(tokenizer, "a", 1, true, &parts, &error), &error);
    assert_ok(um_tokenizer_encode(tokenizer, "<s>b", 4, true, &parts, &error), &error);
    assert_int_equal(continued.length, parts.length);
    assert_memory_equal(continued.ids, parts.ids, parts.length * sizeof *parts.ids);
    um_token_list_free(&continued);
    um_token_list_free(&parts);
    um_tokenizer_free(tokenizer);
}

static void characters_with_byte_fallback_give_the_ids_of_the_reference(void **state) {
    (void)state;
    assert_cases(TOKENIZER_DATA "llama_style", TOKENIZER_DATA "llama_style_cases.json", 90);
    /* Added tokens that are matched in normalised text, begin with a space, or name a byte. */
    assert_cases(TOKENIZER_DATA "llama_added", TOKENIZER_DATA "llama_added_cases.json", 13);
}

static void assert_decoded_after(const um_tokenizer *tokenizer, int32_t previous,
                                 const int32_t *ids, size_t count, const char *expected) {
    um_error error = {0};
    um_buffer text = {0};
    assert_ok(um_tokenizer_decode_after(tokenizer, previous, ids, count, true, &text, &error),
              &error);
    assert_string_equal(um_buffer_text(&text), expected);
    um_buffer_free(&text);
}

static void the_space_in_front_goes_at_the_start_of_a_text_only(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "llama_style");
    um_token_list ids = {0};
    encode_text(tokenizer, "the", 3, false, &ids);
    const int32_t begin = um_tokenizer_id(tokenizer, "<s>");
    assert_true(begin >= 0 && um_tokenizer_is_special(tokenizer, begin));
    assert_decoded_after(tokenizer, -1, ids.ids, ids.length, "the");
    assert_decoded_after(tokenizer, begin, ids.ids, ids.length, "the");
    assert_decoded_after(tokenizer, ids.ids[0], ids.ids, ids.length, " the");
    /* A control token that is left out does not start a text. */
    const int32_t both[] = {begin, ids.ids[0]};
    assert_decoded_after(tokenizer, ids.ids[0], both, 2, " the");
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void long_texts_of_characters_are_cut_like_short_ones(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "llama_style");
    um_token_list whole = {0};
    um_token_list part = {0};
    /* Cyrillic letters have no tokens: they become bytes, which no merge joins. */
    static const char unit[] = "\xD0\x96the return\xD0\x96";
    um_buffer text = {0};
    um_error error = {0};
    for (size_t i = 0; i < 20; i++) {
        assert_ok(um_buffer_append_text(&text, unit, &error), &error);
    }
    encode_text(tokenizer, unit, strlen(unit), false, &part);
    encode_text(tokenizer, text.data, text.length, false, &whole);
    /* The space in front is added only once. */
    assert_int_equal(whole.length, 1 + 20 * (part.length - 1));
    assert_memory_equal(whole.ids, part.ids, part.length * sizeof *part.ids);
    um_buffer_free(&text);
    um_token_list_free(&whole);
    um_token_list_free(&part);
    um_tokenizer_free(tokenizer);
}

/* The directory of Qwen's own tokenizer, whose vocabulary is too large to come with the tests. */
static const char *qwen_directory(void) {
    const char *directory = getenv("UNMASK_QWEN_TOKENIZER");
    if (!directory) {
        print_message("skipped: UNMASK_QWEN_TOKENIZER does not name a directory with the "
                      "tokenizer.json of a Qwen2 or Qwen3 model\n");
        skip();
    }
    return directory;
}

static void the_qwen_vocabulary_gives_the_ids_of_the_reference(void **state) {
    (void)state;
    assert_cases(qwen_directory(), TOKENIZER_DATA "qwen_cases.json", 200);
}

static void the_qwen_vocabulary_gives_the_published_ids(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(qwen_directory());
    um_token_list ids = {0};
    encode_text(tokenizer, "Hello world Hello world", 23, true, &ids);
    assert_int_equal(ids.length, 4);
    assert_int_equal(ids.ids[0], 9707);
    assert_int_equal(ids.ids[1], 1879);
    assert_int_equal(ids.ids[2], 21927);
    assert_int_equal(ids.ids[3], 1879);
    assert_int_equal(um_tokenizer_id(tokenizer, "<|endoftext|>"), 151643);
    assert_int_equal(um_tokenizer_id(tokenizer, "<|im_start|>"), 151644);
    assert_int_equal(um_tokenizer_id(tokenizer, "<|fim_middle|>"), 151660);
    assert_true(um_tokenizer_is_special(tokenizer, 151645));
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void composed_and_decomposed_letters_are_the_same_tokens(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    um_token_list composed = {0}, decomposed = {0};
    encode_text(tokenizer, "\xC3\xA9", 2, false, &composed);
    encode_text(tokenizer, "e\xCC\x81", 3, false, &decomposed);
    assert_int_equal(composed.length, decomposed.length);
    assert_memory_equal(composed.ids, decomposed.ids, composed.length * sizeof *composed.ids);
    um_token_list_free(&composed);
    um_token_list_free(&decomposed);
    um_tokenizer_free(tokenizer);
}

static void ids_names_and_bytes_agree(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    const size_t size = um_tokenizer_vocabulary_size(tokenizer);
    assert_int_equal(size, 813);
    for (size_t id = 0; id < size; id++) {
        const char *bytes = NULL;
        size_t length = 0;
        assert_true(um_tokenizer_token_bytes(tokenizer, (int32_t)id, &bytes, &length));
        char text[256];
        assert_in_range(length, 1, sizeof text - 1);
        memcpy(text, bytes, length);
        text[length] = '\0';
        if (!memchr(text, '\0', length)) {
            assert_int_equal(um_tokenizer_id(tokenizer, text), id);
        }
    }
    const char *bytes = NULL;
    size_t length = 0;
    assert_false(um_tokenizer_token_bytes(tokenizer, (int32_t)size, &bytes, &length));
    assert_false(um_tokenizer_token_bytes(tokenizer, -1, &bytes, &length));
    assert_int_equal(um_tokenizer_id(tokenizer, "no such token"), -1);
    um_tokenizer_free(tokenizer);
}

static void the_configuration_names_the_special_tokens(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    assert_int_equal(um_tokenizer_bos(tokenizer), -1);
    assert_int_equal(um_tokenizer_eos(tokenizer), um_tokenizer_id(tokenizer, "<|endoftext|>"));
    assert_int_equal(um_tokenizer_pad(tokenizer), um_tokenizer_id(tokenizer, "<|dlm_pad|>"));
    assert_int_equal(um_tokenizer_mask(tokenizer), um_tokenizer_id(tokenizer, "<|mask|>"));
    assert_true(um_tokenizer_mask(tokenizer) > 0);
    assert_true(um_tokenizer_is_special(tokenizer, um_tokenizer_mask(tokenizer)));
    assert_false(um_tokenizer_is_special(tokenizer, um_tokenizer_id(tokenizer, "<tool_call>")));
    assert_false(um_tokenizer_is_special(tokenizer, -1));
    assert_false(um_tokenizer_is_special(tokenizer, 1 << 30));
    assert_false(um_tokenizer_has_chat_template(tokenizer));
    um_tokenizer_free(tokenizer);

    tokenizer = load_tokenizer(TOKENIZER_DATA "files");
    assert_int_equal(um_tokenizer_bos(tokenizer), um_tokenizer_id(tokenizer, "<|beginoftext|>"));
    assert_int_equal(um_tokenizer_mask(tokenizer), um_tokenizer_id(tokenizer, "<|mask|>"));
    assert_true(um_tokenizer_bos(tokenizer) > 0);
    assert_true(um_tokenizer_has_chat_template(tokenizer));
    um_tokenizer_free(tokenizer);
}

/* At every point the stream has emitted whole characters only, and in the end all of them. */
static void assert_streams(const um_tokenizer *tokenizer, const um_token_list *ids,
                           const json_t *expected) {
    um_error error = {0};
    um_buffer text = {0};
    um_text_stream stream = um_text_stream_start(tokenizer, false);
    for (size_t i = 0; i < ids->length; i++) {
        assert_ok(um_text_stream_push(&stream, ids->ids[i], &text, &error), &error);
        json_t *whole = json_stringn(um_buffer_text(&text), text.length);
        assert_non_null(whole); /* jansson takes well-formed UTF-8 only */
        json_decref(whole);
        assert_true(text.length <= json_string_length(expected));
    }
    assert_ok(um_text_stream_flush(&stream, &text, &error), &error);
    assert_int_equal(text.length, json_string_length(expected));
    assert_memory_equal(um_buffer_text(&text), json_string_value(expected), text.length);
    um_buffer_free(&text);
}

static void a_stream_emits_whole_characters_only(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    json_t *root = load_json(TOKENIZER_DATA "qwen_style_cases.json");
    um_token_list ids = {0};
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *entry = json_array_get(root, i);
        um_buffer text = case_text(entry);
        encode_text(tokenizer, um_buffer_text(&text), text.length, true, &ids);
        assert_streams(tokenizer, &ids, json_object_get(entry, "decoded"));
        um_buffer_free(&text);
    }
    um_token_list_free(&ids);
    json_decref(root);
    um_tokenizer_free(tokenizer);
}

static void a_stream_replaces_broken_characters(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "gpt2_style");
    um_error error = {0};
    um_buffer text = {0};
    um_text_stream stream = um_text_stream_start(tokenizer, true);
    /* The first two bytes of U+20AC, an "a", then the first byte of another character. */
    const char *tokens[] = {"\xE2", "\x82", "a", "<|eot_id|>", "\xF0"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        const int32_t id = um_tokenizer_id(tokenizer, tokens[i]);
        assert_true(id >= 0);
        assert_ok(um_text_stream_push(&stream, id, &text, &error), &error);
        assert_string_equal(um_buffer_text(&text), i < 2 ? ""
                                                         : "\xEF\xBF\xBD"
                                                           "a");
    }
    assert_ok(um_text_stream_push(&stream, 1 << 29, &text, &error), &error);
    assert_ok(um_text_stream_flush(&stream, &text, &error), &error);
    assert_string_equal(um_buffer_text(&text), "\xEF\xBF\xBD"
                                               "a"
                                               "\xEF\xBF\xBD");
    um_buffer_free(&text);
    um_tokenizer_free(tokenizer);
}

static void an_encoder_gives_the_same_ids_every_time(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    um_error error = {0};
    um_buffer text = {0};
    for (int i = 0; i < 3000; i++) {
        assert_ok(um_buffer_append_format(&text, &error, "item_%d = value(%d)\n", i, i * 7919),
                  &error);
    }
    um_token_list first = {0}, second = {0}, lines = {0};
    um_encoder *encoder = NULL;
    assert_ok(um_encoder_create(tokenizer, &encoder, &error), &error);
    assert_ok(um_encoder_encode(encoder, text.data, text.length, true, &first, &error), &error);
    assert_ok(um_encoder_encode(encoder, text.data, text.length, true, &second, &error), &error);
    /* No token crosses a line here, so encoding line by line, without a cache, gives the same
     * ids. */
    for (const char *line = text.data; *line != '\0';) {
        const size_t length = (size_t)(strchr(line, '\n') - line) + 1;
        assert_ok(um_tokenizer_encode(tokenizer, line, length, true, &lines, &error), &error);
        line += length;
    }
    assert_int_equal(first.length, second.length);
    assert_int_equal(first.length, lines.length);
    assert_memory_equal(first.ids, second.ids, first.length * sizeof *first.ids);
    assert_memory_equal(first.ids, lines.ids, first.length * sizeof *first.ids);
    um_encoder_free(encoder);
    um_token_list_free(&first);
    um_token_list_free(&second);
    um_token_list_free(&lines);
    um_buffer_free(&text);
    um_tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_qwen_configuration_gives_the_ids_of_the_reference),
        cmocka_unit_test(vocabulary_and_merges_files_give_the_same_ids),
        cmocka_unit_test(the_gpt2_configuration_gives_the_ids_of_the_reference),
        cmocka_unit_test(characters_with_byte_fallback_give_the_ids_of_the_reference),
        cmocka_unit_test(a_text_that_follows_another_gets_no_space_in_front),
        cmocka_unit_test(only_the_first_stretch_of_a_text_follows_another),
        cmocka_unit_test(the_space_in_front_goes_at_the_start_of_a_text_only),
        cmocka_unit_test(long_texts_of_characters_are_cut_like_short_ones),
        cmocka_unit_test(the_qwen_vocabulary_gives_the_ids_of_the_reference),
        cmocka_unit_test(the_qwen_vocabulary_gives_the_published_ids),
        cmocka_unit_test(composed_and_decomposed_letters_are_the_same_tokens),
        cmocka_unit_test(ids_names_and_bytes_agree),
        cmocka_unit_test(the_configuration_names_the_special_tokens),
        cmocka_unit_test(a_stream_emits_whole_characters_only),
        cmocka_unit_test(a_stream_replaces_broken_characters),
        cmocka_unit_test(an_encoder_gives_the_same_ids_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
