/* The layers below the tokenizer: UTF-8, form C, expressions, byte-pair encoding. */
#include <string.h>

#include "base/utf8.h"
#include "testing.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pattern.h"
#include "tokenizer/splitter.h"

#define FFFD "\xEF\xBF\xBD"

static void ill_formed_bytes_become_replacement_characters(void **state) {
    (void)state;
    /* What Python's decode(errors="replace") makes of them. */
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"plain", "plain"},
        {"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x99\x82", "\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x99\x82"},
        {"\x80", FFFD},
        {"\xC0\xAF", FFFD FFFD},
        {"\xE2\x82", FFFD},
        {"\xE2\x82x", FFFD "x"},
        {"\xE0\x80\x80", FFFD FFFD FFFD},
        {"\xED\xA0\x80", FFFD FFFD FFFD},
        {"\xF0\x9F\x99", FFFD},
        {"\xF0\x9F\x99\xF0\x9F\x99\x82", FFFD "\xF0\x9F\x99\x82"},
        {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xF5\x80", FFFD FFFD},
        {"eight by\xFFtes and more", "eight by" FFFD "tes and more"},
    };
    um_error error = {0};
    um_buffer text = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_buffer_clear(&text);
        const size_t length = strlen(cases[i].bytes);
        assert_ok(um_utf8_repair(cases[i].bytes, length, &text, &error), &error);
        assert_string_equal(um_buffer_text(&text), cases[i].text);
        assert_int_equal(um_utf8_valid(cases[i].bytes, length),
                         strcmp(cases[i].bytes, cases[i].text) == 0);
    }
    um_buffer_free(&text);
}

static void every_scalar_value_is_read_back(void **state) {
    (void)state;
    for (uint32_t value = 0; value < 0x110000; value += value < 0x3000 ? 1 : 61) {
        char bytes[4];
        size_t length = 0;
        if (value < 0x80) {
            bytes[length++] = (char)value;
        } else {
            const size_t count = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
            static const int marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
            bytes[length++] = (char)((uint32_t)marks[count] | value >> 6 * (count - 1));
            for (size_t i = count - 1; i-- > 0;) {
                bytes[length++] = (char)(0x80U | (value >> 6 * i & 0x3FU));
            }
        }
        uint32_t read = 0;
        size_t used = 0;
        const bool surrogate = value >= 0xD800 && value < 0xE000;
        assert_int_equal(um_utf8_next(bytes, length, &read, &used), !surrogate);
        if (!surrogate) {
            assert_int_equal(read, value);
            assert_int_equal(used, length);
            assert_int_equal(um_utf8_incomplete(bytes, length - 1), length > 1);
        }
    }
}

static void the_byte_alphabet_is_one_to_one(void **state) {
    (void)state;
    int seen[256] = {0};
    for (uint32_t code_point = 0; code_point < 0x400; code_point++) {
        const int byte = um_byte_of_character(code_point);
        if (byte >= 0) {
            seen[byte]++;
        }
    }
    for (int byte = 0; byte < 256; byte++) {
        assert_int_equal(seen[byte], 1);
    }
    assert_int_equal(um_byte_of_character(0x120), ' ');
    assert_int_equal(um_byte_of_character(0x10A), '\n');
    assert_int_equal(um_byte_of_character(0x143), 0xAD);
    assert_int_equal(um_byte_of_character(' '), -1);
}

static void assert_normal(const char *text, const char *expected) {
    um_error error = {0};
    um_buffer buffer = {0};
    const char *out = NULL;
    size_t length = 0;
    assert_ok(um_normalize(text, strlen(text), &buffer, &out, &length, &error), &error);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, length);
    if (strcmp(text, expected) == 0 && !buffer.data) {
        assert_ptr_equal(out, text);
    }
    um_buffer_free(&buffer);
}

static void text_is_brought_into_form_c(void **state) {
    (void)state;
    assert_normal("", "");
    assert_normal("plain", "plain");
    assert_normal("\xC3\xA9\xE4\xB8\xAD", "\xC3\xA9\xE4\xB8\xAD");
    assert_normal("xe\xCC\x81y", "x\xC3\xA9y");
    assert_normal("\xCC\x81x", "\xCC\x81x");
    assert_normal("q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87");               /* reordered */
    assert_normal("\xE2\x84\xAB", "\xC3\x85");                             /* the angstrom sign */
    assert_normal("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"); /* jamo */
    assert_normal("\xEA\xB0\x80\xE1\x86\xA8", "\xEA\xB0\x81");
    assert_normal("\xC3\xA9\xCC\xA3 e\xCC\x81", "\xE1\xBA\xB9\xCC\x81 \xC3\xA9");
    assert_normal("a\xCD\x85\xE1\xB7\xB7", "a\xCD\x85\xE1\xB7\xB7"); /* newer than Unicode 9 */
}

