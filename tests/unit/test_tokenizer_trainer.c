/* Training a tokenizer: what is learned is what the tokenizers library learns. */
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "scratch.h"
#include "tokenizer/chat.h"
#include "tokenizer/train_merges.h"
#include "tokenizer/trainer.h"
#include "tokenizer_testing.h"

#define TRAINED TOKENIZER_DATA "trained/"

static um_tokenizer_trainer *start(const um_tokenizer_training *training) {
    um_error error = {0};
    um_tokenizer_trainer *trainer = NULL;
    assert_ok(um_tokenizer_trainer_create(training, &trainer, &error), &error);
    return trainer;
}

static void read_file(const char *path, um_buffer *contents) {
    um_error error = {0};
    um_buffer_clear(contents);
    assert_ok(um_file_read(path, UM_JSON_FILE_MAXIMUM, contents, &error), &error);
}

static void add_golden_texts(um_tokenizer_trainer *trainer) {
    um_error error = {0};
    um_buffer contents = {0};
    read_file(TRAINED "documents.jsonl", &contents);
    size_t number = 1;
    for (const char *line = contents.data; *line; number++) {
        const size_t length = strcspn(line, "\n") + 1;
        assert_ok(um_tokenizer_trainer_add_line(trainer, line, length, "documents", number, &error),
                  &error);
        line += length;
    }
    read_file(TRAINED "text.txt", &contents);
    assert_ok(um_tokenizer_trainer_add_text(trainer, contents.data, contents.length, "text", NULL,
                                            &error),
              &error);
    um_buffer_free(&contents);
}

/* Train on the golden texts and compare the file with `expected`, byte for byte. */
static void compare_with_library(const um_tokenizer_training *training, const char *expected) {
    um_error error = {0};
    const scratch directory = scratch_make();
    um_tokenizer_trainer *trainer = start(training);
    add_golden_texts(trainer);
    assert_ok(um_tokenizer_trainer_learn(trainer, NULL, &error), &error);
    assert_ok(um_tokenizer_trainer_write(trainer, directory.path, &error), &error);
    um_buffer ours = {0};
    um_buffer theirs = {0};
    read_file(scratch_path(&directory, "tokenizer.json"), &ours);
    read_file(expected, &theirs);
    assert_int_equal(ours.length, theirs.length);
    assert_memory_equal(ours.data, theirs.data, ours.length);
    um_buffer_free(&ours);
    um_buffer_free(&theirs);
    um_tokenizer_trainer_free(trainer);
    scratch_remove(&directory);
}

static void the_file_is_the_one_that_the_library_writes(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        compare_with_library(&(um_tokenizer_training){.vocabulary_size = 600, .threads = threads},
                             TRAINED "tokenizer.json");
    }
}

static void rare_pairs_can_be_left_out(void **state) {
    (void)state;
    compare_with_library(
        &(um_tokenizer_training){.vocabulary_size = 600, .minimum_count = 60, .threads = 1},
        TRAINED "rare.json");
}

static void a_trained_tokenizer_is_read_again(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    const char *const extra[] = {"<|repo_name|>"};
    um_tokenizer_trainer *trainer = start(&(um_tokenizer_training){
        .vocabulary_size = 600, .special_tokens = extra, .special_count = 1, .threads = 1});
    add_golden_texts(trainer);
    assert_ok(um_tokenizer_trainer_learn(trainer, NULL, &error), &error);
    assert_ok(um_tokenizer_trainer_write(trainer, directory.path, &error), &error);
    assert_int_equal(um_tokenizer_trainer_counts(trainer).vocabulary_size, 600);
    um_tokenizer_trainer_free(trainer);

    um_tokenizer *tokenizer = load_tokenizer(directory.path);
    assert_int_equal(um_tokenizer_vocabulary_size(tokenizer), 600);
    assert_int_equal(um_tokenizer_eos(tokenizer), 591);
    assert_int_equal(um_tokenizer_mask(tokenizer), 597);
    assert_int_equal(um_tokenizer_id(tokenizer, "<|repo_name|>"), 599);
    assert_true(um_tokenizer_is_special(tokenizer, 599));
    assert_true(um_tokenizer_has_chat_template(tokenizer));
    assert_int_equal(um_chat_format_of(tokenizer), UM_CHAT_CHATML);
    static const char text[] = "    return [x for x in data]\n\x01\xC3\xA9 \xF0\x9F\x99\x82";
    um_token_list ids = {0};
    um_buffer decoded = {0};
    encode_text(tokenizer, text, strlen(text), false, &ids);
    assert_true(ids.length < strlen(text) / 2);
    assert_ok(um_tokenizer_decode(tokenizer, ids.ids, ids.length, false, &decoded, &error), &error);
    assert_string_equal(um_buffer_text(&decoded), text);
    um_buffer_free(&decoded);
    um_token_list_free(&ids);
    um_tokenizer_free(tokenizer);
    scratch_remove(&directory);
}

