#include "eval/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PREFILL "Here is the code to solve this problem:\n```python\n"
#define FENCE "```"

/* A base model goes on after its function; what it writes from these on is not part of the
 * answer. */
static const char *const humaneval_stops[] = {"\ndef",    "\nclass",  "\nimport",
                                              "\nfrom",   "\nassert", "\nif __name__",
                                              "\nprint(", "\n```",    NULL};
static const char *const mbpp_stops[] = {"\n\"\"\"", "\nassert", "\nif __name__",
                                         "\nprint(", "\n```",    NULL};
static const char *const few_shot_stops[] = {"[DONE]", NULL};
static const char *const no_stops[] = {NULL};

void um_eval_prompt_free(um_eval_prompt *prompt) {
    um_buffer_free(&prompt->message);
    um_buffer_free(&prompt->before);
    um_buffer_free(&prompt->after);
    *prompt = (um_eval_prompt){0};
}

/* ---- Examples -------------------------------------------------------------------- */

bool um_eval_is_example(const um_problem *problem) {
    char *end = NULL;
    const long number = strtol(problem->id, &end, 10);
    return *problem->id && !*end && number >= 1 && number <= 10;
}

um_status um_eval_style_take_shots(um_eval_style *style, const um_problem_set *problems,
                                   size_t shots, um_error *error) {
    static const char *const order[] = {"2", "3", "4", "1", "5", "6", "7", "8", "9", "10"};
    style->shot_count = 0;
    if (shots > 0 && style->form != UM_EVAL_MBPP) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "--shots is for problems of the form mbpp, and these are %s",
                        um_eval_form_name(style->form));
    }
    for (size_t i = 0; i < sizeof order / sizeof *order && style->shot_count < shots; i++) {
        const um_problem *problem = um_problem_set_find(problems, order[i]);
        if (problem && *problem->reference) {
            style->shots[style->shot_count++] = problem;
        }
    }
    return style->shot_count == shots
               ? UM_OK
               : UM_RAISE(error, UM_ERR_MISMATCH,
                          "--shots %zu: the file has %zu solved problems with ids 1 to 10, which "
                          "are the examples",
                          shots, style->shot_count);
}

/* ---- Prompts ---------------------------------------------------------------------- */

/* Published files contain tabs and carriage returns; as in the published evaluations, expand the
 * tabs and drop the carriage returns. */
static um_status append_clean(um_buffer *text, const char *bytes, size_t length, um_error *error) {
    size_t done = 0;
    while (done < length) {
        size_t plain = 0;
        while (done + plain < length && bytes[done + plain] != '\t' &&
               bytes[done + plain] != '\r') {
            plain++;
        }
        UM_TRY(um_buffer_append(text, bytes + done, plain, error));
        done += plain;
        if (done < length) {
            UM_TRY(um_buffer_append_text(text, bytes[done] == '\t' ? "    " : "", error));
            done++;
        }
    }
    return UM_OK;
}

/* Append `source` without the white space around it. */
static um_status append_stripped(um_buffer *text, const char *source, um_error *error) {
    static const char white[] = " \t\r\n\f\v";
    source += strspn(source, white);
    size_t length = strlen(source);
    while (length > 0 && strchr(white, source[length - 1])) {
        length--;
    }
    return append_clean(text, source, length, error);
}

/* An MBPP task as the docstring of a file, with one of its tests, which gives the function's
 * name. */
static um_status append_docstring(um_buffer *text, const um_problem *problem, um_error *error) {
    UM_TRY(um_buffer_append_text(text, "\"\"\"\n", error));
    UM_TRY(append_stripped(text, problem->prompt, error));
    UM_TRY(um_buffer_append_text(text, "\n", error));
    UM_TRY(append_stripped(text, problem->asserts[0], error));
    return um_buffer_append_text(text, "\n\"\"\"", error);
}

/* MBPP+'s test script is not a test to show. */
static bool is_shown(const char *test) {
    return strncmp(test + strspn(test, " \t\r\n"), "assert", 6) == 0;
}

static um_status append_task(um_buffer *text, const um_problem *problem, um_error *error) {
    UM_TRY(um_buffer_append_text(
        text, "You are an expert Python programmer, and here is your task: ", error));
    UM_TRY(append_stripped(text, problem->prompt, error));
    UM_TRY(um_buffer_append_text(text, " Your code should pass these tests:\n\n", error));
    for (size_t i = 0; i < problem->assert_count; i++) {
        if (is_shown(problem->asserts[i])) {
            UM_TRY(append_stripped(text, problem->asserts[i], error));
            UM_TRY(um_buffer_append_text(text, "\n", error));
        }
    }
    return um_buffer_append_text(text, "[BEGIN]\n", error);
}

