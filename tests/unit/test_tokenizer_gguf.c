#include "tokenizer_testing.h"

#include <stdio.h>

#include "gguf_building.h"
#include "scratch.h"
#include "tokenizer/gguf_files.h"
#include "tokenizer/splitter.h"

#define GOLDEN_FILE UM_TEST_DATA "/gguf/tokenizer.gguf"

static um_buffer case_text(const json_t *entry) {
    um_error error = {0};
    um_buffer text = {0};
    for (const char *hex = json_string_value(json_object_get(entry, "bytes")); *hex; hex += 2) {
        const char pair[3] = {hex[0], hex[1], '\0'};
        const char byte = (char)strtoul(pair, NULL, 16);
        assert_ok(um_buffer_append(&text, &byte, 1, &error), &error);
    }
    return text;
}

static bool contains(const um_buffer *text, const char *part) {
    const size_t length = strlen(part);
    for (size_t at = 0; at + length <= text->length; at++) {
        if (memcmp(text->data + at, part, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the text contains a token whose flags the metadata cannot express: one that takes blanks
 * along, matches whole words only, or is matched in normalised text. */
static bool has_flagged_token(const um_buffer *text) {
    static const char *const flagged[] = {"<left>", "<right>",       "<both>",
                                          "word",   "\xC3\x85ngstr", "A\xCC\x8Angstr"};
    for (size_t i = 0; i < sizeof flagged / sizeof *flagged; i++) {
        if (contains(text, flagged[i])) {
            return true;
        }
    }
    return false;
}

static void metadata_give_the_ids_of_the_reference(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(GOLDEN_FILE);
    json_t *root = load_json(TOKENIZER_DATA "qwen_style_cases.json");
    um_token_list ids = {0};
    size_t compared = 0;
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *entry = json_array_get(root, i);
        um_buffer text = case_text(entry);
        encode_text(tokenizer, um_buffer_text(&text), text.length, false, &ids);
        assert_ids(&ids, json_object_get(entry, "plain"), "plain", i);
        if (!has_flagged_token(&text)) {
            encode_text(tokenizer, um_buffer_text(&text), text.length, true, &ids);
            assert_ids(&ids, json_object_get(entry, "ids"), "ids", i);
            compared++;
        }
        um_buffer_free(&text);
    }
    assert_true(compared > 100);
    um_token_list_free(&ids);
    json_decref(root);
    um_tokenizer_free(tokenizer);
}

static void special_tokens_are_those_of_the_directory(void **state) {
    (void)state;
    um_tokenizer *of_file = load_tokenizer(GOLDEN_FILE);
    um_tokenizer *of_directory = load_tokenizer(TOKENIZER_DATA "qwen_style");
    assert_int_equal(um_tokenizer_eos(of_file), um_tokenizer_eos(of_directory));
    assert_int_equal(um_tokenizer_pad(of_file), um_tokenizer_pad(of_directory));
    assert_int_equal(um_tokenizer_bos(of_file), um_tokenizer_bos(of_directory));
    assert_int_equal(um_tokenizer_mask(of_file), um_tokenizer_mask(of_directory));
    const size_t count = um_tokenizer_vocabulary_size(of_directory);
    assert_int_equal(um_tokenizer_vocabulary_size(of_file), count);
    for (size_t id = 0; id < count; id++) {
        const char *left = NULL;
        const char *right = NULL;
        size_t left_length = 0;
        size_t right_length = 0;
        assert_true(um_tokenizer_token_bytes(of_file, (int32_t)id, &left, &left_length));
        assert_true(um_tokenizer_token_bytes(of_directory, (int32_t)id, &right, &right_length));
        assert_int_equal(left_length, right_length);
        assert_memory_equal(left, right, left_length);
        assert_int_equal(um_tokenizer_is_special(of_file, (int32_t)id),
                         um_tokenizer_is_special(of_directory, (int32_t)id));
    }
    um_tokenizer_free(of_file);
    um_tokenizer_free(of_directory);
}

/* ---- Files of our own ------------------------------------------------------ */

typedef struct description {
    const char *model;
    const char *pre;
    const char *second; /* of the three tokens: "a", this one, "ab" */
    size_t types;
} description;

static void put_text(um_buffer *bytes, const char *key, const char *text) {
    gguf_key(bytes, key, UM_GGUF_STRING);
    gguf_string(bytes, text);
}

static void put_strings(um_buffer *bytes, const char *key, const char *const *texts, size_t count) {
    gguf_key(bytes, key, UM_GGUF_ARRAY);
    gguf_number(bytes, UM_GGUF_STRING, 4);
    gguf_number(bytes, count, 8);
    for (size_t i = 0; i < count; i++) {
        gguf_string(bytes, texts[i]);
    }
}

static um_status load_described(const description *what, um_tokenizer **tokenizer,
                                um_error *error) {
    const scratch directory = scratch_make();
    const char *const tokens[] = {"a", what->second, "ab"};
    const char *const merges[] = {"a b"};
    um_buffer bytes = gguf_start(3, 0, 5);
    put_text(&bytes, "tokenizer.ggml.model", what->model);
    put_text(&bytes, "tokenizer.ggml.pre", what->pre);
    put_strings(&bytes, "tokenizer.ggml.tokens", tokens, 3);
    put_strings(&bytes, "tokenizer.ggml.merges", merges, 1);
    gguf_key(&bytes, "tokenizer.ggml.token_type", UM_GGUF_ARRAY);
    gguf_number(&bytes, UM_GGUF_INT32, 4);
    gguf_number(&bytes, what->types, 8);
    for (size_t i = 0; i < what->types; i++) {
        gguf_number(&bytes, 1, 4);
    }
    scratch_write(&directory, "t.gguf", bytes.data, bytes.length);
    const um_status status =
        um_tokenizer_load(scratch_path(&directory, "t.gguf"), tokenizer, error);
    um_buffer_free(&bytes);
    scratch_remove(&directory);
    return status;
}

static void every_known_pre_tokenizer_loads(void **state) {
    (void)state;
    for (size_t i = 0; um_gguf_pre_at(i); i++) {
        um_error error = {0};
        um_tokenizer *tokenizer = NULL;
        const description what = {"gpt2", um_gguf_pre_at(i)->name, "b", 3};
        assert_ok(load_described(&what, &tokenizer, &error), &error);
        um_token_list ids = {0};
        encode_text(tokenizer, "abba", 4, false, &ids);
        const int32_t expected[] = {2, 1, 0};
        assert_int_equal(ids.length, 3);
        assert_memory_equal(ids.ids, expected, sizeof expected);
        um_token_list_free(&ids);
        um_tokenizer_free(tokenizer);
    }
}

static void assert_refused(const description *what, um_status status, const char *text) {
    um_error error = {0};
    um_tokenizer *tokenizer = NULL;
    assert_int_equal(load_described(what, &tokenizer, &error), status);
    assert_null(tokenizer);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\", expected \"%s\"", error.message, text);
    }
}

static void other_tokenizers_are_refused(void **state) {
    (void)state;
    assert_refused(&(description){"llama", "default", "b", 3}, UM_ERR_UNSUPPORTED,
                   "tokenizer \"llama\" (tokenizer.ggml.model) is not covered");
    assert_refused(&(description){"gpt2", "tekken", "b", 3}, UM_ERR_UNSUPPORTED,
                   "pre-tokenizer \"tekken\" (tokenizer.ggml.pre) is not covered");
    assert_refused(&(description){"gpt2", "qwen2", "b", 2}, UM_ERR_FORMAT,
                   "has 2 elements for 3 tokens");
    assert_refused(&(description){"gpt2", "qwen2", "\xFF", 3}, UM_ERR_FORMAT, "is not UTF-8");
    assert_refused(&(description){"gpt2", "qwen2", "a", 3}, UM_ERR_FORMAT, "the same bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_give_the_ids_of_the_reference),
        cmocka_unit_test(special_tokens_are_those_of_the_directory),
        cmocka_unit_test(every_known_pre_tokenizer_loads),
        cmocka_unit_test(other_tokenizers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