/* ---- The algorithm by hand ------------------------------------------------------- */

static um_piece_counts count_of(const char *const *pieces, const uint64_t *counts, size_t count) {
    um_error error = {0};
    um_piece_counts made = {0};
    for (size_t i = 0; i < count; i++) {
        assert_ok(um_piece_counts_add(&made, pieces[i], strlen(pieces[i]), counts[i], &error),
                  &error);
    }
    return made;
}

static void assert_token(const um_learned_merges *learned, size_t merge, const char *expected) {
    const char *bytes = NULL;
    size_t length = 0;
    assert_true(merge < learned->length);
    assert_int_equal(learned->merges[merge].joined, 256 + merge);
    assert_true(um_vocabulary_bytes(&learned->vocabulary, 256 + (int32_t)merge, &bytes, &length));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
}

static void the_most_frequent_pair_is_joined_first(void **state) {
    (void)state;
    /* Counts: ab 5, bc 3 + 4 = 7, cd 4; after joining bc: a+bc 3, bc+d 4, and 2 of ab are left. */
    static const char *const pieces[] = {"abc", "bcd", "ab"};
    static const uint64_t counts[] = {3, 4, 2};
    um_error error = {0};
    um_learned_merges learned = {0};
    um_piece_counts counted = count_of(pieces, counts, 3);
    assert_ok(um_learn_merges(&counted, 1000, 0, NULL, &learned, &error), &error);
    assert_int_equal(learned.length, 4);
    assert_token(&learned, 0, "bc");
    assert_token(&learned, 1, "bcd");
    assert_token(&learned, 2, "abc");
    assert_token(&learned, 3, "ab");
    um_learned_merges_free(&learned);
    um_piece_counts_free(&counted);
}

static void of_equal_pairs_the_lowest_ids_are_joined_first(void **state) {
    (void)state;
    /* Ids follow the characters that files write for bytes, where a blank comes after all ASCII
     * letters. */
    static const char *const pieces[] = {" x", "zz", "xy", "xx"};
    static const uint64_t counts[] = {2, 2, 2, 2};
    um_error error = {0};
    um_learned_merges learned = {0};
    um_piece_counts counted = count_of(pieces, counts, 4);
    assert_ok(um_learn_merges(&counted, 259, 0, NULL, &learned, &error), &error);
    assert_int_equal(learned.length, 3);
    assert_token(&learned, 0, "xx");
    assert_token(&learned, 1, "xy");
    assert_token(&learned, 2, "zz");
    um_learned_merges_free(&learned);
    um_piece_counts_free(&counted);
}

static void overlapping_pairs_are_joined_from_the_left(void **state) {
    (void)state;
    static const char *const pieces[] = {"aaaaa"};
    static const uint64_t counts[] = {1};
    um_error error = {0};
    um_learned_merges learned = {0};
    um_piece_counts counted = count_of(pieces, counts, 1);
    assert_ok(um_learn_merges(&counted, 1000, 0, NULL, &learned, &error), &error);
    /* After aa aa a: of the pairs aa+a and aa+aa, the former has the lower right id. */
    assert_int_equal(learned.length, 3);
    assert_token(&learned, 0, "aa");
    assert_token(&learned, 1, "aaa");
    assert_token(&learned, 2, "aaaaa");
    um_learned_merges_free(&learned);
    um_piece_counts_free(&counted);
}

