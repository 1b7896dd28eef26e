/* Reinforcement learning with coupled-GRPO (arXiv 2506.20639, section 5; docs/GRPO.md).  Exposed
 * only to tests and benches. */
#ifndef UM_TRAIN_GRPO_COUPLED_GRPO_H
#define UM_TRAIN_GRPO_COUPLED_GRPO_H

#include "train/completions/validation_problems.h"
#include "train/grpo/grpo_update.h"
#include "train/learner/training_method.h"

typedef struct um_coupled_grpo {
    const um_recipe *recipe; /* borrowed, as is the learner */
    um_learner *learner;
    um_tokenizer *tokenizer;
    um_completion_tasks tasks;
    um_validation_problems validation;
    um_decode_options decoding;
    um_judge *judge; /* NULL if the caller grades */
    um_grader grader;
    um_data_order order;
    um_reward_journal *journal;
    um_grpo_reference reference;
    um_grpo_rollouts rollouts;
    um_grpo_updater updater;
    uint64_t data_state[2]; /* as saved: the number of problems, and their digest */
    um_metric_list metrics; /* of the newest step */
} um_coupled_grpo;

/* If the next step is the first of a batch of rollouts, make that batch, unless it already exists
 * because a step was stopped. */
um_status um_coupled_grpo_ensure_rollouts(um_coupled_grpo *run, const um_run_observer *observer,
                                          um_error *error);

#endif
