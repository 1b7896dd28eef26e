/* A batch of rollouts: groups of completions with their rewards and advantages, from which one or
 * more updates learn. */
#ifndef UM_TRAIN_GRPO_GRPO_ROLLOUTS_H
#define UM_TRAIN_GRPO_GRPO_ROLLOUTS_H

#include "collective/collective.h"
#include "train/completions/completion_sampling.h"
#include "train/corpus/data_order.h"
#include "train/grpo/reward_journal.h"
#include "train/run/state_file.h"

/* Statistics of a new batch. */
typedef struct um_rollout_statistics {
    double reward; /* mean over completions, as are code, format and pass rate */
    double reward_deviation;
    double code;
    double format;
    double pass_rate;
    double timeout_rate;
    double zero_variance; /* share of groups whose rewards are all equal */
    double advantage_deviation;
    double completion_length; /* counted tokens */
    double ended;             /* share of completions with an end token */
    um_sampling_times times;
} um_rollout_statistics;

typedef struct um_grpo_rollouts {
    bool is_ready;   /* the rest is meaningful */
    uint64_t number; /* of the batch in the run, from 0 */
    size_t count;    /* completions: problems_per_step groups of group_size, side by side */
    um_completion *completions; /* [count] */
    double *advantages;         /* [count] */
    size_t *first_token;        /* [count + 1] counted tokens before each completion */
    size_t token_capacity;      /* of `old` */
    double *old; /* [inner_updates - 1, first_token[count]] log-probabilities under the weights that
                    wrote the completions, with the masks of the second update and so on; 0 for
                    completions that are not estimated */
    int32_t *saved_canvases; /* tokens and steps of all completions, for saving */
    size_t saved_capacity;
    um_rollout_statistics statistics; /* not saved */
} um_grpo_rollouts;

/* Make room for the recipe's batches; call um_grpo_rollouts_free in any case. */
um_status um_grpo_rollouts_create(const um_recipe *recipe, um_grpo_rollouts *rollouts,
                                  um_error *error);
void um_grpo_rollouts_free(um_grpo_rollouts *rollouts);

/* Sample and grade batch `number`.  Its problems are the next ones in permutations of all problems,
 * one per epoch, drawn from the seed.  With a journal (it may be NULL), known rewards are taken
 * from it and new ones recorded.  The ranks of the collective make the batch together; only rank 0
 * has a journal, and its rewards hold for all.  The caller computes the old log-probabilities. */
um_status um_grpo_rollouts_make(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                um_collective *collective, const um_completion_sampling *sampling,
                                um_data_order *order, um_reward_journal *journal, uint64_t number,
                                um_error *error);

/* Add the sections of a batch that is still in use, and read them back. */
um_status um_grpo_rollouts_save(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                um_state_sections *sections, um_error *error);
um_status um_grpo_rollouts_load(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                const um_completion_tasks *tasks, um_data_order *order,
                                uint64_t number, const um_state_file *file, um_error *error);

#endif
