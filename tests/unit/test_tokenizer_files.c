/* Files that are refused with the reason; added tokens of the configuration. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "tokenizer_testing.h"

#define LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define MODEL                                                                                      \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"
#define MARK "\xE2\x96\x81"
#define REPLACE(from, to)                                                                          \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"" from "\"},\"content\":\"" to "\"}"
#define MARKED(from, to)                                                                           \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" REPLACE(from, to) "]}"
#define UNMARKED                                                                                   \
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[" REPLACE(                                   \
        MARK, " ") ",{\"type\":"                                                                   \
                   "\"ByteFallback\"},{\"type\":\"Fuse\"}]}"
#define BYTE_LEVEL "\"pre_tokenizer\":" LEVEL

typedef struct refused_file {
    const char *json;
    um_status status;
    const char *text; /* part of the message */
} refused_file;

static const refused_file refused_files[] = {
    {"", UM_ERR_FORMAT, "line 1"},
    {"[]", UM_ERR_FORMAT, "not a JSON object"},
    {"{" BYTE_LEVEL "}", UM_ERR_FORMAT, "\"model\" is missing"},
    {"{" MODEL "}", UM_ERR_UNSUPPORTED, "pre_tokenizer"},
    {"{\"normalizer\":{\"type\":\"Lowercase\"}," BYTE_LEVEL "," MODEL "}", UM_ERR_UNSUPPORTED,
     "\"Lowercase\""},
    {"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"}]}," BYTE_LEVEL
     "," MODEL "}",
     UM_ERR_UNSUPPORTED, "\"NFKC\""},
    {"{\"pre_tokenizer\":{\"type\":\"Metaspace\"}," MODEL "}", UM_ERR_UNSUPPORTED, "\"Metaspace\""},
    {"{\"pre_tokenizer\":{\"type\":\"Digits\"}," MODEL "}", UM_ERR_UNSUPPORTED, "ByteLevel"},
    {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" LEVEL
     ",{\"type\":\"Digits\"}]}," MODEL "}",
     UM_ERR_UNSUPPORTED, "after ByteLevel"},
    {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
     "\"behavior\":"
     "\"Removed\",\"pattern\":{\"Regex\":\"a\"}}," LEVEL "]}," MODEL "}",
     UM_ERR_UNSUPPORTED, "\"Removed\""},
    {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
     "\"behavior\":"
     "\"Isolated\",\"pattern\":{\"Regex\":\"a(\"}}," LEVEL "]}," MODEL "}",
     UM_ERR_UNSUPPORTED, "\"a(\""},
    {"{\"model\":{\"byte_fallback\":true,\"vocab\":{},\"merges\":[]}}", UM_ERR_UNSUPPORTED,
     "only a normalizer is supported"},
    {"{" MARKED(" ", "_") ",\"model\":{\"byte_fallback\":true,\"vocab\":{},\"merges\":[]}}",
     UM_ERR_UNSUPPORTED, "only a normalizer is supported"},
    {"{" MARKED(" ", MARK) ",\"model\":{\"byte_fallback\":true,\"vocab\":{},\"merges\":[]}}",
     UM_ERR_UNSUPPORTED, "Replace, ByteFallback, Fuse"},
    {"{" MARKED(" ", MARK) "," UNMARKED
                           ",\"model\":{\"byte_fallback\":true,\"vocab\":{},\"merges\":[]}}",
     UM_ERR_UNSUPPORTED, "byte 0x00 has no token"},
    {"{" MARKED(" ", MARK) "," UNMARKED
                           ",\"model\":{\"byte_fallback\":true,\"vocab\":{\" \":0,\"" MARK
                           "\":1},\"merges\":[]}}",
     UM_ERR_FORMAT, "the same bytes"},
    {"{\"decoder\":{\"type\":\"WordPiece\"}," BYTE_LEVEL "," MODEL "}", UM_ERR_UNSUPPORTED,
     "\"WordPiece\""},
    {"{" BYTE_LEVEL ",\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", UM_ERR_UNSUPPORTED,
     "\"Unigram\""},
    {"{" BYTE_LEVEL ",\"model\":{\"dropout\":0.5,\"vocab\":{},\"merges\":[]}}", UM_ERR_UNSUPPORTED,
     "dropout"},
    {"{" BYTE_LEVEL ",\"model\":{\"continuing_subword_prefix\":\"##\",\"vocab\":{},\"merges\":[]}}",
     UM_ERR_UNSUPPORTED, "continuing_subword_prefix"},
    {"{" BYTE_LEVEL ",\"model\":{\"unk_token\":\"<unk>\",\"vocab\":{\"a\":0},\"merges\":[]}}",
     UM_ERR_UNSUPPORTED, "unk_token"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]}}", UM_ERR_FORMAT,
     "merge 0: \"ab\""},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"c\"]]}}", UM_ERR_FORMAT,
     "\"c\" is not in the vocabulary"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a  a\"]}}",
     UM_ERR_FORMAT, "merge 0"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[[\"a\"]]}}",
     UM_ERR_FORMAT, "merge 0"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "given twice"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", UM_ERR_LIMIT,
     "token id -1"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":99999999999},\"merges\":[]}}", UM_ERR_LIMIT,
     "99999999999"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":\"0\"},\"merges\":[]}}", UM_ERR_FORMAT, "\"a\""},
    {"{\"added_tokens\":[{\"id\":0,\"content\":\"<x>\"}]," BYTE_LEVEL "," MODEL "}", UM_ERR_FORMAT,
     "given twice"},
    {"{\"added_tokens\":[{\"id\":9}]," BYTE_LEVEL "," MODEL "}", UM_ERR_FORMAT, "added token 0"},
    {"{\"added_tokens\":[{\"id\":9,\"content\":\"<x>\"},{\"id\":8,\"content\":\"<x>\"}]," BYTE_LEVEL
     "," MODEL "}",
     UM_ERR_FORMAT, "<x>"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":1.0},\"merges\":[]}}", UM_ERR_FORMAT, "\"a\""},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0,},\"merges\":[]}}", UM_ERR_FORMAT, "a string"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\" 0},\"merges\":[]}}", UM_ERR_FORMAT, "':'"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0 \"b\":1},\"merges\":[]}}", UM_ERR_FORMAT,
     "'}'"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\\uD83D\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "surrogate"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\\uDE42\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "hexadecimal"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\\u00g0\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "hexadecimal"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\\x\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "an escape"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\t\":0},\"merges\":[]}}", UM_ERR_FORMAT,
     "end of a string"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{\"\xFF\":0},\"merges\":[]}}", UM_ERR_FORMAT, "UTF-8"},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":[],\"merges\":[]}}", UM_ERR_FORMAT, "\"vocab\""},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{},\"merges\":{}}}", UM_ERR_FORMAT, "\"merges\""},
    {"{" BYTE_LEVEL ",\"model\":{\"vocab\":{},\"merges\":[3]}}", UM_ERR_FORMAT, "merge 0"},
    {"{\n\"model\":{\"vocab\":{\n},\n\"merges\":[\n\n]},\n*}", UM_ERR_FORMAT, "line 7"},
    {"{\"model\":{\"vocab\":{\"a", UM_ERR_FORMAT, "line 1"},
    {"{\"added_tokens\":{}," BYTE_LEVEL "," MODEL "}", UM_ERR_FORMAT, "added_tokens"},
};

