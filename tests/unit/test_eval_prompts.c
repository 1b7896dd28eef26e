/* Forms of published problems, what a model is shown of each, and which part of its answer
 * counts. */
#include <string.h>

#include "testing.h"

#include "eval/prompt.h"
#include "scratch.h"

#define HUMANEVAL                                                                                  \
    "{\"task_id\": \"H/0\", \"prompt\": \"\\n\\ndef "                                              \
    "f(x):\\n\\t\\\"\\\"\\\"Add.\\\"\\\"\\\"\\n\", \"entry_point\": "                              \
    "\"f\", \"test\": \"def check(c):\\n    assert c(1) == 2\\n\"}"
#define MBPP(id)                                                                                   \
    "{\"task_id\": " id ", \"text\": \"Write f" id ".\", \"code\": \"def f" id                     \
    "():\\r\\n\\treturn 1\", \"test_list\": [\"assert f" id "() == 1\", \"assert f" id             \
    "() < 2\"], \"test_setup_code\": \"\"}"
#define INFILLING                                                                                  \
    "{\"task_id\": \"S/0\", \"prompt\": \"def f(x):\\n    return \", \"suffix\": \" + 1\\n\", "    \
    "\"entry_point\": \"f\", \"test\": \"def check(c): pass\"}"
#define FAMILY                                                                                     \
    "{\"task_id\": \"F/0\", \"prompt\": \"def f(x):\\n\", \"entry_point\": \"f\", \"test\": "      \
    "\"def "                                                                                       \
    "check(c): pass\", \"level\": 2, \"key\": \"k\"}"
#define ACECODE "{\"id\": \"A/0\", \"question\": \"Write g.\", \"test_cases\": [\"assert g()\"]}"

static um_problem_set *set_of(const char *text) {
    um_error error = {0};
    um_problem_set *set = NULL;
    const scratch directory = scratch_make();
    assert_ok(um_problem_set_create(&set, &error), &error);
    scratch_write(&directory, "problems.jsonl", text, strlen(text));
    assert_ok(um_problem_set_add_file(set, scratch_path(&directory, "problems.jsonl"), &error),
              &error);
    scratch_remove(&directory);
    return set;
}

static um_status read_text(const char *text, size_t length, um_error *error) {
    um_problem_set *set = NULL;
    const scratch directory = scratch_make();
    assert_ok(um_problem_set_create(&set, error), error);
    scratch_write(&directory, "problems.jsonl", text, length);
    const um_status status =
        um_problem_set_add_file(set, scratch_path(&directory, "problems.jsonl"), error);
    scratch_remove(&directory);
    um_problem_set_free(set);
    return status;
}

static void assert_form(const char *text, um_eval_form expected) {
    um_error error = {0};
    um_eval_form form = UM_EVAL_AUTO;
    um_problem_set *set = set_of(text);
    assert_ok(um_eval_form_settle(set, UM_EVAL_AUTO, &form, &error), &error);
    assert_string_equal(um_eval_form_name(form), um_eval_form_name(expected));
    um_problem_set_free(set);
}

static void each_form_is_found(void **state) {
    (void)state;
    assert_form(HUMANEVAL "\n\n", UM_EVAL_HUMANEVAL);
    assert_form(MBPP("11") "\n" MBPP("12"), UM_EVAL_MBPP);
    assert_form("[" MBPP("11") ",\n" MBPP("12") "]\n", UM_EVAL_MBPP);
    assert_form(INFILLING "\n", UM_EVAL_INFILLING);
    assert_form(HUMANEVAL "\n" FAMILY "\n", UM_EVAL_FAMILY);
    assert_form(ACECODE "\n", UM_EVAL_FAMILY);
}

static void a_problem_of_another_form_is_named(void **state) {
    (void)state;
    um_error error = {0};
    um_eval_form form = UM_EVAL_AUTO;
    um_problem_set *set = set_of(HUMANEVAL "\n" MBPP("11"));
    assert_int_equal(um_eval_form_settle(set, UM_EVAL_AUTO, &form, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "problem \"11\" is of the form mbpp"));
    assert_int_equal(um_eval_form_settle(set, UM_EVAL_INFILLING, &form, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "not infilling"));
    um_problem_set_free(set);
}

static void files_that_hold_something_else_are_told(void **state) {
    (void)state;
    um_error error = {0};
    assert_int_equal(read_text("\x1f\x8b\x08", 3, &error), UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "gunzip"));
    static const char twice[] = HUMANEVAL "\n" HUMANEVAL "\n";
    assert_int_equal(read_text(twice, sizeof twice - 1, &error), UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "line 2: the id \"H/0\" is there twice"));
    static const char number[] = "[1]";
    assert_int_equal(read_text(number, sizeof number - 1, &error), UM_ERR_FORMAT);
}

