#include "eval/problem_form.h"

#include <string.h>

static const char *const form_names[] = {"auto", "humaneval", "mbpp", "infilling", "family"};
#define FORM_COUNT (sizeof form_names / sizeof *form_names)

const char *um_eval_form_name(um_eval_form form) {
    return (size_t)form < FORM_COUNT ? form_names[form] : "unknown";
}

bool um_eval_form_from_name(const char *name, um_eval_form *form) {
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(name, form_names[i]) == 0) {
            *form = (um_eval_form)i;
            return true;
        }
    }
    return false;
}

um_eval_form um_eval_form_of(const um_problem *problem) {
    if (problem->level != 0 || *problem->key || problem->format == UM_PROBLEM_CHAT) {
        return UM_EVAL_FAMILY;
    }
    if (problem->format == UM_PROBLEM_PROGRAM) {
        return UM_EVAL_MBPP;
    }
    return problem->format == UM_PROBLEM_INFILLING ? UM_EVAL_INFILLING : UM_EVAL_HUMANEVAL;
}

/* Whether a problem can be asked in a form: its format must be one that the form shows. */
static bool fits(const um_problem *problem, um_eval_form form) {
    switch (form) {
        case UM_EVAL_HUMANEVAL:
            return problem->format == UM_PROBLEM_COMPLETION;
        case UM_EVAL_MBPP:
            return problem->format == UM_PROBLEM_PROGRAM;
        case UM_EVAL_INFILLING:
            return problem->format == UM_PROBLEM_INFILLING;
        case UM_EVAL_FAMILY:
        case UM_EVAL_AUTO:
            break;
    }
    return problem->format != UM_PROBLEM_PROGRAM;
}

static um_eval_form form_of_all(const um_problem_set *problems) {
    const size_t count = um_problem_set_count(problems);
    for (size_t i = 0; i < count; i++) {
        if (um_eval_form_of(um_problem_set_at(problems, i)) == UM_EVAL_FAMILY) {
            return UM_EVAL_FAMILY;
        }
    }
    return count > 0 ? um_eval_form_of(um_problem_set_at(problems, 0)) : UM_EVAL_HUMANEVAL;
}

um_status um_eval_form_settle(const um_problem_set *problems, um_eval_form wanted,
                              um_eval_form *form, um_error *error) {
    *form = wanted == UM_EVAL_AUTO ? form_of_all(problems) : wanted;
    for (size_t i = 0; i < um_problem_set_count(problems); i++) {
        const um_problem *problem = um_problem_set_at(problems, i);
        if (!fits(problem, *form)) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "problem \"%.60s\" is of the form %s, %s %s: split the file%s",
                            problem->id, um_eval_form_name(um_eval_form_of(problem)),
                            wanted == UM_EVAL_AUTO ? "but others are of" : "not",
                            um_eval_form_name(*form),
                            wanted == UM_EVAL_AUTO ? "" : ", or leave --form out");
        }
    }
    return UM_OK;
}
