/* Verdicts and rewards of a judge: with few exceptions, a program passes if and only if it passes
 * in plain Python. */
#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "judge/reward_weights.h"
#include "judge_testing.h"

typedef struct fixture {
    um_judge *judge;
    um_problem_set *problems;
} fixture;

static int set_up(void **state) {
    um_judge_options options = um_judge_default_options();
    um_error error = {0};
    fixture *made = calloc(1, sizeof *made);
    assert_non_null(made);
    options.timeout_seconds = 20;
    options.workers = 2;
    made->judge = make_judge(options);
    assert_ok(um_problem_set_create(&made->problems, &error), &error);
    *state = made;
    return 0;
}

static int tear_down(void **state) {
    fixture *made = *state;
    um_judge_free(made->judge);
    um_problem_set_free(made->problems);
    free(made);
    return 0;
}

static fixture *usable(void **state) {
    fixture *made = *state;
    if (!made->judge) {
        print_message("skipped: there is no Python to run programs with\n");
        skip();
    }
    return made;
}

/* A program and, escaped as in a JSON string, the body of check(candidate) for its function f. */
typedef struct program_case {
    const char *program;
    const char *check;
    um_verdict verdict;
} program_case;

static void assert_verdict(fixture *work, const program_case *item) {
    char line[4096];
    (void)snprintf(line, sizeof line,
                   "{\"task_id\": %zu, \"prompt\": \"\", \"entry_point\": \"f\", \"test\": \"def "
                   "check(candidate):\\n    %s\\n\"}",
                   um_problem_set_count(work->problems), item->check);
    const um_problem *problem = add_problem(work->problems, line);
    const um_judgement result = judge_text(work->judge, problem, item->program);
    if (result.verdict != item->verdict) {
        fail_msg("%s: %s\nof %s\nwith %s", um_verdict_name(result.verdict), result.text,
                 item->program, item->check);
    }
}

static void values_keep_their_types(void **state) {
    static const program_case cases[] = {
        {"def f(x):\n    return x", "assert candidate([1, 2]) == [1, 2]", UM_VERDICT_PASSED},
        {"def f(x):\n    return x", "assert candidate((1, 2)) != [1, 2]", UM_VERDICT_PASSED},
        {"def f(x):\n    return x",
         "for x in (None, True, 0, -1, 255, 256, -129, 1 << 200, -(1 << 200), 1.5, float('inf'), "
         "2j, '', 'a\\u00e9', b'x', [[]], (1, (2,)), {1, 2}, frozenset({3}), {'a': [1]}, "
         "range(1, 9, 2), bytearray(b'y')):\\n        assert candidate(x) == x and "
         "type(candidate(x)) is type(x), x",
         UM_VERDICT_PASSED},
        {"def f(x):\n    return float('nan')", "r = candidate(0)\\n    assert r != r",
         UM_VERDICT_PASSED},
        {"def f(x):\n    return True", "assert candidate(0) is True", UM_VERDICT_PASSED},
        {"def f(x):\n    return -0.0", "assert str(candidate(0)) == '-0.0'", UM_VERDICT_PASSED},
        {"from collections import Counter, OrderedDict, defaultdict, deque\ndef f(x):\n    d = "
         "defaultdict(int)\n    d[1] += 2\n    return Counter('aab'), OrderedDict(a=1), d, "
         "deque([1, 2], 2)",
         "c, o, d, q = candidate(0)\\n    assert c == {'a': 2, 'b': 1} and o == {'a': 1} and d == "
         "{1: 2} and list(q) == [1, 2]",
         UM_VERDICT_PASSED},
        {"from fractions import Fraction\nfrom decimal import Decimal\ndef f(x):\n    return "
         "Fraction(1, 3), Decimal('1.10')",
         "from fractions import Fraction\\n    assert candidate(0)[0] * 3 == 1 and "
         "str(candidate(0)[1]) == '1.10'",
         UM_VERDICT_PASSED},
        {"def f(x):\n    return int", "assert candidate(0) is int", UM_VERDICT_PASSED},
        {"class I(int):\n    pass\ndef f(x):\n    return I(3)", "assert candidate(0) == 3",
         UM_VERDICT_FAILED},
    };
    fixture *work = usable(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_verdict(work, &cases[i]);
    }
}

