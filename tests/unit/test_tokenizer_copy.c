#include "testing.h"

#include <string.h>
#include <unistd.h>

#include "base/mapped_file.h"
#include "model/tokenizer_copy.h"
#include "scratch.h"

#define DECODER                                                                                    \
    "\"added_tokens_decoder\": {\n"                                                                \
    "    \"8\": {\n      \"content\": \"<end>\"\n    },\n"                                         \
    "    \"9\": {\n      \"content\": \"<påd>\"\n    }\n"                                         \
    "  }"

typedef struct directories {
    scratch from;
    scratch to;
} directories;

static void remove_directories(const directories *made) {
    scratch_remove(&made->from);
    scratch_remove(&made->to);
}

static void put(const directories *made, const char *name, const char *text) {
    scratch_write(&made->from, name, text, strlen(text));
}

/* The source is a model whose pad token is 8. */
static directories make_directories(void) {
    const directories made = {scratch_make(), scratch_make()};
    put(&made, "config.json", "{\"pad_token_id\": 8}");
    return made;
}

static void copy(const directories *made, int32_t pad) {
    um_error error = {0};
    const um_model_config config = {.pad_token = pad, .mask_token = UM_NO_TOKEN_ID};
    assert_ok(um_model_copy_tokenizer(&config, made->from.path, made->to.path, &error), &error);
}

static void assert_copy(const directories *made, const char *name, const char *expected) {
    um_error error = {0};
    um_buffer contents = {0};
    assert_ok(um_file_read(scratch_path(&made->to, name), 10000, &contents, &error), &error);
    assert_string_equal(um_buffer_text(&contents), expected);
    um_buffer_free(&contents);
}

static void the_pad_token_becomes_that_of_the_model(void **state) {
    (void)state;
    const directories made = make_directories();
    put(&made, "tokenizer_config.json",
        "{\"z\": 1, " DECODER ", \"pad_token\": \"<end>\", \"rate\": 0.5, \"a\": [\"\\u0000/é\"]}");
    put(&made, "special_tokens_map.json",
        "{\"pad_token\": {\"content\": \"<end>\", \"lstrip\": true}, \"eos_token\": \"<end>\"}");
    put(&made, "generation_config.json", "{\"pad_token_id\": 8, \"eos_token_id\": 8}");
    copy(&made, 9);
    assert_copy(&made, "tokenizer_config.json",
                "{\n  \"z\": 1,\n  " DECODER ",\n  \"pad_token\": \"<påd>\",\n  \"rate\": 0.5,\n"
                "  \"a\": [\n    \"\\u0000/é\"\n  ]\n}\n");
    assert_copy(&made, "special_tokens_map.json",
                "{\n  \"pad_token\": {\n    \"content\": \"<påd>\",\n    \"lstrip\": true\n  },\n"
                "  \"eos_token\": \"<end>\"\n}\n");
    assert_copy(&made, "generation_config.json",
                "{\n  \"pad_token_id\": 9,\n  \"eos_token_id\": 8\n}\n");
    remove_directories(&made);
}

static void so_does_the_mask_token(void **state) {
    (void)state;
    um_error error = {0};
    const directories made = make_directories();
    const um_model_config config = {.pad_token = 8, .mask_token = 9};
    put(&made, "tokenizer_config.json",
        "{" DECODER ", \"pad_token\": \"<other>\", \"mask_token\": \"<end>\"}");
    put(&made, "generation_config.json", "{\"mask_token_id\": 8, \"pad_token_id\": 7}");
    assert_ok(um_model_copy_tokenizer(&config, made.from.path, made.to.path, &error), &error);
    assert_copy(&made, "tokenizer_config.json",
                "{\n  " DECODER ",\n  \"pad_token\": \"<other>\",\n"
                "  \"mask_token\": \"<påd>\"\n}\n");
    assert_copy(&made, "generation_config.json",
                "{\n  \"mask_token_id\": 9,\n  \"pad_token_id\": 7\n}\n");
    remove_directories(&made);
}

