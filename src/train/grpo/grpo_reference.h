/* The reference policy that the KL term holds the trained policy close to: a copy of the weights at
 * the start, mixed with the current ones at intervals. */
#ifndef UM_TRAIN_GRPO_GRPO_REFERENCE_H
#define UM_TRAIN_GRPO_GRPO_REFERENCE_H

#include "train/learner/learner.h"

typedef struct um_grpo_reference {
    um_parameters parameters;
    float *block; /* [count]; NULL if the loss uses no reference */
    size_t count;
    um_transformer transformer;
} um_grpo_reference;

/* A copy of the learner's weights, or nothing if the recipe's kl_coefficient is 0.  The learner is
 * borrowed for its config; *reference must not move. */
um_status um_grpo_reference_create(const um_learner *learner, um_grpo_reference *reference,
                                   um_error *error);
void um_grpo_reference_free(um_grpo_reference *reference);

/* After an update: if the interval is over, reference <- a current + (1 - a) reference, with
 * a = reference_mixing. */
void um_grpo_reference_sync(um_grpo_reference *reference, const um_learner *learner);

void um_grpo_reference_save(const um_grpo_reference *reference, um_state_sections *sections);
um_status um_grpo_reference_load(um_grpo_reference *reference, const um_state_file *file,
                                 um_error *error);

#endif
