/* Grading on a thread of its own, while later completions are still being sampled. */
#ifndef UM_TRAIN_COMPLETIONS_COMPLETION_GRADING_H
#define UM_TRAIN_COMPLETIONS_COMPLETION_GRADING_H

#include "train/completions/grader.h"

typedef struct um_grading um_grading;

/* Begin to grade attempts into the judgements of the same numbers, in their order, as they become
 * ready.  All are borrowed until um_grading_finish. */
um_status um_grading_start(const um_grader *grader, const um_attempt *attempts,
                           um_judgement *judgements, um_grading **grading, um_error *error);

/* The first `ready` attempts are as they will stay.  The failure of the grader, once it has failed:
 * nothing more need be made then. */
um_status um_grading_announce(um_grading *grading, size_t ready, um_error *error);

/* Wait for the grades of what was announced, or with `cancel` give up; free `grading`.  *seconds
 * (may be NULL) receives the time that the grader has worked.  NULL is allowed. */
um_status um_grading_finish(um_grading *grading, bool cancel, double *seconds, um_error *error);

#endif
