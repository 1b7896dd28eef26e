/* The input is a file of problems to evaluate, in any of the published forms.  Each problem that is
 * accepted is made into prompts of several styles, with the input as its answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/prompt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void ask(const um_eval_style *style, const um_problem *problem, const um_buffer *answer) {
    um_error error = {0};
    um_eval_prompt prompt = {0};
    um_buffer completion = {0};
    if (um_eval_prompt_build(style, problem, &prompt, &error) != UM_OK) {
        require(style->instruct && error.message[0] != '\0');
    }
    const size_t kept = um_eval_answer_length(style, um_buffer_text(answer), answer->length);
    require(kept <= answer->length);
    require(um_eval_completion(style, problem, um_buffer_text(answer), answer->length, &completion,
                               &error) == UM_OK);
    require(completion.length <= answer->length + 1);
    um_buffer_free(&completion);
    um_eval_prompt_free(&prompt);
}

static void ask_all(const um_problem_set *problems, const um_buffer *answer) {
    um_error error = {0};
    um_eval_style style = {.form = UM_EVAL_AUTO};
    if (um_eval_form_settle(problems, UM_EVAL_AUTO, &style.form, &error) != UM_OK) {
        require(error.message[0] != '\0');
        return;
    }
    for (size_t shots = 0; shots < 3; shots++) {
        if (um_eval_style_take_shots(&style, problems, shots, &error) != UM_OK) {
            style.shot_count = 0;
        }
        for (size_t i = 0; i < um_problem_set_count(problems) && i < 100; i++) {
            style.instruct = shots == 2;
            ask(&style, um_problem_set_at(problems, i), answer);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_problem_set *problems = NULL;
    um_buffer contents = {0};
    require(um_problem_set_create(&problems, &error) == UM_OK);
    require(um_buffer_append(&contents, data, size, &error) == UM_OK);
    if (um_problem_set_add_text(problems, &contents, "input", &error) == UM_OK) {
        ask_all(problems, &contents);
    } else {
        require(error.message[0] != '\0');
    }
    um_buffer_free(&contents);
    um_problem_set_free(problems);
    return 0;
}
