#include "train/completions/judge_grader.h"

static um_status grade(void *user, const um_attempt *attempts, size_t count,
                       um_judgement *judgements, const um_watch *watch, um_error *error) {
    return um_judge_batch(user, attempts, count, judgements, watch, error);
}

um_status um_judge_grader_create(const um_problem_options *options, const um_grader *given,
                                 um_judge **judge, um_grader *grader, um_error *error) {
    *judge = NULL;
    if (given) {
        *grader = *given;
        return UM_OK;
    }
    um_judge_options judging = um_judge_default_options();
    judging.level = options->sandbox;
    judging.timeout_seconds = options->judge_timeout;
    judging.memory_mib = options->judge_memory;
    judging.workers = options->judge_workers;
    UM_TRY(um_judge_create(&judging, judge, error));
    *grader = (um_grader){.grade = grade, .user = *judge};
    return UM_OK;
}
