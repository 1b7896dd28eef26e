/* The input is lines of problems.  Each that is accepted makes a program with the whole input as
 * the completion, and every line is read as a sample too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "judge/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_problem(const um_problem *problem, const char *text, size_t size) {
    um_error error = {0};
    um_buffer program = {0};
    require(problem->id && problem->prompt && problem->suffix && problem->key && problem->setup);
    require(problem->reference && problem->entry_point && problem->test);
    require((problem->asserts != NULL) == (problem->assert_count > 0));
    for (size_t i = 0; i < problem->assert_count; i++) {
        require(problem->asserts[i] != NULL);
    }
    require(um_problem_program(problem, text, size, &program, &error) == UM_OK);
    require(program.length <= strlen(problem->prompt) + size + strlen(problem->suffix));
    um_buffer_free(&program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    um_error error = {0};
    um_problem_set *set = NULL;
    um_sample_list samples = {0};
    require(um_problem_set_create(&set, &error) == UM_OK);
    for (size_t at = 0, number = 1; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - text) - at : size - at;
        const size_t before = um_problem_set_count(set);
        if (um_problem_set_add_line(set, text + at, length, "input", number, &error) != UM_OK) {
            require(error.message[0] != '\0' && um_problem_set_count(set) == before);
        }
        (void)um_sample_list_add_line(&samples, set, text + at, length, "input", number, &error);
        at += length + 1;
    }
    for (size_t i = 0; i < um_problem_set_count(set); i++) {
        check_problem(um_problem_set_at(set, i), text, size);
        require(um_problem_set_find(set, um_problem_set_at(set, i)->id) != NULL);
    }
    um_sample_list_free(&samples);
    um_problem_set_free(set);
    return 0;
}