static void the_script_of_mbpp_plus_is_one_test_more(void **state) {
    (void)state;
    um_problem_set *set =
        set_of("{\"task_id\": 2, \"prompt\": \"Write f.\", \"code\": \"def f(): return 1\", "
               "\"test_list\": [\"assert f() == 1\"], \"test\": \"import math\\nf()\\n\"}");
    const um_problem *problem = um_problem_set_at(set, 0);
    assert_int_equal(problem->assert_count, 2);
    assert_string_equal(problem->asserts[1], "import math\nf()\n");
    um_problem_set_free(set);
}

/* ---- Prompts --------------------------------------------------------------------- */

static void assert_prompt(const um_eval_style *style, const um_problem *problem,
                          const char *message, const char *before, const char *after) {
    um_error error = {0};
    um_eval_prompt prompt = {0};
    assert_ok(um_eval_prompt_build(style, problem, &prompt, &error), &error);
    assert_int_equal(prompt.has_message, message != NULL);
    assert_string_equal(um_buffer_text(&prompt.message), message ? message : "");
    assert_string_equal(um_buffer_text(&prompt.before), before);
    assert_string_equal(um_buffer_text(&prompt.after), after);
    um_eval_prompt_free(&prompt);
}

static void a_base_model_is_shown_the_stripped_prompt(void **state) {
    (void)state;
    um_problem_set *set = set_of(HUMANEVAL);
    const um_eval_style style = {.form = UM_EVAL_HUMANEVAL};
    assert_prompt(&style, um_problem_set_at(set, 0), NULL, "def f(x):\n    \"\"\"Add.\"\"\"\n", "");
    um_problem_set_free(set);
}

static void an_instructed_model_gets_a_message_and_a_begun_answer(void **state) {
    (void)state;
    um_problem_set *set = set_of(HUMANEVAL);
    um_problem_set *mbpp = set_of(MBPP("11"));
    um_eval_style style = {.form = UM_EVAL_HUMANEVAL, .instruct = true};
    assert_prompt(&style, um_problem_set_at(set, 0),
                  "Please complete the following problem:\n```\ndef f(x):\n    "
                  "\"\"\"Add.\"\"\"\n```\n",
                  "Here is the code to solve this problem:\n```python\n", "");
    style.form = UM_EVAL_MBPP;
    assert_prompt(&style, um_problem_set_at(mbpp, 0),
                  "```\n\"\"\"\nWrite f11.\nassert f11() == 1\n\"\"\"\n```\n",
                  "Here is the code to solve this problem:\n```python\n", "");
    um_problem_set_free(mbpp);
    um_problem_set_free(set);
}

static void mbpp_is_asked_as_a_docstring_with_one_test(void **state) {
    (void)state;
    um_problem_set *set = set_of(MBPP("11"));
    const um_eval_style style = {.form = UM_EVAL_MBPP};
    assert_prompt(&style, um_problem_set_at(set, 0), NULL,
                  "\"\"\"\nWrite f11.\nassert f11() == 1\n\"\"\"\n", "");
    um_problem_set_free(set);
}

static void examples_of_mbpp_come_solved_and_first(void **state) {
    (void)state;
    um_error error = {0};
    um_problem_set *set = set_of(MBPP("1") "\n" MBPP("2") "\n" MBPP("11"));
    um_eval_style style = {.form = UM_EVAL_MBPP};
    assert_int_equal(um_eval_style_take_shots(&style, set, 3, &error), UM_ERR_MISMATCH);
    assert_ok(um_eval_style_take_shots(&style, set, 2, &error), &error);
    assert_string_equal(style.shots[0]->id, "2");
    assert_true(um_eval_is_example(style.shots[1]));
    assert_false(um_eval_is_example(um_problem_set_at(set, 2)));
    assert_ok(um_eval_style_take_shots(&style, set, 1, &error), &error);
    assert_prompt(&style, um_problem_set_at(set, 2), NULL,
                  "You are an expert Python programmer, and here is your task: Write f2. Your code "
                  "should pass these tests:\n\nassert f2() == 1\nassert f2() < 2\n[BEGIN]\ndef "
                  "f2():\n    return 1\n[DONE]\nYou are an expert Python programmer, and here is "
                  "your task: Write f11. Your code should pass these tests:\n\nassert f11() == "
                  "1\nassert f11() < 2\n[BEGIN]\n",
                  "");
    style.form = UM_EVAL_HUMANEVAL;
    assert_int_equal(um_eval_style_take_shots(&style, set, 1, &error), UM_ERR_ARGUMENT);
    um_problem_set_free(set);
}