static void objects_stay_where_they_are(void **state) {
    static const program_case cases[] = {
        {"def f(n):\n    for i in range(n):\n        yield i",
         "assert list(candidate(3)) == [0, 1, 2]", UM_VERDICT_PASSED},
        {"def f(x):\n    return map(str, x)", "assert [*candidate([1, 2])] == ['1', '2']",
         UM_VERDICT_PASSED},
        {"def f(x):\n    return lambda y: x + y", "assert candidate(1)(2) == 3", UM_VERDICT_PASSED},
        {"class Node:\n    def __init__(self, value):\n        self.value = value\ndef f(node):\n  "
         "  "
         "return node.value",
         "n = Node(4)\\n    n.value = 5\\n    assert candidate(n) == 5 and n.value == 5",
         UM_VERDICT_PASSED},
        {"def f(g, x):\n    return [g(y) for y in x]",
         "assert candidate(lambda y: y * 2, [1, 2]) == [2, 4]", UM_VERDICT_PASSED},
        {"def f(x):\n    return sum(x)", "assert candidate(iter([1, 2])) == 3", UM_VERDICT_PASSED},
        {"def f(x, kind):\n    return [y for y in x if isinstance(y, kind)]",
         "assert candidate([1, 'a'], str) == ['a']", UM_VERDICT_PASSED},
        {"def f(a, *, b=2):\n    return a + b", "assert candidate(1, b=5) == 6", UM_VERDICT_PASSED},
        {"def f(x):\n    return x", "class Own: pass\\n    assert candidate(Own())",
         UM_VERDICT_FAILED},
    };
    fixture *work = usable(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_verdict(work, &cases[i]);
    }
}

static void effects_reach_the_tests(void **state) {
    static const program_case cases[] = {
        {"def f(x):\n    x.sort()", "x = [2, 1]\\n    candidate(x)\\n    assert x == [1, 2]",
         UM_VERDICT_PASSED},
        {"def f(x):\n    x['b'].append(2)",
         "inner = [1]\\n    x = {'b': inner}\\n    candidate(x)\\n    assert inner == [1, 2]",
         UM_VERDICT_PASSED},
        {"def f(x):\n    print('seen', x)",
         "import io, contextlib\\n    out = io.StringIO()\\n    with "
         "contextlib.redirect_stdout(out):\\n        candidate(1)\\n    assert out.getvalue() == "
         "'seen 1\\\\n'",
         UM_VERDICT_PASSED},
        {"def f(x):\n    raise KeyError('k')",
         "try:\\n        candidate(0)\\n    except KeyError as e:\\n        assert e.args == "
         "('k',)\\n    else:\\n        assert False",
         UM_VERDICT_PASSED},
        {"class Bad(ValueError):\n    pass\ndef f(x):\n    raise Bad('b')",
         "for kind in (Bad, ValueError):\\n        try:\\n            candidate(0)\\n        "
         "except "
         "kind:\\n            continue\\n        assert False",
         UM_VERDICT_PASSED},
        {"import random\ndef f(x):\n    return x", "import random\\n    assert candidate(1) == 1",
         UM_VERDICT_PASSED},
    };
    fixture *work = usable(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_verdict(work, &cases[i]);
    }
}

static void failures_are_told_apart(void **state) {
    static const program_case cases[] = {
        {"def f(x):\n    return 1", "assert candidate(0) == 2", UM_VERDICT_FAILED},
        {"def f(x):\n    return y", "assert candidate(0) == 2", UM_VERDICT_FAILED},
        {"def g(x):\n    return 2", "assert candidate(0) == 2", UM_VERDICT_FAILED},
        {"def f(x) return 1", "assert True", UM_VERDICT_SYNTAX},
        {"import nothing_like_it\ndef f(x):\n    return 2", "assert candidate(0) == 2",
         UM_VERDICT_ERROR},
        {"raise SystemExit", "assert True", UM_VERDICT_ENDED},
        {"import os\ndef f(x):\n    os._exit(0)", "assert candidate(0) == 2", UM_VERDICT_ENDED},
        {"import os\ndef f(x):\n    os._exit(0)",
         "try:\\n        candidate(0)\\n    except:\\n        pass", UM_VERDICT_ENDED},
    };
    fixture *work = usable(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_verdict(work, &cases[i]);
    }
}

/* A completion that is right, and one that gives the tests a name of its own. */
static void assert_not_deceived(const fixture *work, const char *line, const char *right,
                                const char *deceptive) {
    const um_problem *problem = add_problem(work->problems, line);
    assert_int_equal(judge_text(work->judge, problem, right).verdict, UM_VERDICT_PASSED);
    assert_int_equal(judge_text(work->judge, problem, deceptive).verdict, UM_VERDICT_FAILED);
}

