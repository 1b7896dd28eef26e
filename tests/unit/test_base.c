#include "testing.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/crew.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number_list.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "tensor/dtype.h"

static void error_messages_carry_place_and_prefix(void **state) {
    (void)state;
    um_error error = {0};
    assert_int_equal(UM_RAISE(&error, UM_ERR_FORMAT, "offset %d", 7), UM_ERR_FORMAT);
    (void)um_error_prefix(&error, error.status, "file %s", "x");
    assert_string_equal(error.message, "file x: offset 7");
    assert_int_equal(UM_RAISE(NULL, UM_ERR_IO, "ignored"), UM_ERR_IO);
}

static void error_messages_are_one_line_of_text(void **state) {
    (void)state;
    um_error error = {0};
    (void)UM_RAISE(&error, UM_ERR_FORMAT, "tensor %s", "a\n\x1b[2J\xC3\xA9\xC2\x9B\xFF.");
    assert_string_equal(error.message, "tensor a??[2J\xC3\xA9???.");
    char name[600];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name + 510, "\xC3\xA9", 2); /* cut in the middle of a character */
    (void)UM_RAISE(&error, UM_ERR_FORMAT, "%s", name);
    assert_int_equal(strlen(error.message), 511);
    assert_int_equal(error.message[510], '?');
}

static void sizes_are_checked_for_overflow(void **state) {
    (void)state;
    size_t out = 5;
    assert_false(um_size_multiply(SIZE_MAX, 2, &out));
    assert_false(um_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_null(um_aligned_calloc(SIZE_MAX / 2, 8));
}

static void tiles_cover_the_last_element(void **state) {
    (void)state;
    assert_int_equal(um_size_divide_up(0, 4), 0);
    assert_int_equal(um_size_divide_up(8, 4), 2);
    assert_int_equal(um_size_divide_up(9, 4), 3);
    assert_true(um_size_divide_up(SIZE_MAX, 2) == SIZE_MAX / 2 + 1);
    assert_int_equal(um_size_round_up(0, 64), 0);
    assert_int_equal(um_size_round_up(64, 64), 64);
    assert_int_equal(um_size_round_up(65, 64), 128);
}

static void texts_are_found_among_any_bytes(void **state) {
    (void)state;
    static const char bytes[] = {'a', 'a', 'b', '\0', 'a', 'a', 'a', 'b'};
    assert_int_equal(um_text_find(bytes, sizeof bytes, "aab"), 0);
    assert_int_equal(um_text_find(bytes, sizeof bytes, "aaab"), 4);
    assert_int_equal(um_text_find(bytes, sizeof bytes - 1, "aaab"), sizeof bytes - 1);
    assert_int_equal(um_text_find(bytes, sizeof bytes, "c"), sizeof bytes);
    assert_int_equal(um_text_find(bytes, 2, "aab"), 2);
    assert_int_equal(um_text_find(bytes, 0, "a"), 0);
}

static void endings_and_flags_of_texts_are_told(void **state) {
    (void)state;
    assert_true(um_text_ends_with("a.gguf", ".gguf"));
    assert_true(um_text_ends_with(".gguf", ".gguf"));
    assert_false(um_text_ends_with("gguf", ".gguf"));
    bool flag = false;
    assert_true(um_text_to_flag("true", &flag) && flag);
    assert_false(um_text_to_flag("True", &flag));
    assert_true(flag);
    assert_true(um_text_to_flag("false", &flag) && !flag);
}

static void lists_of_numbers_are_sorted_and_have_nothing_twice(void **state) {
    (void)state;
    static const double wanted[] = {0, 0.2, 1, 1.5};
    um_error error = {0};
    um_number_list list;
    assert_ok(um_number_list_read("1.5,0,0.2,-0,1e0,0.20", 1.5, 4, &list, &error), &error);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_double_near(list.values[i], wanted[i], 0);
    }
    assert_false(signbit(list.values[0]));
    assert_int_equal(um_number_list_read("1.5,0,0.2,1", 1.5, 3, &list, &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, "more than 3 numbers");
}

static void what_is_no_number_of_a_list_is_named(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",   "0,",  ",0",   "0,,1", "nan",   "inf",
        "-1", "101", "0 ,1", "0x1",  "1e999", "0.00000000000000000000000000000000000001"};
    um_error error = {0};
    um_number_list list;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(um_number_list_read(bad[i], 100, 4, &list, &error), UM_ERR_ARGUMENT);
        assert_non_null(strstr(error.message, "is not a number from 0 to 100"));
    }
    assert_int_equal(um_number_list_read("0,warm", 100, 4, &list, &error), UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "\"warm\""));
}

