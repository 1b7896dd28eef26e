/* The estimator of log-probabilities over a micro-batch of completions: the forward passes over
 * masked copies, and the way back from d loss / d log-probability to the model's gradients.
 *
 * The rows of a pass are those of the sampler's forward: the canvas alone, from position 0, without
 * padding, under the model's own attention and alignment.  Copies of a micro-batch that are equal
 * once they are masked, as those of a group are under the full mask, are one pass. */
#ifndef UM_TRAIN_GRPO_GRPO_PASSES_H
#define UM_TRAIN_GRPO_GRPO_PASSES_H

#include "train/completions/completion_tasks.h"
#include "train/grpo/grpo_masks.h"
#include "train/learner/learner.h"

/* A completion under one of its masks. */
typedef struct um_masked_copy {
    const um_completion *completion;
    um_mask_place place;
    size_t first_token; /* number of the completion's first counted token */
    int32_t pass;       /* its number or, for trajectories, the step before which it is */
    double coefficient; /* weight of its log-probabilities in their tokens' estimates */
    size_t sequence;    /* of the batch: its rows, shared by equal copies */
} um_masked_copy;

/* Reused from micro-batch to micro-batch; zero-initialise. */
typedef struct um_grpo_passes {
    um_training_batch batch;
    um_masked_copy *copies;
    size_t copy_count;
    size_t token_count;  /* counted tokens of all completions */
    size_t *token;       /* [target_count] number of the target among the counted tokens */
    double *coefficient; /* [target_count] weight of the target in its token's estimate */
    const um_masked_copy **members; /* of one sequence */
    int32_t *canvas;
    int32_t *steps; /* of a completion's states, the drawn ones first */
    size_t copy_capacity;
    size_t token_capacity;
    size_t coefficient_capacity;
    size_t member_capacity;
    size_t canvas_capacity;
    size_t step_capacity;
} um_grpo_passes;

void um_grpo_passes_free(um_grpo_passes *passes);

/* Rows of the passes over one completion alone; 0 if nothing of it can be estimated. */
size_t um_grpo_passes_rows(const um_grpo_options *options, const um_completion *completion);

/* Lay out the passes of completions[count]; places[count] are the places of their masks.  Tokens of
 * the batch are numbered completion by completion, only the `counted` ones. */
um_status um_grpo_passes_fill(um_grpo_passes *passes, const um_recipe *recipe,
                              const um_model_config *config,
                              const um_completion *const *completions, const um_mask_place *places,
                              size_t count, um_error *error);

/* Set estimates[token_count] to the log-probabilities under `transformer`, or under the learner's
 * model if that is NULL; with `record` (only for the latter), um_grpo_passes_backward may
 * follow. */
um_status um_grpo_passes_estimate(um_grpo_passes *passes, um_learner *learner,
                                  const um_transformer *transformer, bool record, double *estimates,
                                  um_error *error);

/* Add the gradients of a loss with d loss / d estimates = derivatives[token_count]. */
um_status um_grpo_passes_backward(um_grpo_passes *passes, um_learner *learner,
                                  const double *derivatives, um_error *error);

#endif