static void the_token_may_be_told_by_tokenizer_json_alone(void **state) {
    (void)state;
    const directories made = make_directories();
    const char *tokenizer = "{\"added_tokens\": [{\"id\": 8, \"content\": \"<end>\"}, 7, "
                            "{\"id\": 9, \"content\": \"<pad>\"}], \"pad_token\": \"x\"}";
    put(&made, "tokenizer.json", tokenizer);
    put(&made, "tokenizer_config.json", "{\"pad_token\": \"<end>\"}");
    copy(&made, 9);
    assert_copy(&made, "tokenizer.json", tokenizer);
    assert_copy(&made, "tokenizer_config.json", "{\n  \"pad_token\": \"<pad>\"\n}\n");
    remove_directories(&made);
}

/* The layout of each of these files would change if it were written anew. */
static void what_does_not_name_another_pad_token_is_copied_byte_for_byte(void **state) {
    (void)state;
    static const char *const files[] = {
        "{" DECODER ",\"pad_token\":\"<påd>\"}\n",
        "{" DECODER ",\"pad_token\":{\"content\":\"<påd>\"}}",
        "{" DECODER ",\"pad_token\":null}",
        "{" DECODER ",\"pad_token\":{\"content\":7}}",
        "{" DECODER "}",
        "{\"added_tokens_decoder\":{\"9\":{\"content\":7}},\"pad_token\":\"<end>\"}",
        "{\"added_tokens_decoder\":[],\"pad_token\":\"<end>\"}",
        "{" DECODER ",\"pad_token\":\"<end>\"",
        "[\"pad_token\"]",
        "",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const directories made = make_directories();
        put(&made, "tokenizer_config.json", files[i]);
        put(&made, "generation_config.json", "{\"pad_token_id\":9}");
        copy(&made, 9);
        assert_copy(&made, "tokenizer_config.json", files[i]);
        assert_copy(&made, "generation_config.json", "{\"pad_token_id\":9}");
        remove_directories(&made);
    }
}

static void without_a_pad_token_that_is_known_names_stay(void **state) {
    (void)state;
    static const char configuration[] = "{" DECODER ",\"pad_token\":\"<end>\"}";
    const int32_t pads[] = {UM_NO_TOKEN_ID, 10};
    for (size_t i = 0; i < sizeof pads / sizeof *pads; i++) {
        const directories made = make_directories();
        put(&made, "tokenizer_config.json", configuration);
        put(&made, "added_tokens.json", "{\"<end>\":8}");
        put(&made, "generation_config.json", "{\"pad_token_id\":10}");
        copy(&made, pads[i]);
        assert_copy(&made, "tokenizer_config.json", configuration);
        assert_copy(&made, "added_tokens.json", "{\"<end>\":8}");
        assert_copy(&made, "generation_config.json", "{\"pad_token_id\":10}");
        remove_directories(&made);
    }
}

/* Published directories name one pad in config.json and another for their tokenizer; converting
 * them must not change which tokens end an answer. */
static void a_pad_token_that_is_as_it_was_changes_nothing(void **state) {
    (void)state;
    static const char configuration[] = "{" DECODER ",\"pad_token\":\"<end>\"}";
    static const char *const models[] = {"{\"pad_token_id\": 9}", NULL};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const directories made = make_directories();
        if (models[i]) {
            put(&made, "config.json", models[i]);
        } else {
            (void)unlink(scratch_path(&made.from, "config.json"));
        }
        put(&made, "tokenizer_config.json", configuration);
        copy(&made, 9);
        assert_copy(&made, "tokenizer_config.json", configuration);
        remove_directories(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pad_token_becomes_that_of_the_model),
        cmocka_unit_test(so_does_the_mask_token),
        cmocka_unit_test(the_token_may_be_told_by_tokenizer_json_alone),
        cmocka_unit_test(what_does_not_name_another_pad_token_is_copied_byte_for_byte),
        cmocka_unit_test(without_a_pad_token_that_is_known_names_stay),
        cmocka_unit_test(a_pad_token_that_is_as_it_was_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