static void durations_are_told_in_two_units(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0.4, "0s"},     {59.4, "59s"},      {59.6, "1m 00s"},
                 {200, "3m 20s"}, {3599.6, "1h 00m"}, {1e300, "277777777h 46m"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        um_text_of_duration(cases[i].seconds, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_path_gives_the_name_of_what_it_leads_to(void **state) {
    (void)state;
    static const char *const paths[][2] = {{"no/such/a.gguf", "a"},
                                           {"no/such/a", "a"},
                                           {"no/such/.gguf", ".gguf"},
                                           {"a", "a"},
                                           {"/usr/lib/..", "usr"}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        um_error error = {0};
        char *name = NULL;
        assert_ok(um_path_stem(paths[i][0], ".gguf", &name, &error), &error);
        assert_string_equal(name, paths[i][1]);
        free(name);
    }
}

static void philox_matches_the_published_vectors(void **state) {
    (void)state;
    /* Random123's known answers for philox4x32-10 with an all-zero counter and key. */
    uint32_t words[4];
    um_rng_words(0, (um_rng_place){0}, words);
    assert_int_equal(words[0], 0x6627e8d5);
    assert_int_equal(words[1], 0xe169c58d);
    assert_int_equal(words[2], 0xbc57ac4c);
    assert_int_equal(words[3], 0x9b00dbd8);
}

static void random_draws_have_the_right_moments(void **state) {
    (void)state;
    double uniform = 0, normal = 0, square = 0;
    const uint32_t draws = 100000;
    for (uint32_t i = 0; i < draws; i++) {
        const um_rng_place place = {UM_RNG_TOKEN, 1, 2, i};
        uniform += um_rng_uniform(3, place);
        const double value = um_rng_normal(3, place);
        normal += value;
        square += value * value;
        assert_true(um_rng_below(3, place, 7) < 7);
    }
    assert_true(fabs(uniform / draws - 0.5) < 0.005);
    assert_true(fabs(normal / draws) < 0.015);
    assert_true(fabs(square / draws - 1) < 0.02);
}

static void half_conversions_round_trip_every_value(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float f16 = um_f32_from_f16((uint16_t)bits);
        const float bf16 = um_f32_from_bf16((uint16_t)bits);
        if (!isnan(f16)) {
            assert_int_equal(um_f16_from_f32(f16), bits);
        }
        if (!isnan(bf16)) {
            assert_int_equal(um_bf16_from_f32(bf16), bits);
        }
    }
    assert_int_equal(um_f16_from_f32(65519.0f), 0x7BFF);
    assert_int_equal(um_f16_from_f32(65520.0f), 0x7C00);
    assert_int_equal(um_f16_from_f32(1.0f + 0x1p-11f), 0x3C00); /* a tie goes to even */
    assert_int_equal(um_f16_from_f32(0x1.8p-24f), 0x0002);
    assert_int_equal(um_bf16_from_f32(1.0f + 0x1p-8f), 0x3F80);
}

static void json_errors_name_the_member(void **state) {
    (void)state;
    um_error error = {0};
    json_t *root = NULL;
    const char *text = "{\"a\": 3, \"b\": \"x\", \"c\": null}";
    assert_ok(um_json_load_bytes(text, strlen(text), "t", &root, &error), &error);
    int64_t number = 0;
    assert_ok(um_json_require_integer(root, "t", "a", 0, 9, &number, &error), &error);
    assert_int_equal(number, 3);
    assert_int_equal(um_json_require_integer(root, "t", "a", 4, 9, &number, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "t: \"a\" is 3, expected 4 to 9");
    assert_int_equal(um_json_require_integer(root, "t", "b", 0, 9, &number, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "t: \"b\" is a string, expected an integer");
    assert_int_equal(um_json_require_integer(root, "t", "c", 0, 9, &number, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "t: \"c\" is missing");
    json_decref(root);
}

static void a_json_string_with_a_nul_is_refused_not_cut(void **state) {
    (void)state;
    um_error error = {0};
    json_t *root = NULL;
    const char *text = "{\"a\": \"x\\u0000y\"}";
    const char *value = NULL;
    assert_ok(um_json_load_bytes(text, strlen(text), "t", &root, &error), &error);
    assert_int_equal(um_json_require_string(root, "t", "a", &value, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "t: \"a\" holds a NUL character");
    assert_null(value);
    json_decref(root);
}

static void json_strings_are_always_valid(void **state) {
    (void)state;
    um_buffer buffer = {0};
    assert_int_equal(um_json_append_string(&buffer, "a\"\n\x01\xFF\xC3\xA9", 7, NULL), UM_OK);
    assert_string_equal(um_buffer_text(&buffer), "\"a\\\"\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"");
    um_buffer_free(&buffer);
}

static um_status load_line(const char *bytes, size_t length, um_json_line *line, um_error *error) {
    return um_json_load_line(bytes, length, "f.jsonl", 7, line, error);
}

static void a_line_of_json_is_an_object_or_blank(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } refused[] = {{"[1]\n", "f.jsonl: line 7: not a JSON object"},
                   {"{\"a\": \n", "f.jsonl: line 7, column "},
                   {"{} {}\n", "f.jsonl: line 7, column "}};
    um_json_line line;
    um_error error = {0};
    assert_ok(load_line(" \t\r\n", 4, &line, &error), &error);
    assert_null(line.object);
    assert_ok(load_line(" {\"a\": 1} \n", 11, &line, &error), &error);
    assert_int_equal(json_object_size(line.object), 1);
    assert_string_equal(line.where, "f.jsonl: line 7");
    json_decref(line.object);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *text = refused[i].text;
        assert_int_equal(load_line(text, strlen(text), &line, &error), UM_ERR_FORMAT);
        assert_null(line.object);
        assert_ptr_equal(strstr(error.message, refused[i].message), error.message);
    }
    assert_int_equal(load_line("\0\n", 2, &line, &error), UM_ERR_FORMAT); /* not blank */
}

static void an_id_is_text_or_an_integer(void **state) {
    (void)state;
    char number[24];
    const char *id = NULL;
    um_error error = {0};
    json_t *root = json_pack("{s:s, s:I, s:f}", "text", "HumanEval/0", "number",
                             (json_int_t)INT64_MIN, "real", 1.5);
    assert_ok(um_json_require_id(root, "t", "text", number, &id, &error), &error);
    assert_string_equal(id, "HumanEval/0");
    assert_ok(um_json_require_id(root, "t", "number", number, &id, &error), &error);
    assert_string_equal(id, "-9223372036854775808");
    assert_int_equal(um_json_require_id(root, "t", "real", number, &id, &error), UM_ERR_FORMAT);
    assert_int_equal(um_json_require_id(root, "t", "none", number, &id, &error), UM_ERR_FORMAT);
    json_decref(root);
}

static void deep_json_is_refused(void **state) {
    (void)state;
    char *bomb = malloc(100000);
    assert_non_null(bomb);
    memset(bomb, '[', 100000);
    json_t *root = NULL;
    assert_int_equal(um_json_load_bytes(bomb, 100000, "bomb", &root, NULL), UM_ERR_FORMAT);
    free(bomb);
}

static void count_task(void *user, size_t task, size_t worker) {
    (void)worker;
    ((int *)user)[task]++;
}

static void the_pool_runs_every_task_once(void **state) {
    (void)state;
    um_error error = {0};
    um_thread_pool *pool = NULL;
    assert_ok(um_thread_pool_create(3, &pool, &error), &error);
    int counts[100] = {0};
    for (int round = 0; round < 500; round++) {
        um_thread_pool_run(pool, 100, count_task, counts);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(counts[i], 500);
    }
    um_thread_pool_free(pool);
    assert_int_equal(um_thread_pool_create(100000, &pool, &error), UM_ERR_LIMIT);
}

typedef struct crew_task {
    int counts[20];
    size_t workers[20];
    pthread_t caller;
} crew_task;

static void note_task(void *user, size_t task, size_t worker) {
    crew_task *work = user;
    work->counts[task]++;
    work->workers[task] = worker;
    assert_false(pthread_equal(pthread_self(), work->caller));
}

static void a_crew_runs_every_task_once_and_none_on_the_caller(void **state) {
    (void)state;
    um_error error = {0};
    for (size_t threads = 1; threads <= 3; threads++) {
        um_crew *crew = NULL;
        crew_task work = {.caller = pthread_self()};
        assert_ok(um_crew_create(threads, &crew, &error), &error);
        assert_int_equal(um_crew_size(crew), threads);
        for (int round = 0; round < 500; round++) {
            um_crew_run(crew, round % 2 == 0 ? 20 : 1, note_task, &work);
        }
        um_crew_run(crew, 0, note_task, &work);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(work.counts[i], i == 0 ? 500 : 250);
            assert_true(work.workers[i] < threads);
        }
        um_crew_free(crew);
    }
    um_crew *none = NULL;
    assert_int_equal(um_crew_create(100000, &none, &error), UM_ERR_LIMIT);
    assert_null(none);
    um_crew_free(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_messages_carry_place_and_prefix),
        cmocka_unit_test(error_messages_are_one_line_of_text),
        cmocka_unit_test(sizes_are_checked_for_overflow),
        cmocka_unit_test(tiles_cover_the_last_element),
        cmocka_unit_test(texts_are_found_among_any_bytes),
        cmocka_unit_test(endings_and_flags_of_texts_are_told),
        cmocka_unit_test(lists_of_numbers_are_sorted_and_have_nothing_twice),
        cmocka_unit_test(what_is_no_number_of_a_list_is_named),
        cmocka_unit_test(durations_are_told_in_two_units),
        cmocka_unit_test(a_path_gives_the_name_of_what_it_leads_to),
        cmocka_unit_test(philox_matches_the_published_vectors),
        cmocka_unit_test(random_draws_have_the_right_moments),
        cmocka_unit_test(half_conversions_round_trip_every_value),
        cmocka_unit_test(json_errors_name_the_member),
        cmocka_unit_test(a_json_string_with_a_nul_is_refused_not_cut),
        cmocka_unit_test(json_strings_are_always_valid),
        cmocka_unit_test(a_line_of_json_is_an_object_or_blank),
        cmocka_unit_test(an_id_is_text_or_an_integer),
        cmocka_unit_test(deep_json_is_refused),
        cmocka_unit_test(the_pool_runs_every_task_once),
        cmocka_unit_test(a_crew_runs_every_task_once_and_none_on_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