static void a_hole_is_asked_as_it_stands(void **state) {
    (void)state;
    um_error error = {0};
    um_eval_prompt prompt = {0};
    um_problem_set *set = set_of(INFILLING);
    um_eval_style style = {.form = UM_EVAL_INFILLING};
    assert_prompt(&style, um_problem_set_at(set, 0), NULL, "def f(x):\n    return ", " + 1\n");
    style.instruct = true;
    assert_int_equal(um_eval_prompt_build(&style, um_problem_set_at(set, 0), &prompt, &error),
                     UM_ERR_ARGUMENT);
    um_problem_set_free(set);
}

/* ---- Answers --------------------------------------------------------------------- */

static void assert_completion(const um_eval_style *style, const char *line, const char *answer,
                              const char *expected) {
    um_error error = {0};
    um_buffer completion = {0};
    um_problem_set *set = set_of(line);
    assert_ok(um_eval_completion(style, um_problem_set_at(set, 0), answer, strlen(answer),
                                 &completion, &error),
              &error);
    assert_string_equal(um_buffer_text(&completion), expected);
    um_buffer_free(&completion);
    um_problem_set_free(set);
}

static void answers_of_base_models_end_at_stop_sequences(void **state) {
    (void)state;
    const um_eval_style humaneval = {.form = UM_EVAL_HUMANEVAL};
    const um_eval_style mbpp = {.form = UM_EVAL_MBPP};
    const um_eval_style shots = {.form = UM_EVAL_MBPP, .shot_count = 1};
    const um_eval_style hole = {.form = UM_EVAL_INFILLING};
    static const char *const stops[] = {"\ndef g():", "\nclass A:",   "\nimport os",
                                        "\nfrom a",   "\nassert f()", "\nif __name__ == 1",
                                        "\nprint(1)", "\n```"};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        char answer[64];
        (void)snprintf(answer, sizeof answer, "    return 1\n    # def\n%s", stops[i]);
        assert_completion(&humaneval, HUMANEVAL, answer, "    return 1\n    # def\n");
    }
    assert_completion(&humaneval, HUMANEVAL, "    def g(): pass\n    return g",
                      "    def g(): pass\n    return g");
    assert_completion(&mbpp, MBPP("11"), "import a\ndef f(): pass\n\"\"\"\nmore",
                      "import a\ndef f(): pass");
    assert_completion(&mbpp, MBPP("11"), "def f(): pass\n\ndef g(): pass\nassert f()",
                      "def f(): pass\n\ndef g(): pass");
    assert_completion(&shots, MBPP("11"), "def f(): pass\n[DONE]\nYou are", "def f(): pass\n");
    assert_completion(&hole, INFILLING, "x\ndef g(): pass", "x\ndef g(): pass");
}

static void the_block_of_an_instructed_answer_follows_the_docstring(void **state) {
    (void)state;
    const um_eval_style humaneval = {.form = UM_EVAL_HUMANEVAL, .instruct = true};
    const um_eval_style mbpp = {.form = UM_EVAL_MBPP, .instruct = true};
    assert_completion(&humaneval, HUMANEVAL, "def f(x):\n    return x\n```\nDone.",
                      "\ndef f(x):\n    return x\n");
    assert_completion(&mbpp, MBPP("11"), "def f(x):\n    return x\n", "def f(x):\n    return x\n");
}

static void a_line_feed_that_the_model_was_shown_is_in_its_completion(void **state) {
    (void)state;
    const um_eval_style style = {.form = UM_EVAL_HUMANEVAL};
    assert_completion(&style,
                      "{\"task_id\": \"H/1\", \"prompt\": \"def f(x):\\n    '''A.'''  \", "
                      "\"entry_point\": \"f\", \"test\": \"def check(c): pass\"}",
                      "    return 1", "\n    return 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_found),
        cmocka_unit_test(a_problem_of_another_form_is_named),
        cmocka_unit_test(files_that_hold_something_else_are_told),
        cmocka_unit_test(the_script_of_mbpp_plus_is_one_test_more),
        cmocka_unit_test(a_base_model_is_shown_the_stripped_prompt),
        cmocka_unit_test(an_instructed_model_gets_a_message_and_a_begun_answer),
        cmocka_unit_test(mbpp_is_asked_as_a_docstring_with_one_test),
        cmocka_unit_test(examples_of_mbpp_come_solved_and_first),
        cmocka_unit_test(a_hole_is_asked_as_it_stands),
        cmocka_unit_test(answers_of_base_models_end_at_stop_sequences),
        cmocka_unit_test(the_block_of_an_instructed_answer_follows_the_docstring),
        cmocka_unit_test(a_line_feed_that_the_model_was_shown_is_in_its_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
