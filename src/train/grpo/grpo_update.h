/* One update from a batch of rollouts: estimates, loss and gradients, in micro-batches. */
#ifndef UM_TRAIN_GRPO_GRPO_UPDATE_H
#define UM_TRAIN_GRPO_GRPO_UPDATE_H

#include "train/grpo/grpo_passes.h"
#include "train/grpo/grpo_reference.h"
#include "train/grpo/grpo_rollouts.h"

/* kl to log_probability are means over the counted tokens. */
typedef struct um_grpo_update_report {
    double loss; /* the objective */
    um_update_report update;
    double kl;
    double clip_low; /* share of tokens clipped from below, and from above */
    double clip_high;
    double log_probability; /* estimate under the policy */
    size_t tokens;
    size_t rows; /* passed through a model, without the backward pass */
    double flops;
} um_grpo_update_report;

#define UM_GRPO_NO_OWNER SIZE_MAX /* a completion that changes nothing */

typedef struct um_grpo_updater {
    um_learner *learner;
    um_grpo_reference *reference;
    um_grpo_rollouts *rollouts;
    um_grpo_passes passes;
    /* Of a micro-batch. */
    const um_completion **completions;
    um_mask_place *places;
    size_t *indices; /* of the completions in the batch of rollouts */
    size_t count;
    double *estimates; /* [tokens] under the policy, then the derivatives */
    double *references;
    size_t completion_capacity;
    size_t place_capacity;
    size_t index_capacity;
    size_t estimate_capacity;
    size_t reference_capacity;
    /* Of all micro-batches. */
    size_t *owners; /* [completions] the rank that has estimated each, or UM_GRPO_NO_OWNER */
    size_t owner_capacity;
    um_grpo_update_report *parts; /* [micro-batches] sums */
    size_t part_capacity;
} um_grpo_updater;

void um_grpo_updater_free(um_grpo_updater *updater);

/* Fill rollouts->old: the estimates under the weights that wrote the completions, with the masks of
 * updates 1 .. inner_updates - 1.  Update 0 starts from these weights, so its own estimates are its
 * old ones. */
um_status um_grpo_estimate_old(um_grpo_updater *updater, const um_run_observer *observer,
                               um_grpo_update_report *report, um_error *error);

/* Compute the gradients of update `inner` (from 0) of the batch, into the learner's. */
um_status um_grpo_gradients(um_grpo_updater *updater, size_t inner, const um_run_observer *observer,
                            um_grpo_update_report *report, um_error *error);

#endif
