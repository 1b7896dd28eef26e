/* Who judges completions: the sandboxed tests of judge/judge.h, or a unit test's own judge. */
#ifndef UM_JUDGE_GRADER_H
#define UM_JUDGE_GRADER_H

#include "judge/judge.h"

typedef struct um_grader {
    /* As um_judge_batch: judgements[i] is that of attempts[i] and depends on nothing else.  Called
     * by one thread at a time, not always the same one. */
    um_status (*grade)(void *user, const um_attempt *attempts, size_t count,
                       um_judgement *judgements, const um_watch *watch, um_error *error);
    void *user;
} um_grader;

#endif
