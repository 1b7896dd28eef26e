/* Advantages, and the clipped loss of coupled-GRPO with its derivative: arithmetic without a model
 * (docs/GRPO.md). */
#ifndef UM_TRAIN_GRPO_GRPO_LOSS_H
#define UM_TRAIN_GRPO_GRPO_LOSS_H

#include "train/recipe/grpo_options.h"

/* Whether all values are equal. */
bool um_all_equal(const double *values, size_t count);

/* Fill advantages[count] from the rewards of one group: all 0 if the rewards are equal.  Their sum
 * is 0 up to rounding.  With options->scale_advantages, they are divided by the rewards' sample
 * deviation + 1e-4. */
void um_grpo_advantages(const um_grpo_options *options, const double *rewards, size_t count,
                        double *advantages);

/* Mean and sample deviation (divided by count - 1; 0 for one value). */
void um_mean_and_sample_deviation(const double *values, size_t count, double *mean,
                                  double *deviation);

/* What is known of one token: log-probabilities under the policy being updated, the one that wrote
 * the completion, and the reference. */
typedef struct um_grpo_token {
    double current;
    double old;
    double reference; /* not used if kl_coefficient is 0 */
    double advantage; /* of its completion */
} um_grpo_token;

typedef struct um_grpo_token_loss {
    double loss;       /* -min(r A, clip(r) A) + beta kl */
    double derivative; /* d loss / d current */
    double kl;         /* exp(reference - current) - (reference - current) - 1 */
    bool clipped_low;  /* the ratio is below 1 - clip_low and would be pushed further down */
    bool clipped_high; /* the ratio is above 1 + clip_high and would be pushed further up */
} um_grpo_token_loss;

/* Both exponentials are continued by their tangents from exp(20) on (docs/GRPO.md). */
um_grpo_token_loss um_grpo_loss_of_token(const um_grpo_options *options,
                                         const um_grpo_token *token);

#endif
