/* Problems, samples and answers: what is read, what is refused, and the programs made of them. */
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "judge/answer.h"
#include "judge/problem.h"
#include "judge/sample.h"
#include "statistics/pass_at_k.h"

static um_problem_set *make_set(void) {
    um_error error = {0};
    um_problem_set *set = NULL;
    assert_ok(um_problem_set_create(&set, &error), &error);
    return set;
}

static um_status add(um_problem_set *set, const char *line, um_error *error) {
    return um_problem_set_add_line(set, line, strlen(line), "file", 3, error);
}

static const um_problem *added(um_problem_set *set, const char *line) {
    um_error error = {0};
    assert_ok(add(set, line, &error), &error);
    return um_problem_set_at(set, um_problem_set_count(set) - 1);
}

static void assert_program(const um_problem *problem, const char *completion,
                           const char *expected) {
    um_error error = {0};
    um_buffer program = {0};
    assert_ok(um_problem_program(problem, completion, strlen(completion), &program, &error),
              &error);
    assert_string_equal(um_buffer_text(&program), expected);
    um_buffer_free(&program);
}

static void the_form_of_human_eval_is_read(void **state) {
    (void)state;
    um_problem_set *set = make_set();
    const um_problem *problem =
        added(set, "{\"task_id\": \"a/1\", \"prompt\": \"def f():\\n\", \"entry_point\": \"f \", "
                   "\"test\": \"def check(c): pass\", \"level\": 4, \"key\": \"map\", "
                   "\"canonical_solution\": \"    return 1\"}");
    assert_string_equal(problem->id, "a/1");
    assert_int_equal(problem->format, UM_PROBLEM_COMPLETION);
    assert_int_equal(problem->level, 4);
    assert_string_equal(problem->key, "map");
    assert_string_equal(problem->entry_point, "f");
    assert_int_equal(problem->assert_count, 0);
    assert_program(problem, "    return 1", "def f():\n    return 1");
    assert_ptr_equal(um_problem_set_find(set, "a/1"), problem);
    assert_null(um_problem_set_find(set, "a/2"));
    um_problem_set_free(set);
}

static void an_infilling_program_has_the_suffix(void **state) {
    (void)state;
    um_problem_set *set = make_set();
    const um_problem *problem =
        added(set, "{\"task_id\": 7, \"prompt\": \"a\\n\", \"suffix\": \"c\\n\", \"entry_point\": "
                   "\"f\", \"test\": \"t\", \"format\": \"infilling\"}");
    assert_string_equal(problem->id, "7");
    assert_program(problem, "b\n", "a\nb\nc\n");
    um_problem_set_free(set);
}

static void the_forms_with_asserts_are_read(void **state) {
    (void)state;
    um_problem_set *set = make_set();
    const um_problem *ace = added(
        set, "{\"id\": \"ace\", \"question\": \"Add.\", \"test_cases\": [\"assert f(1) == 2\", "
             "\"assert f(2) == 3\"]}");
    assert_int_equal(ace->format, UM_PROBLEM_CHAT);
    assert_string_equal(ace->prompt, "Add.");
    assert_int_equal(ace->assert_count, 2);
    assert_string_equal(ace->asserts[1], "assert f(2) == 3");
    const um_problem *mbpp =
        added(set, "{\"task_id\": 2, \"text\": \"Add.\", \"code\": \"x = 1\", \"test_list\": "
                   "[\"assert x\"], \"test_imports\": [\"import math\"], \"test_setup_code\": "
                   "\"y = 2\"}");
    assert_int_equal(mbpp->format, UM_PROBLEM_PROGRAM);
    assert_string_equal(mbpp->setup, "import math\ny = 2");
    assert_string_equal(mbpp->reference, "x = 1");
    assert_program(mbpp, "x = 1", "x = 1");
    um_problem_set_free(set);
}

/* As in a set whose columns were merged from several. */
static void null_is_as_good_as_missing(void **state) {
    (void)state;
    um_problem_set *set = make_set();
    const um_problem *problem = added(
        set, "{\"task_id\": null, \"id\": \"n\", \"prompt\": null, \"question\": \"def f():\\n\", "
             "\"suffix\": null, \"test_cases\": null, \"plus_input\": null, "
             "\"test_imports\": null, \"entry_point\": \"f\", \"test\": \"t\"}");
    assert_string_equal(problem->id, "n");
    assert_string_equal(problem->prompt, "def f():\n");
    assert_int_equal(problem->format, UM_PROBLEM_COMPLETION);
    um_problem_set_free(set);
}

