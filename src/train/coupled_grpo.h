/* Reinforcement learning with coupled-GRPO (arXiv 2506.20639, section 5; docs/GRPO.md).  Shared
 * with the tests only. */
#ifndef UM_TRAIN_COUPLED_GRPO_H
#define UM_TRAIN_COUPLED_GRPO_H

#include "train/grpo_update.h"
#include "train/training_method.h"

#define UM_GRPO_METRICS_MAXIMUM 48

typedef struct um_coupled_grpo {
    const um_recipe *recipe; /* borrowed, as is the learner */
    um_learner *learner;
    um_tokenizer *tokenizer;
    um_completion_tasks tasks;
    um_completion_tasks validation; /* count 0 for none */
    um_decode_options decoding;
    um_decode_options validation_decoding;
    um_judge *judge; /* NULL where a caller grades */
    um_grader grader;
    um_data_order order;
    um_reward_journal *journal;
    um_grpo_reference reference;
    um_grpo_rollouts rollouts;
    um_grpo_updater updater;
    uint64_t data_state[2]; /* as saved: problems and their digest */
    um_metric metrics[UM_GRPO_METRICS_MAXIMUM];
    size_t metric_count;
} um_coupled_grpo;

/* How completions are sampled for training, or for validation. */
um_completion_sampling um_coupled_grpo_sampling(const um_coupled_grpo *run, bool validation,
                                                const um_stop_request *stop);

/* Add a number to the report being made. */
void um_coupled_grpo_metric(um_coupled_grpo *run, const char *name, double value);

/* pass@1 on the validation problems. */
um_status um_coupled_grpo_validate(void *state, const um_stop_request *stop, bool *has_data,
                                   um_validation_report *report, um_error *error);

#endif