static void many_pieces_are_all_counted(void **state) {
    (void)state;
    um_error error = {0};
    um_piece_counts counted = {0};
    char piece[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            (void)snprintf(piece, sizeof piece, "piece%d", i);
            assert_ok(um_piece_counts_add(&counted, piece, strlen(piece), 2, &error), &error);
        }
    }
    assert_int_equal(counted.length, 5000);
    for (size_t i = 0; i < counted.length; i++) {
        assert_int_equal(counted.pieces[i].count, 6);
    }
    um_piece_counts_free(&counted);
}

/* A text that is cut into slices has the same pieces as the whole: no cut is inside a piece. */
static void long_texts_are_cut_between_pieces(void **state) {
    (void)state;
    static const char line[] = "x\n \n \n \n \n \n \n \n \n y('s')\n";
    const size_t length = strlen(line);
    um_error error = {0};
    um_buffer text = {0};
    for (size_t i = 0; i < 40000; i++) {
        assert_ok(um_buffer_append(&text, line, length, &error), &error);
    }
    um_tokenizer_trainer *whole =
        start(&(um_tokenizer_training){.vocabulary_size = 400, .threads = 2});
    um_tokenizer_trainer *lines =
        start(&(um_tokenizer_training){.vocabulary_size = 400, .threads = 1});
    assert_ok(um_tokenizer_trainer_add_text(whole, text.data, text.length, "text", NULL, &error),
              &error);
    assert_ok(um_tokenizer_trainer_add_text(lines, text.data, length * 2, "text", NULL, &error),
              &error);
    assert_ok(um_tokenizer_trainer_learn(whole, NULL, &error), &error);
    assert_ok(um_tokenizer_trainer_learn(lines, NULL, &error), &error);
    assert_int_equal(um_tokenizer_trainer_counts(whole).pieces,
                     um_tokenizer_trainer_counts(lines).pieces);
    assert_int_equal(um_tokenizer_trainer_counts(whole).bytes, text.length);
    um_tokenizer_trainer_free(whole);
    um_tokenizer_trainer_free(lines);
    um_buffer_free(&text);
}

/* ---- Errors ------------------------------------------------------------------------ */

static void assert_no_trainer(const um_tokenizer_training *training, const char *message) {
    um_error error = {0};
    um_tokenizer_trainer *trainer = NULL;
    assert_int_equal(um_tokenizer_trainer_create(training, &trainer, &error), UM_ERR_ARGUMENT);
    assert_null(trainer);
    assert_non_null(strstr(error.message, message));
}

static void impossible_vocabularies_are_refused(void **state) {
    (void)state;
    static const char *const twice[] = {"<|mask|>"};
    static const char *const empty[] = {""};
    static const char *const broken[] = {"<|\xFF|>"};
    static const char *const word[] = {"return"};
    static const char *const written[] = {"\xC4\xA0("}; /* how files write " (" */
    assert_no_trainer(&(um_tokenizer_training){.vocabulary_size = 263}, "264");
    assert_no_trainer(&(um_tokenizer_training){.vocabulary_size = SIZE_MAX}, "2097152");
    const char *const *const lists[] = {twice, empty, broken, word, written};
    static const char *const messages[] = {"there already", "is empty", "is not UTF-8",
                                           "text may have", "text may have"};
    for (size_t i = 0; i < 5; i++) {
        assert_no_trainer(&(um_tokenizer_training){.vocabulary_size = 300,
                                                   .special_tokens = lists[i],
                                                   .special_count = 1},
                          messages[i]);
    }
}

