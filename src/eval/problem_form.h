/* The published problem sets by the form of their files, which decides how a model is asked. */
#ifndef UM_EVAL_PROBLEM_FORM_H
#define UM_EVAL_PROBLEM_FORM_H

#include "reward/problem.h"

typedef enum um_eval_form {
    UM_EVAL_AUTO,      /* by the problems */
    UM_EVAL_HUMANEVAL, /* a function to complete (also HumanEval+ and MBPP in that form) */
    UM_EVAL_MBPP,      /* a sentence and asserts, for which a program is wanted (also MBPP+) */
    UM_EVAL_INFILLING, /* code around a hole (human-eval-infilling) */
    UM_EVAL_FAMILY     /* what training here makes: "format", "level" and "key", or AceCode */
} um_eval_form;

/* "auto", "humaneval", "mbpp", "infilling" or "family". */
const char *um_eval_form_name(um_eval_form form);

/* The form of that name into *form; false, with *form untouched, where there is none. */
bool um_eval_form_from_name(const char *name, um_eval_form *form);

/* The form that the problem has on its own; never AUTO. */
um_eval_form um_eval_form_of(const um_problem *problem);

/* The form of a whole set: `wanted`, or with AUTO the one that the problems have; all of them are
 * of the family as soon as one is.  UM_ERR_MISMATCH names a problem that does not fit it. */
um_status um_eval_form_settle(const um_problem_set *problems, um_eval_form wanted,
                              um_eval_form *form, um_error *error);

#endif
