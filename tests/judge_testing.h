/* A judge for tests, at the strongest level that the machine offers. */
#ifndef UM_TESTS_JUDGE_TESTING_H
#define UM_TESTS_JUDGE_TESTING_H

#include <stdio.h>
#include <string.h>

#include "testing.h"

#include "judge/judge.h"

/* NULL, after a line that says why, if not even the weakest level is available: no Python. */
static inline um_judge *make_judge(um_judge_options options) {
    static const um_sandbox_level levels[] = {UM_SANDBOX_FULL, UM_SANDBOX_NAMESPACES,
                                              UM_SANDBOX_SECCOMP, UM_SANDBOX_NONE};
    um_error error = {0};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        um_judge *judge = NULL;
        options.level = levels[i];
        const um_status status = um_judge_create(&options, &judge, &error);
        if (status == UM_OK) {
            return judge;
        }
        print_message("%s\n", error.message);
        assert_int_equal(status, UM_ERR_UNSUPPORTED);
    }
    return NULL;
}

/* Add a problem in JSON, and find it. */
static inline const um_problem *add_problem(um_problem_set *set, const char *line) {
    um_error error = {0};
    const size_t count = um_problem_set_count(set);
    assert_ok(um_problem_set_add_line(set, line, strlen(line), "test", count + 1, &error), &error);
    return um_problem_set_at(set, count);
}

static inline um_judgement judge_text(um_judge *judge, const um_problem *problem,
                                      const char *completion) {
    um_error error = {0};
    um_judgement result;
    const um_attempt attempt = {
        .problem = problem, .completion = completion, .length = strlen(completion)};
    assert_ok(um_judge_batch(judge, &attempt, 1, &result, NULL, &error), &error);
    return result;
}

#endif