static void a_bad_line_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const lines[] = {
        "[]",
        "{",
        "{}",
        "{\"task_id\": \"a\"}",
        "{\"task_id\": \"a\", \"task_id\": \"b\", \"entry_point\": \"f\", \"test\": \"\"}",
        "{\"task_id\": \"a\", \"prompt\": \"\", \"entry_point\": \"f\"}",
        "{\"task_id\": \"a\", \"prompt\": \"\", \"entry_point\": 1, \"test\": \"\"}",
        "{\"task_id\": \"a\", \"test_cases\": []}",
        "{\"task_id\": \"a\", \"test_cases\": [1]}",
        "{\"task_id\": \"a\", \"test_list\": [\"\"], \"test_imports\": \"no list\"}",
        "{\"task_id\": \"a\", \"entry_point\": \"f\", \"test\": \"\", \"format\": \"other\"}",
        "{\"task_id\": \"a\", \"entry_point\": \"f\", \"test\": \"\", \"format\": \"infilling\"}",
        "{\"task_id\": \"a\", \"entry_point\": \"f\", \"test\": \"\", \"level\": \"high\"}",
        "{\"task_id\": \"there\", \"entry_point\": \"f\", \"test\": \"\"}",
        "{\"task_id\": \"a\", \"entry_point\": \"f\", \"test\": \"\", \"plus_input\": []}",
    };
    um_problem_set *set = make_set();
    (void)added(set, "{\"task_id\": \"there\", \"entry_point\": \"f\", \"test\": \"\"}");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        um_error error = {0};
        if (add(set, lines[i], &error) != UM_ERR_FORMAT) {
            fail_msg("accepted: %s", lines[i]);
        }
        assert_non_null(strstr(error.message, "file: line 3"));
        assert_int_equal(um_problem_set_count(set), 1);
    }
    um_error error = {0};
    assert_ok(add(set, " \t\r\n", &error), &error);
    assert_int_equal(um_problem_set_count(set), 1);
    um_problem_set_free(set);
}

static void the_block_of_an_answer_is_found(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        const char *code;
        bool found;
        bool exact;
    } cases[] = {
        {"Here:\n```python\nx = 1\n```\n", "x = 1\n", true, true},
        {"```python\nx = 1\n```\n", "x = 1\n", true, true},
        {"```python\n```\n", "", true, true},
        {"```python\nx = 1\n```", "x = 1\n", true, false},              /* no line feed */
        {"```python\nx = 1\n```\n\n", "x = 1\n", true, false},          /* something after it */
        {"```python\nx = 1\n```\nText", "x = 1\n", true, false},        /* likewise */
        {"```python\nx\n```\n```python\ny\n```\n", "x\n", true, false}, /* two blocks */
        {"```\na\n```\n```python\nx\n```\n", "x\n", true, false},       /* a fence before it */
        {"```python\nx = 1\n", "x = 1\n", true, false},                 /* not closed */
        {"```python x = 1\n```\n", "", false, false},
        {"```\nx = 1\n```\n", "", false, false},
        {"x = 1\n", "", false, false},
        {"``", "", false, false},
        {"", "", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const um_answer_block block =
            um_answer_first_block(cases[i].answer, strlen(cases[i].answer));
        if (block.found != cases[i].found || block.exact != cases[i].exact ||
            block.length != strlen(cases[i].code) ||
            memcmp(block.code, cases[i].code, block.length) != 0) {
            fail_msg("case %zu: \"%.*s\"", i, (int)block.length, block.code);
        }
    }
}

static void samples_belong_to_problems(void **state) {
    (void)state;
    static const char good[] = "{\"task_id\": 7, \"completion\": \"x\", \"seed\": 1}";
    static const char unknown[] = "{\"task_id\": 8, \"completion\": \"x\"}";
    static const char bare[] = "{\"task_id\": 7}";
    um_problem_set *set = make_set();
    um_sample_list list = {0};
    um_error error = {0};
    const um_problem *problem =
        added(set, "{\"task_id\": \"7\", \"test_cases\": [\"assert f()\"], \"code\": \"f = int\"}");
    assert_ok(um_sample_list_add_line(&list, set, good, strlen(good), "s", 1, &error), &error);
    assert_int_equal(um_sample_list_add_line(&list, set, unknown, strlen(unknown), "s", 2, &error),
                     UM_ERR_MISMATCH);
    assert_int_equal(um_sample_list_add_line(&list, set, bare, strlen(bare), "s", 3, &error),
                     UM_ERR_FORMAT);
    assert_ok(um_sample_list_add_line(&list, set, "\n", 1, "s", 4, &error), &error);
    assert_int_equal(list.count, 1);
    assert_ptr_equal(list.samples[0].problem, problem);
    assert_ok(um_sample_list_add_reference(&list, problem, &error), &error);
    assert_string_equal(list.samples[1].completion, "```python\nf = int\n```\n");
    um_sample_list_free(&list);
    um_problem_set_free(set);
}

static void assert_near(double actual, double expected) {
    const double difference = actual - expected;
    if (difference > 1e-12 || difference < -1e-12) {
        fail_msg("%.15g, expected %.15g", actual, expected);
    }
}

static void pass_at_k_is_unbiased(void **state) {
    (void)state;
    assert_near(um_pass_at_k(10, 0, 1), 0.0);
    assert_near(um_pass_at_k(10, 3, 1), 0.3);
    assert_near(um_pass_at_k(10, 3, 10), 1.0);
    /* 1 - C(3, 2) / C(5, 2) = 1 - 3/10 */
    assert_near(um_pass_at_k(5, 2, 2), 0.7);
    /* C(190, 100) / C(200, 100) */
    assert_near(um_pass_at_k(200, 10, 100), 1 - 0.0007710260627178503);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_of_human_eval_is_read),
        cmocka_unit_test(an_infilling_program_has_the_suffix),
        cmocka_unit_test(the_forms_with_asserts_are_read),
        cmocka_unit_test(null_is_as_good_as_missing),
        cmocka_unit_test(a_bad_line_is_refused_with_its_place),
        cmocka_unit_test(the_block_of_an_answer_is_found),
        cmocka_unit_test(samples_belong_to_problems),
        cmocka_unit_test(pass_at_k_is_unbiased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