static void functions_of_the_prompt_are_the_problems_own(void **state) {
    assert_not_deceived(
        usable(state),
        "{\"task_id\": \"helper\", \"prompt\": \"import math\\ndef twice(x):\\n    return 2 * "
        "x\\n\\ndef f(x):\\n    '''Half.'''\\n\", \"entry_point\": \"f\", \"test\": \"def "
        "check(candidate):\\n    assert math.fabs(twice(candidate(3)) - 3) < 1e-9\\n\"}",
        "    return x / 2\n", "    return 0\n\ndef twice(x):\n    return 3\n");
}

/* Their objects travel by value, so that the tests have no need of the program's class. */
static void standard_classes_of_the_prompt_stay_the_problems_own(void **state) {
    assert_not_deceived(
        usable(state),
        "{\"task_id\": \"standard\", \"prompt\": \"from collections import Counter\\n\\ndef "
        "f(s):\\n\", \"entry_point\": \"f\", \"test\": \"def check(candidate):\\n    assert "
        "candidate('aab') == Counter('aab')\\n\"}",
        "    return Counter(s)\n", "    return 0\n\ndef Counter(x):\n    return 0\n");
}

/* What asserts use up is used up once, although some asserts run twice. */
static void asserts_with_a_state_run_once(void **state) {
    static const char *const lines[] = {
        "{\"task_id\": \"iterator\", \"prompt\": \"\", \"entry_point\": \"f\", \"test\": "
        "\"numbers = iter([1, 2, 3])\\ndef check(candidate):\\n    assert "
        "candidate(next(numbers)) == 1\\n    assert candidate(next(numbers)) == 2\\n\"}",
        "{\"task_id\": \"list\", \"prompt\": \"q\", \"test_list\": [\"assert "
        "f(DATA.pop()) == 3\", \"assert f(DATA.pop()) == 2\"]}",
        "{\"task_id\": \"counter\", \"prompt\": \"\", \"entry_point\": \"f\", \"test\": \"calls = "
        "0\\ndef same(a, b):\\n    global calls\\n    calls += 1\\n    return a == b * "
        "calls\\ndef check(candidate):\\n    assert same(2, 2) and candidate(1)\\n    assert "
        "same(2, 1) and candidate(2)\\n\"}",
        "{\"task_id\": \"class\", \"prompt\": \"\", \"entry_point\": \"f\", \"test\": \"class "
        "Calls:\\n    made = 0\\n    def __init__(self):\\n        Calls.made += 1\\ndef "
        "check(candidate):\\n    assert Calls().made == 1 and candidate(1)\\n    assert "
        "Calls().made == 2 and candidate(2)\\n\"}",
    };
    static const char program[] = "DATA = [1, 2, 3]\ndef f(x):\n    return x\n";
    fixture *work = usable(state);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const um_problem *problem = add_problem(work->problems, lines[i]);
        assert_int_equal(judge_text(work->judge, problem, program).verdict, UM_VERDICT_PASSED);
    }
}

/* Random numbers begin anew, and another test's settings of decimal are gone. */
static void a_verdict_does_not_depend_on_tests_before(void **state) {
    static const program_case sets = {
        "def f(x):\n    return x",
        "import decimal\\n    decimal.getcontext().prec = 3\\n    assert "
        "candidate(1) == 1",
        UM_VERDICT_PASSED};
    static const program_case divides = {
        "from decimal import Decimal\ndef f(x):\n    return Decimal(1) / Decimal(x)",
        "from decimal import Decimal\\n    assert candidate(3) == Decimal(1) / Decimal(3)",
        UM_VERDICT_PASSED};
    fixture *work = usable(state);
    const um_problem *draws = add_problem(
        work->problems, "{\"task_id\": \"draws\", \"prompt\": \"q\", \"test_list\": [\"assert "
                        "f(1) == 1 and random.random() < 0.5\"]}");
    const char program[] = "import random\ndef f(x):\n    return x\n";
    const um_verdict first = judge_text(work->judge, draws, program).verdict;
    for (int i = 0; i < 6; i++) {
        assert_verdict(work, &sets);
        assert_verdict(work, &divides);
        assert_int_equal(judge_text(work->judge, draws, program).verdict, first);
    }
}