static um_status append_few_shot(const um_eval_style *style, const um_problem *problem,
                                 um_buffer *text, um_error *error) {
    for (size_t i = 0; i < style->shot_count; i++) {
        UM_TRY(append_task(text, style->shots[i], error));
        UM_TRY(append_stripped(text, style->shots[i]->reference, error));
        UM_TRY(um_buffer_append_text(text, "\n[DONE]\n", error));
    }
    return append_task(text, problem, error);
}

static um_status build_base(const um_eval_style *style, const um_problem *problem, um_buffer *text,
                            um_error *error) {
    if (style->form == UM_EVAL_MBPP) {
        UM_TRY(style->shot_count > 0 ? append_few_shot(style, problem, text, error)
                                     : append_docstring(text, problem, error));
        return style->shot_count > 0 ? UM_OK : um_buffer_append_text(text, "\n", error);
    }
    if (style->form == UM_EVAL_HUMANEVAL) {
        UM_TRY(append_stripped(text, problem->prompt, error));
        return um_buffer_append_text(text, "\n", error);
    }
    return um_buffer_append_text(text, problem->prompt, error);
}

static um_status build_message(const um_eval_style *style, const um_problem *problem,
                               um_buffer *text, um_error *error) {
    if (style->form == UM_EVAL_MBPP) {
        UM_TRY(um_buffer_append_text(text, FENCE "\n", error));
        UM_TRY(append_docstring(text, problem, error));
    } else {
        UM_TRY(um_buffer_append_text(text, "Please complete the following problem:\n" FENCE "\n",
                                     error));
        UM_TRY(append_stripped(text, problem->prompt, error));
    }
    return um_buffer_append_text(text, "\n" FENCE "\n", error);
}

um_status um_eval_prompt_build(const um_eval_style *style, const um_problem *problem,
                               um_eval_prompt *prompt, um_error *error) {
    if (problem->format == UM_PROBLEM_CHAT) {
        prompt->has_message = true;
        return um_buffer_append_text(&prompt->message, problem->prompt, error);
    }
    if (style->instruct && problem->format == UM_PROBLEM_INFILLING) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "problem \"%.60s\" is a hole in code, which no conversation fills: leave "
                        "--instruct out",
                        problem->id);
    }
    if (style->instruct) {
        prompt->has_message = true;
        UM_TRY(build_message(style, problem, &prompt->message, error));
        return um_buffer_append_text(&prompt->before, PREFILL, error);
    }
    UM_TRY(build_base(style, problem, &prompt->before, error));
    return um_buffer_append_text(&prompt->after, problem->suffix, error);
}

/* ---- Answers ----------------------------------------------------------------------- */

static const char *const *stops_for(const um_eval_style *style) {
    if (style->form == UM_EVAL_MBPP) {
        return style->shot_count > 0 ? few_shot_stops : mbpp_stops;
    }
    return style->form == UM_EVAL_HUMANEVAL ? humaneval_stops : no_stops;
}

size_t um_eval_answer_length(const um_eval_style *style, const char *answer, size_t length) {
    for (const char *const *stop = stops_for(style); *stop; stop++) {
        length = um_text_find(answer, length, *stop);
    }
    return length;
}

um_status um_eval_completion(const um_eval_style *style, const um_problem *problem,
                             const char *answer, size_t length, um_buffer *completion,
                             um_error *error) {
    if (problem->format == UM_PROBLEM_CHAT) {
        return um_buffer_append(completion, answer, length, error);
    }
    if (style->instruct) { /* a whole program, on a new line after the prompt's docstring */
        UM_TRY(um_buffer_append_text(completion,
                                     problem->format == UM_PROBLEM_COMPLETION ? "\n" : "", error));
        return um_buffer_append(completion, answer, um_text_find(answer, length, FENCE), error);
    }
    const size_t prompt_length = strlen(problem->prompt);
    if (style->form == UM_EVAL_HUMANEVAL && prompt_length > 0 &&
        problem->prompt[prompt_length - 1] != '\n') { /* the model was shown a line feed there */
        UM_TRY(um_buffer_append_text(completion, "\n", error));
    }
    return um_buffer_append(completion, answer, um_eval_answer_length(style, answer, length),
                            error);
}