static void lines_that_are_no_documents_are_named(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"{\"prompt\": 3}", "file: line 7: \"prompt\" is not a string"},
        {"[\"prompt\"]", "file: line 7: not a JSON object"},
        {"{\"text\": \"x\"}", "file: line 7: no text"},
        {"{\"messages\": {}}", "file: line 7: \"messages\" is not an array"},
        {"{\"messages\": [3]}", "file: line 7: message 0 is not an object"},
        {"{\"prompt\": \"x", "file: line 7, column "},
        {"{\"prompt\": \"\xFF\"}", "file: line 7, column "},
    };
    um_tokenizer_trainer *trainer =
        start(&(um_tokenizer_training){.vocabulary_size = 300, .threads = 1});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        assert_int_equal(um_tokenizer_trainer_add_line(trainer, cases[i].line,
                                                       strlen(cases[i].line), "file", 7, &error),
                         UM_ERR_FORMAT);
        assert_ptr_equal(strstr(error.message, cases[i].message), error.message);
    }
    um_error error = {0};
    assert_ok(um_tokenizer_trainer_add_line(trainer, " \r\n", 3, "file", 8, &error), &error);
    assert_int_equal(um_tokenizer_trainer_learn(trainer, NULL, &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, "there is no text to learn from");
    assert_int_equal(um_tokenizer_trainer_write(trainer, "/nowhere", &error), UM_ERR_ARGUMENT);
    um_tokenizer_trainer_free(trainer);
}

static void broken_utf8_is_refused_or_replaced(void **state) {
    (void)state;
    um_error error = {0};
    um_tokenizer_trainer *trainer =
        start(&(um_tokenizer_training){.vocabulary_size = 300, .threads = 1});
    assert_int_equal(
        um_tokenizer_trainer_add_text(trainer, "ab\xC3\xA9\xFFz", 6, "file", NULL, &error),
        UM_ERR_FORMAT);
    assert_string_equal(error.message, "file: byte 4 is not UTF-8");
    um_tokenizer_trainer_free(trainer);
    trainer = start(
        &(um_tokenizer_training){.vocabulary_size = 300, .replace_ill_formed = true, .threads = 1});
    assert_ok(um_tokenizer_trainer_add_text(trainer, "a\xFF", 2, "file", NULL, &error), &error);
    static const char line[] = "{\"prompt\": \"\xFF\xFF\"}";
    assert_ok(um_tokenizer_trainer_add_line(trainer, line, strlen(line), "file", 1, &error),
              &error);
    assert_int_equal(um_tokenizer_trainer_counts(trainer).bytes, 4 + 6);
    um_tokenizer_trainer_free(trainer);
}

static bool stop_at_once(void *user, size_t done, size_t total) {
    (void)user;
    return total == 0 || done < 257;
}

static void learning_can_be_cancelled(void **state) {
    (void)state;
    um_error error = {0};
    um_tokenizer_trainer *trainer =
        start(&(um_tokenizer_training){.vocabulary_size = 600, .threads = 1});
    add_golden_texts(trainer);
    const um_watch watch = {stop_at_once, NULL};
    assert_int_equal(um_tokenizer_trainer_learn(trainer, &watch, &error), UM_ERR_CANCELLED);
    um_tokenizer_trainer_free(trainer);
    um_tokenizer_trainer_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_the_one_that_the_library_writes),
        cmocka_unit_test(rare_pairs_can_be_left_out),
        cmocka_unit_test(a_trained_tokenizer_is_read_again),
        cmocka_unit_test(the_most_frequent_pair_is_joined_first),
        cmocka_unit_test(of_equal_pairs_the_lowest_ids_are_joined_first),
        cmocka_unit_test(overlapping_pairs_are_joined_from_the_left),
        cmocka_unit_test(many_pieces_are_all_counted),
        cmocka_unit_test(long_texts_are_cut_between_pieces),
        cmocka_unit_test(impossible_vocabularies_are_refused),
        cmocka_unit_test(lines_that_are_no_documents_are_named),
        cmocka_unit_test(broken_utf8_is_refused_or_replaced),
        cmocka_unit_test(learning_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
