/* The states that the sampler went through as it wrote a completion: what the estimator
 * "trajectory" conditions on (docs/GRPO.md).  In the state before step s, the positions decided in
 * earlier steps are visible and all others of the answer are masked; the tokens decided in step s
 * are its targets. */
#ifndef UM_TRAIN_GRPO_GRPO_STATES_H
#define UM_TRAIN_GRPO_GRPO_STATES_H

#include "train/completions/completion_tasks.h"
#include "train/grpo/grpo_masks.h"

/* How many states of a completion to estimate from: trajectory_states, or all if it has fewer. */
size_t um_state_pass_count(const um_grpo_options *options, const um_completion *completion);

/* The weight of a token's log-probability in a drawn state: one over the chance that the state is
 * drawn. */
double um_state_coefficient(const um_grpo_options *options, const um_completion *completion);

/* Fill steps[completion->states] with the steps that decided a counted token.  The first
 * um_state_pass_count are the drawn ones, without repetition, each with the same chance. */
void um_state_draw(const um_grpo_options *options, const um_completion *completion,
                   um_mask_place place, int32_t *steps);

/* Whether `position` of the canvas, one of the answer, is masked before `step`. */
bool um_state_hides(const um_completion *completion, size_t position, int32_t step);

#endif