static void rewards_are_those_of_the_recipe(void **state) {
    static const struct {
        const char *answer;
        double format;
        size_t passed;
        double reward;
        double binary; /* with "binary_code" */
    } cases[] = {
        {"So:\n```python\ndef f(x):\n    return x + 1\n```\n", 1.0, 4, 2.5, 2.5},
        {"```python\ndef f(x):\n    return 2\n```\n", 1.0, 1, 1.0, 0.5},
        {"```python\ndef f(x) return 2\n```\n", 0.5, 0, 0.25, 0.25},
        /* no line feed at the end */
        {"```python\ndef f(x):\n    return x + 1\n```", 0.0, 4, 0.0, 0.0},
        {"```python\nx = '\\x00'\n```\n", 1.0, 0, 0.5, 0.5},
        {"def f(x):\n    return x + 1\n", 0.0, 0, 0.0, 0.0},
    };
    const um_reward_weights weights = um_reward_default_weights();
    um_reward_weights binary = weights;
    binary.binary_code = true;
    fixture *work = usable(state);
    const um_problem *problem = add_problem(
        work->problems, "{\"id\": \"rewards\", \"question\": \"Add one.\", \"test_cases\": "
                        "[\"assert f(1) == 2\", \"assert f(2) == 3\", \"assert f(3) == 4\", "
                        "\"assert f(-1) == 0\"]}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const um_judgement result = judge_text(work->judge, problem, cases[i].answer);
        assert_true(result.format == cases[i].format);
        assert_int_equal(result.tests_passed, cases[i].passed);
        assert_int_equal(result.tests_total, 4);
        assert_true(um_reward_of(&weights, &result) == cases[i].reward);
        assert_true(um_reward_of(&binary, &result) == cases[i].binary);
    }
}

static void asserts_of_a_check_count_one_by_one(void **state) {
    fixture *work = usable(state);
    const um_problem *lines = add_problem(
        work->problems, "{\"task_id\": \"lines\", \"prompt\": \"\", \"entry_point\": \"f\", "
                        "\"test\": \"def check(candidate):\\n    assert candidate(1) == 1\\n    "
                        "assert candidate(2) == 4\\n    assert candidate(3) == 9\\n\"}");
    const um_problem *tree = add_problem(
        work->problems, "{\"task_id\": \"tree\", \"prompt\": \"\", \"entry_point\": \"f\", "
                        "\"test\": \"def check(candidate):\\n    assert (candidate(1)\\n        == "
                        "1), 'one'\\n    for x in (2, 3):\\n        assert candidate(x) == x * "
                        "x\\n\"}");
    um_judgement result =
        judge_text(work->judge, lines, "def f(x):\n    return x if x < 3 else 9\n");
    assert_int_equal(result.verdict, UM_VERDICT_FAILED);
    assert_int_equal(result.tests_passed, 2);
    assert_int_equal(result.tests_total, 3);
    result = judge_text(work->judge, tree, "def f(x):\n    return x\n");
    assert_int_equal(result.tests_passed, 1);
    assert_int_equal(result.tests_total, 2);
    assert_int_equal(judge_text(work->judge, tree, "def f(x):\n    return x * x\n").verdict,
                     UM_VERDICT_PASSED);
}

static void a_program_that_is_too_slow_is_ended(void **state) {
    fixture *work = usable(state);
    um_judge_options options = um_judge_default_options();
    options.timeout_seconds = 0.5;
    options.workers = 1;
    for (int fresh = 0; fresh < 2; fresh++) {
        options.fresh = fresh == 1;
        um_judge *judge = make_judge(options);
        const um_problem *problem = add_problem(
            work->problems, fresh ? "{\"id\": \"slow\", \"test_cases\": [\"assert f() == 1\"]}"
                                  : "{\"id\": \"slower\", \"test_cases\": [\"assert f() == 1\"]}");
        const um_judgement result =
            judge_text(judge, problem, "```python\ndef f():\n    while True:\n        pass\n```\n");
        assert_int_equal(result.verdict, UM_VERDICT_TIMEOUT);
        assert_true(result.format == 1.0);
        assert_true(result.code == 0.0);
        um_judge_free(judge);
    }
}

static bool never(void *user, size_t done, size_t total) {
    (void)done;
    assert_int_equal(total, 4);
    return ++*(int *)user < 3;
}

static void a_batch_can_be_cancelled(void **state) {
    fixture *work = usable(state);
    const um_problem *problem =
        add_problem(work->problems, "{\"id\": \"cancel\", \"test_cases\": [\"assert f() == 1\"]}");
    static const char answer[] = "```python\ndef f():\n    while True:\n        pass\n```\n";
    um_attempt attempts[4];
    um_judgement results[4];
    um_error error = {0};
    int calls = 0;
    const um_watch watch = {.progress = never, .user = &calls};
    for (size_t i = 0; i < 4; i++) {
        attempts[i] = (um_attempt){problem, answer, sizeof answer - 1};
    }
    assert_int_equal(um_judge_batch(work->judge, attempts, 4, results, &watch, &error),
                     UM_ERR_CANCELLED);
    /* The judge goes on to serve. */
    assert_int_equal(
        judge_text(work->judge, problem, "```python\ndef f():\n    return 1\n```\n").verdict,
        UM_VERDICT_PASSED);
}

