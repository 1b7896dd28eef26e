/* The grader of a run without one of its own: the sandboxed tests. */
#ifndef UM_TRAIN_JUDGE_GRADER_H
#define UM_TRAIN_JUDGE_GRADER_H

#include "train/grader.h"
#include "train/grpo_options.h"

/* Start a judge as the options say; *grader borrows it.  Errors as of um_judge_create. */
um_status um_judge_grader_create(const um_grpo_options *options, um_judge **judge,
                                 um_grader *grader, um_error *error);

#endif
