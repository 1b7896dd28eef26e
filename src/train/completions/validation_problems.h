/* Pass@1 on the problems that a recipe names for validation, whatever its objective: the current
 * weights complete each once, and the completions are judged. */
#ifndef UM_TRAIN_COMPLETIONS_VALIDATION_PROBLEMS_H
#define UM_TRAIN_COMPLETIONS_VALIDATION_PROBLEMS_H

#include "train/completions/completion_sampling.h"
#include "train/learner/learner.h"

typedef struct um_validation_problems {
    const um_recipe *recipe;   /* borrowed; NULL before um_validation_problems_open */
    um_completion_tasks tasks; /* count 0: the recipe names no problems */
    um_decode_options decoding;
    bool early_stop; /* if the algorithm can */

    um_metric_list metrics; /* of the newest measurement */
} um_validation_problems;

/* Read the problems that the recipe names, if any, and settle how they are decoded: as its
 * "validation_rollout" says, greedily if that leaves it open.  `config` is that of the model to be
 * trained; `recipe` and `tokenizer` (NULL if the recipe names none) are borrowed.  Errors as of
 * um_completion_tasks_open and um_completion_options_check; call um_validation_problems_close in
 * any case. */
um_status um_validation_problems_open(const um_recipe *recipe, const um_model_config *config,
                                      const um_tokenizer *tokenizer,
                                      um_validation_problems *problems, um_error *error);
void um_validation_problems_close(um_validation_problems *problems);

/* Whether there are any. */
bool um_validation_problems_exist(const um_validation_problems *problems);

/* Complete and judge every problem, set the numbers of the measurement, and show a few completions
 * to observer->sample.  If the grader depends only on the attempt, the numbers, except times,
 * depend only on the weights: neither threads nor "rollout_batch" change them.  UM_ERR_CANCELLED:
 * `observer` says so. */
um_status um_validation_problems_measure(um_validation_problems *problems,
                                         const um_learner *learner, const um_grader *grader,
                                         const um_run_observer *observer, um_error *error);

#endif