static void assert_translated(const char *pattern, const char *start, const char *end) {
    um_error error = {0};
    um_buffer out = {0};
    assert_ok(um_pattern_translate(pattern, strlen(pattern), &out, &error), &error);
    const char *text = um_buffer_text(&out);
    assert_memory_equal(text, start, strlen(start));
    assert_string_equal(text + out.length - strlen(end), end);
    um_buffer_free(&out);
}

static void classes_are_spelled_out_inside_and_outside_of_brackets(void **state) {
    (void)state;
    assert_translated("a\\p{L}+", "a[\\p{L}\\x{1c89}", "]+");
    assert_translated("[^\\p{N}x]", "[^\\p{N}\\x{10d40}", "x]");
    assert_translated("\\s\\S", "[\\t-\\r\\x{85}\\p{Z}]", "[^\\t-\\r\\x{85}\\p{Z}]");
    assert_translated("[]\\s]\\s", "[]\\t-\\r\\x{85}\\p{Z}][", "\\p{Z}]");
    assert_translated("[\\]\\s]", "[\\]\\t-", "\\p{Z}]");
    assert_translated("\\\\s\\d\\", "\\\\s", "\\d\\");
}

/* ---- The splitter ------------------------------------------------------------------- */

static um_status join_pieces(void *user, const char *piece, size_t length, um_error *error) {
    assert_true(length > 0);
    UM_TRY(um_buffer_append(user, piece, length, error));
    return um_buffer_append(user, "|", 1, error);
}

static void assert_pieces(const um_splitter *splitter, const char *text, const char *expected) {
    um_error error = {0};
    um_buffer joined = {0};
    um_split_scratch scratch = {0};
    assert_ok(um_splitter_run(splitter, &scratch, text, strlen(text), join_pieces, &joined, &error),
              &error);
    assert_string_equal(um_buffer_text(&joined), expected);
    um_buffer_free(&joined);
    um_split_scratch_free(&scratch);
}

static void add_step(um_splitter *splitter, um_split_kind kind, const char *pattern) {
    um_error error = {0};
    assert_ok(um_splitter_add(splitter, kind, pattern, pattern ? strlen(pattern) : 0, &error),
              &error);
}

static void the_qwen_expression_cuts_as_documented(void **state) {
    (void)state;
    um_splitter splitter = {0};
    add_step(&splitter, UM_SPLIT_PATTERN, um_splitter_qwen2_pattern);
    assert_pieces(&splitter, "I'm here", "I|'m| here|");
    assert_pieces(&splitter, "x = 123", "x| =| |1|2|3|");
    assert_pieces(&splitter, "a   b", "a|  | b|");
    assert_pieces(&splitter, "a \n\n  b", "a| \n\n| | b|");
    assert_pieces(&splitter, "f(x);\n}", "f|(x|);\n|}|");
    assert_pieces(&splitter, "   ", "   |");
    assert_pieces(&splitter, "", "");
    um_splitter_free(&splitter);
}

static void steps_apply_one_after_the_other(void **state) {
    (void)state;
    um_splitter splitter = {0};
    add_step(&splitter, UM_SPLIT_LITERAL, ".");
    add_step(&splitter, UM_SPLIT_PATTERN, "[0-9]+");
    assert_pieces(&splitter, "ab12c.d3", "ab|12|c|.|d|3|");
    add_step(&splitter, UM_SPLIT_PREFIX_SPACE, NULL);
    add_step(&splitter, UM_SPLIT_PATTERN, "c");
    assert_pieces(&splitter, "ab 12c.",
                  " ab |"
                  " 12|"
                  " |c|"
                  " .|");
    um_splitter_free(&splitter);
}

static void empty_matches_cut_without_a_piece(void **state) {
    (void)state;
    um_splitter splitter = {0};
    add_step(&splitter, UM_SPLIT_PATTERN, "(?=x)");
    assert_pieces(&splitter, "axbx\xC3\xA9x", "a|xb|x\xC3\xA9|x|");
    um_splitter_free(&splitter);
}

/* ---- Byte-pair encoding ---------------------------------------------------------------- */

/* Tokens: a = 0, b = 1, and ab, aa, ba, aaaa, abab = 2 to 6 by merges of ranks 0 to 4. */
static um_bpe small_bpe(void) {
    static const struct {
        const char *joined;
        int32_t left, right;
    } merges[] = {{"ab", 0, 1}, {"aa", 0, 0}, {"ba", 1, 0}, {"aaaa", 3, 3}, {"abab", 2, 2}};
    um_error error = {0};
    um_bpe bpe = {0};
    assert_ok(um_vocabulary_add(&bpe.vocabulary, 0, "a", 1, true, &error), &error);
    assert_ok(um_vocabulary_add(&bpe.vocabulary, 1, "b", 1, true, &error), &error);
    for (int32_t i = 0; i < 5; i++) {
        const char *joined = merges[i].joined;
        assert_ok(um_vocabulary_add(&bpe.vocabulary, i + 2, joined, strlen(joined), true, &error),
                  &error);
        assert_ok(um_bpe_add_merge(&bpe, merges[i].left, merges[i].right, i + 2, i, &error),
                  &error);
    }
    um_bpe_index_bytes(&bpe);
    return bpe;
}