static void results_do_not_depend_on_the_order(void **state) {
    fixture *work = usable(state);
    const um_problem *problem =
        add_problem(work->problems, "{\"id\": \"order\", \"test_cases\": [\"assert f(3) == 3\"]}");
    char answers[20][80];
    um_attempt attempts[20];
    um_judgement results[20];
    um_error error = {0};
    for (int i = 0; i < 20; i++) {
        (void)snprintf(answers[i], sizeof answers[i],
                       "```python\nf = lambda x: x %% %d if x else exit()\n```\n", i + 1);
        attempts[i] = (um_attempt){problem, answers[i], strlen(answers[i])};
    }
    assert_ok(um_judge_batch(work->judge, attempts, 20, results, NULL, &error), &error);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(results[i].verdict, i + 1 > 3 ? UM_VERDICT_PASSED : UM_VERDICT_FAILED);
    }
}

/* The number of children of this process that have not ended. */
static size_t living_children(void) {
    size_t count = 0;
    DIR *stream = opendir("/proc");
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        char path[300];
        char state = 'Z';
        long parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = isdigit((unsigned char)entry->d_name[0]) ? fopen(path, "r") : NULL;
        if (file) {
            const int found = fscanf(file, "%*d (%*[^)]) %c %ld", &state, &parent);
            count += found == 2 && parent == (long)getpid() && state != 'Z';
            (void)fclose(file);
        }
    }
    (void)closedir(stream);
    return count;
}

typedef struct visit {
    um_judge *judge;
    const um_problem *problem;
} visit;

/* The first program leaves a file behind, so interpreters are started anew for the second. */
static void *judge_two(void *argument) {
    const visit *work = argument;
    (void)judge_text(work->judge, work->problem,
                     "def f():\n    open('/tmp/x', 'w')\n    return 1\n");
    const um_judgement last = judge_text(work->judge, work->problem, "def f():\n    return 1\n");
    assert_int_equal(last.verdict, UM_VERDICT_PASSED);
    return NULL;
}

static void interpreters_outlive_the_thread_that_asks(void **state) {
    fixture *work = usable(state);
    um_judge_options options = um_judge_default_options();
    options.workers = 1;
    const size_t before = living_children();
    um_judge *judge = make_judge(options);
    assert_int_equal(living_children(), before + 2);
    visit asked = {.judge = judge,
                   .problem =
                       add_problem(work->problems,
                                   "{\"task_id\": \"visit\", \"prompt\": \"\", \"entry_point\": "
                                   "\"f\", \"test\": \"def check(f):\\n    assert f() == 1\\n\"}")};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, judge_two, &asked), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    assert_int_equal(living_children(), before + 2);
    um_judge_free(judge);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_judge *judge = NULL;
    um_judge_options options = um_judge_default_options();
    options.timeout_seconds = 0;
    assert_int_equal(um_judge_create(&options, &judge, &error), UM_ERR_ARGUMENT);
    options = um_judge_default_options();
    options.memory_mib = 1;
    assert_int_equal(um_judge_create(&options, &judge, &error), UM_ERR_ARGUMENT);
    options = um_judge_default_options();
    options.python = "/usr/bin/no-such-python";
    assert_int_equal(um_judge_create(&options, &judge, &error), UM_ERR_UNSUPPORTED);
    options.python = "python3";
    assert_int_equal(um_judge_create(&options, &judge, &error), UM_ERR_ARGUMENT);
    assert_null(judge);
    um_judge_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_types),
        cmocka_unit_test(objects_stay_where_they_are),
        cmocka_unit_test(effects_reach_the_tests),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(standard_classes_of_the_prompt_stay_the_problems_own),
        cmocka_unit_test(asserts_with_a_state_run_once),
        cmocka_unit_test(a_verdict_does_not_depend_on_tests_before),
        cmocka_unit_test(functions_of_the_prompt_are_the_problems_own),
        cmocka_unit_test(rewards_are_those_of_the_recipe),
        cmocka_unit_test(asserts_of_a_check_count_one_by_one),
        cmocka_unit_test(a_program_that_is_too_slow_is_ended),
        cmocka_unit_test(a_batch_can_be_cancelled),
        cmocka_unit_test(results_do_not_depend_on_the_order),
        cmocka_unit_test(interpreters_outlive_the_thread_that_asks),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
