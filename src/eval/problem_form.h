/* The forms that problem sets come in; the form decides how a model is prompted. */
#ifndef UM_EVAL_PROBLEM_FORM_H
#define UM_EVAL_PROBLEM_FORM_H

#include "judge/problem.h"

typedef enum um_eval_form {
    UM_EVAL_AUTO,      /* take the form of the problems themselves */
    UM_EVAL_HUMANEVAL, /* a function to complete (also HumanEval+ and MBPP in that form) */
    UM_EVAL_MBPP,      /* a sentence and asserts, to be answered with a program (also MBPP+) */
    UM_EVAL_INFILLING, /* code around a hole (human-eval-infilling) */
    UM_EVAL_FAMILY     /* made for training here ("format", "level" and "key"), or AceCode */
} um_eval_form;

/* "auto", "humaneval", "mbpp", "infilling" or "family". */
const char *um_eval_form_name(um_eval_form form);

/* Set *form to the form of that name; false, with *form untouched, if there is none. */
bool um_eval_form_from_name(const char *name, um_eval_form *form);

/* The form of the problem on its own; never AUTO. */
um_eval_form um_eval_form_of(const um_problem *problem);

/* The form of a whole set: `wanted`, or with AUTO the form that the problems have; if one of them
 * is of the family, the whole set is.  UM_ERR_MISMATCH names a problem that does not fit the
 * form. */
um_status um_eval_form_settle(const um_problem_set *problems, um_eval_form wanted,
                              um_eval_form *form, um_error *error);

#endif