static void files_that_cannot_be_used_are_refused_with_the_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_files / sizeof *refused_files; i++) {
        const refused_file *file = &refused_files[i];
        um_error error = {0};
        um_tokenizer *tokenizer = NULL;
        const um_status status =
            um_tokenizer_load_bytes(file->json, strlen(file->json), "place", &tokenizer, &error);
        if (status != file->status || !strstr(error.message, file->text)) {
            fail_msg("file %zu: status %d, message \"%s\", expected %d with \"%s\"", i, status,
                     error.message, file->status, file->text);
        }
        assert_null(tokenizer);
        assert_non_null(strstr(error.message, "place"));
    }
}

static um_tokenizer *load_text(const char *json) {
    um_error error = {0};
    um_tokenizer *tokenizer = NULL;
    assert_ok(um_tokenizer_load_bytes(json, strlen(json), "place", &tokenizer, &error), &error);
    return tokenizer;
}

static void vocabularies_may_be_written_with_escapes(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_text(
        "{\"model\" : {\"merges\": [ [\"\\u0120\", \"\\\"\"] , \"\\u010a \\u010A\" ], \"vocab\" :\n"
        "{ \"\\u0120\":0, \"\\\"\" : 1 , \"\\u0120\\\"\":2, \"\\u010a\": 3, \"\\u010a\xC4\x8A\":4,"
        "\"\\ud83d\\ude42\\/\":5 } }," BYTE_LEVEL "}");
    um_token_list ids = {0};
    encode_text(tokenizer, " \"\n\n", 4, true, &ids);
    assert_int_equal(ids.length, 2);
    assert_int_equal(ids.ids[0], 2);
    assert_int_equal(ids.ids[1], 4);
    const char *bytes = NULL;
    size_t length = 0;
    assert_true(um_tokenizer_token_bytes(tokenizer, 5, &bytes, &length));
    assert_int_equal(length, 5);
    assert_memory_equal(bytes, "\xF0\x9F\x99\x82/", 5);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void an_added_token_may_be_in_the_vocabulary_too(void **state) {
    (void)state;
    /* In the vocabulary U+00E9 stands for the byte 0xE9, in the added token for itself. */
    um_tokenizer *tokenizer = load_text(
        "{\"added_tokens\":[{\"id\":0,\"content\":\"\xC3\xA9\"},{\"id\":1,\"content\":\"a b\"}],"
        "\"model\":{\"vocab\":{\"\xC3\xA9\":0,\"a b\":1},\"merges\":[]}," BYTE_LEVEL "}");
    um_token_list ids = {0};
    encode_text(tokenizer, "a b\xC3\xA9", 5, true, &ids);
    assert_int_equal(ids.length, 2);
    assert_int_equal(ids.ids[0], 1);
    assert_int_equal(ids.ids[1], 0);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void bytes_without_a_token_are_left_out(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_text("{" BYTE_LEVEL "," MODEL "}");
    um_token_list ids = {0};
    encode_text(tokenizer, "xabxa", 5, true, &ids);
    assert_int_equal(ids.length, 2);
    assert_int_equal(ids.ids[0], 2);
    assert_int_equal(ids.ids[1], 0);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void an_expression_that_backtracks_for_ever_is_an_error(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_text(
        "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
        "\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\"(a+)+$\"}}," LEVEL "]}," MODEL "}");
    um_error error = {0};
    um_token_list ids = {0};
    char text[64];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    assert_int_equal(um_tokenizer_encode(tokenizer, text, sizeof text, true, &ids, &error),
                     UM_ERR_LIMIT);
    assert_int_equal(ids.length, 0);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

static void long_runs_of_blanks_are_not_an_error(void **state) {
    (void)state;
    um_tokenizer *tokenizer = load_tokenizer(TOKENIZER_DATA "qwen_style");
    const size_t length = (size_t)1 << 20;
    char *text = malloc(length);
    assert_non_null(text);
    memset(text, ' ', length);
    text[length - 1] = 'x';
    um_token_list ids = {0};
    um_buffer back = {0};
    um_error error = {0};
    encode_text(tokenizer, text, length, true, &ids);
    assert_ok(um_tokenizer_decode(tokenizer, ids.ids, ids.length, false, &back, &error), &error);
    assert_int_equal(back.length, length);
    assert_memory_equal(back.data, text, length);
    um_buffer_free(&back);
    um_token_list_free(&ids);
    free(text);
    um_tokenizer_free(tokenizer);
}

/* ---- Directories ------------------------------------------------------------------ */

static char directory[] = "/tmp/unmask-tokenizer-XXXXXX";

static int make_directory(void **state) {
    (void)state;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    return mkdtemp(directory) ? 0 : -1;
}

static const char *const directory_files[] = {"tokenizer.json",    "tokenizer_config.json",
                                              "vocab.json",        "merges.txt",
                                              "added_tokens.json", "chat_template.jinja"};

static int remove_directory(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof directory_files / sizeof *directory_files; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", directory, directory_files[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

static void write_file(const char *name, const char *text) {
    um_error error = {0};
    char path[256];
    assert_ok(um_path_join(path, sizeof path, directory, name, &error), &error);
    assert_ok(um_file_write(path, text, strlen(text), &error), &error);
}

static void assert_refused(um_status status, const char *text) {
    um_error error = {0};
    um_tokenizer *tokenizer = NULL;
    assert_int_equal(um_tokenizer_load(directory, &tokenizer, &error), status);
    if (!strstr(error.message, text)) {
        fail_msg("message \"%s\" without \"%s\"", error.message, text);
    }
    assert_null(tokenizer);
}

static void a_directory_without_a_tokenizer_is_an_error(void **state) {
    (void)state;
    assert_refused(UM_ERR_IO, "vocab.json");
    write_file("vocab.json", "{\"a\":0}");
    assert_refused(UM_ERR_IO, "merges.txt");
    write_file("merges.txt", "#version: 0.2\na a\n");
    assert_refused(UM_ERR_FORMAT, "merges.txt: merge 0");
    write_file("merges.txt", "#version: 0.2\nmerge\n");
    assert_refused(UM_ERR_FORMAT, "merge 0");
    write_file("merges.txt", "#version: 0.2\r\n");
    write_file("added_tokens.json", "{\"<x>\":null}");
    assert_refused(UM_ERR_FORMAT, "<x>");
    write_file("added_tokens.json", "{\"<x>\":1}");
    write_file("tokenizer_config.json", "{\"tokenizer_class\":\"T5Tokenizer\"}");
    assert_refused(UM_ERR_UNSUPPORTED, "T5Tokenizer");
    write_file("tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"<y>\"}}}");
    assert_refused(UM_ERR_FORMAT, "\"x\"");
}

static void the_configuration_adds_tokens_and_flags(void **state) {
    (void)state;
    write_file("tokenizer.json", "{" BYTE_LEVEL "," MODEL "}");
    write_file("tokenizer_config.json",
               "{\"added_tokens_decoder\":{\"7\":{\"content\":\"<x>\",\"special\":false}},"
               "\"eos_token\":\"<x>\",\"pad_token\":\"b\",\"mask_token\":\"<absent>\","
               "\"additional_special_tokens\":[\"a\"]}");
    write_file("chat_template.jinja", "{{ messages }}");
    um_tokenizer *tokenizer = load_tokenizer(directory);
    assert_int_equal(um_tokenizer_eos(tokenizer), 7);
    assert_int_equal(um_tokenizer_pad(tokenizer), 1);
    assert_int_equal(um_tokenizer_mask(tokenizer), -1);
    assert_int_equal(um_tokenizer_vocabulary_size(tokenizer), 8);
    assert_true(um_tokenizer_is_special(tokenizer, 7));
    assert_true(um_tokenizer_is_special(tokenizer, 0));
    assert_false(um_tokenizer_is_special(tokenizer, 2));
    assert_true(um_tokenizer_has_chat_template(tokenizer));
    assert_null(um_tokenizer_default_system(tokenizer));
    um_token_list ids = {0};
    encode_text(tokenizer, "<x>ab", 5, true, &ids);
    assert_int_equal(ids.ids[0], 7);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

#define QWEN_SYSTEM "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
#define DREAM_SYSTEM "You are a helpful assistant."

static void assert_default_system(const char *expected) {
    um_tokenizer *tokenizer = load_tokenizer(directory);
    const char *found = um_tokenizer_default_system(tokenizer);
    assert_int_equal(found == NULL, expected == NULL);
    if (expected) {
        assert_string_equal(found, expected);
    }
    um_tokenizer_free(tokenizer);
}

static void the_default_system_text_is_that_of_the_template(void **state) {
    (void)state;
    write_file("tokenizer.json", "{" BYTE_LEVEL "," MODEL "}");
    assert_default_system(DREAM_SYSTEM);
    write_file("tokenizer_config.json", "{\"chat_template\":\"{{ messages }}\"}");
    assert_default_system(NULL);
    write_file("tokenizer_config.json", "{\"chat_template\":\"{{ '" DREAM_SYSTEM "' }}\"}");
    assert_default_system(DREAM_SYSTEM);
    write_file("tokenizer_config.json", "{\"chat_template\":\"{{ '" QWEN_SYSTEM "' }}\"}");
    assert_default_system(QWEN_SYSTEM);
    write_file("tokenizer_config.json",
               "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"" QWEN_SYSTEM "\"},"
               "{\"name\":\"default\",\"template\":\"" DREAM_SYSTEM "\"}]}");
    assert_default_system(DREAM_SYSTEM);
    write_file("chat_template.jinja", QWEN_SYSTEM); /* precedes the configuration */
    assert_default_system(QWEN_SYSTEM);
}

static void gpt2_files_use_the_expression_of_gpt2(void **state) {
    (void)state;
    write_file("vocab.json", "{\"1\":0,\"2\":1,\"12\":2}");
    write_file("merges.txt", "1 2");
    um_token_list ids = {0};
    um_tokenizer *tokenizer = load_tokenizer(directory);
    encode_text(tokenizer, "12", 2, true, &ids);
    assert_int_equal(ids.length, 2); /* Qwen2 keeps digits apart */
    um_tokenizer_free(tokenizer);
    write_file("tokenizer_config.json", "{\"tokenizer_class\":\"GPT2TokenizerFast\"}");
    tokenizer = load_tokenizer(directory);
    encode_text(tokenizer, "12", 2, true, &ids);
    assert_int_equal(ids.length, 1);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_cannot_be_used_are_refused_with_the_reason),
        cmocka_unit_test(vocabularies_may_be_written_with_escapes),
        cmocka_unit_test(an_added_token_may_be_in_the_vocabulary_too),
        cmocka_unit_test(bytes_without_a_token_are_left_out),
        cmocka_unit_test(an_expression_that_backtracks_for_ever_is_an_error),
        cmocka_unit_test(long_runs_of_blanks_are_not_an_error),
        cmocka_unit_test_setup_teardown(a_directory_without_a_tokenizer_is_an_error, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(the_configuration_adds_tokens_and_flags, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(the_default_system_text_is_that_of_the_template,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(gpt2_files_use_the_expression_of_gpt2, make_directory,
                                        remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
