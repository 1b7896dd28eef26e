/* The grader of a run: the caller's, or the sandboxed tests. */
#ifndef UM_TRAIN_COMPLETIONS_JUDGE_GRADER_H
#define UM_TRAIN_COMPLETIONS_JUDGE_GRADER_H

#include "judge/grader.h"
#include "train/recipe/problem_options.h"

/* Set *grader to `given` or, if that is NULL, start a judge as the options say, which *grader
 * borrows.  Free *judge with um_judge_free in any case.  Errors as of um_judge_create. */
um_status um_judge_grader_create(const um_problem_options *options, const um_grader *given,
                                 um_judge **judge, um_grader *grader, um_error *error);

#endif