static void assert_encodes(const um_bpe *bpe, const char *piece, const int32_t *expected,
                           size_t count) {
    um_error error = {0};
    um_bpe_scratch scratch = {0};
    um_token_list ids = {0};
    assert_ok(um_bpe_encode(bpe, &scratch, piece, strlen(piece), &ids, &error), &error);
    assert_int_equal(ids.length, count);
    assert_memory_equal(ids.ids, expected, count * sizeof *expected);
    um_token_list_free(&ids);
    um_bpe_scratch_free(&scratch);
}

static void the_lowest_rank_joins_first_and_the_leftmost_of_equals(void **state) {
    (void)state;
    um_bpe bpe = small_bpe();
    assert_encodes(&bpe, "aab", (int32_t[]){0, 2}, 2);
    assert_encodes(&bpe, "aaa", (int32_t[]){3, 0}, 2);
    assert_encodes(&bpe, "bab", (int32_t[]){1, 2}, 2);
    assert_encodes(&bpe, "bba", (int32_t[]){1, 4}, 2);
    assert_encodes(&bpe, "ababab", (int32_t[]){6, 2}, 2);
    assert_encodes(&bpe, "aaaaa", (int32_t[]){5, 0}, 2);
    um_bpe_free(&bpe);
}

/* Rescans for the lowest rank after every merge, as the definition says. */
static size_t encode_by_definition(const char *piece, int32_t *ids) {
    static const struct {
        int32_t left, right;
    } merges[] = {{0, 1}, {0, 0}, {1, 0}, {3, 3}, {2, 2}};
    size_t count = 0;
    for (; piece[count] != '\0'; count++) {
        ids[count] = piece[count] - 'a';
    }
    for (;;) {
        size_t best = count, best_rank = 5;
        for (size_t i = 0; i + 1 < count; i++) {
            for (size_t rank = 0; rank < best_rank; rank++) {
                if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1]) {
                    best = i;
                    best_rank = rank;
                }
            }
        }
        if (best == count) {
            return count;
        }
        ids[best] = (int32_t)best_rank + 2;
        memmove(ids + best + 1, ids + best + 2, (count - best - 2) * sizeof *ids);
        count--;
    }
}

static void short_and_long_pieces_follow_the_definition(void **state) {
    (void)state;
    um_bpe bpe = small_bpe();
    uint32_t seed = 1;
    for (size_t length = 1; length < 200; length++) {
        char piece[256];
        int32_t expected[256];
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525U + 1013904223U;
            piece[i] = (char)('a' + (seed >> 30 == 0));
        }
        piece[length] = '\0';
        assert_encodes(&bpe, piece, expected, encode_by_definition(piece, expected));
    }
    um_bpe_free(&bpe);
}

/* The library itself would take time that grows with the square of the number of marks. */
static void long_runs_of_marks_are_ordered_like_short_ones(void **state) {
    (void)state;
    um_error error = {0};
    um_buffer text = {0};
    um_buffer out = {0};
    const char *normal = NULL;
    size_t length = 0;
    /* a, then acute (class 230) and cedilla (202) in turn: the cedillas come first, and the first
     * acute joins the a. */
    for (size_t marks = 2; marks <= 400000; marks *= 10) {
        um_buffer_clear(&text);
        assert_ok(um_buffer_append_text(&text, "a", &error), &error);
        for (size_t i = 0; i < marks; i++) {
            assert_ok(um_buffer_append_text(&text, i % 2 ? "\xCC\xA7" : "\xCC\x81", &error),
                      &error);
        }
        assert_ok(um_normalize(text.data, text.length, &out, &normal, &length, &error), &error);
        assert_int_equal(length, 2 + 2 * (marks - 1));
        assert_memory_equal(normal, "\xC3\xA1", 2);
        assert_memory_equal(normal + 2, "\xCC\xA7", 2);
        assert_memory_equal(normal + length - 2, marks == 2 ? "\xCC\xA7" : "\xCC\x81", 2);
    }
    um_buffer_free(&text);
    um_buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_runs_of_marks_are_ordered_like_short_ones),
        cmocka_unit_test(ill_formed_bytes_become_replacement_characters),
        cmocka_unit_test(every_scalar_value_is_read_back),
        cmocka_unit_test(the_byte_alphabet_is_one_to_one),
        cmocka_unit_test(text_is_brought_into_form_c),
        cmocka_unit_test(classes_are_spelled_out_inside_and_outside_of_brackets),
        cmocka_unit_test(the_qwen_expression_cuts_as_documented),
        cmocka_unit_test(steps_apply_one_after_the_other),
        cmocka_unit_test(empty_matches_cut_without_a_piece),
        cmocka_unit_test(the_lowest_rank_joins_first_and_the_leftmost_of_equals),
        cmocka_unit_test(short_and_long_pieces_follow_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
