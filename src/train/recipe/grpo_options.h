/* What a coupled-GRPO run may choose (Gong et al., "DiffuCoder", arXiv 2506.20639, section 5).
 * docs/GRPO.md has the equations and says where the paper and its published code differ; the
 * defaults are the paper's values. */
#ifndef UM_TRAIN_RECIPE_GRPO_OPTIONS_H
#define UM_TRAIN_RECIPE_GRPO_OPTIONS_H

#include "judge/reward_weights.h"
#include "train/recipe/problem_options.h"

/* How the log-probability of a completion's token is estimated. */
typedef enum um_likelihood_estimator {
    UM_ESTIMATOR_COUPLED,   /* pairs of complementary masks, and everything masked */
    UM_ESTIMATOR_DECOUPLED, /* pairs of independent masks, and everything masked */
    UM_ESTIMATOR_FULL_MASK, /* everything masked, alone (d1, arXiv 2504.12216) */
    UM_ESTIMATOR_TRAJECTORY /* what was masked when the sampler decided the token */
} um_likelihood_estimator;

/* What a reward is compared with. */
typedef enum um_advantage_baseline {
    UM_BASELINE_GROUP_MEAN,   /* the mean of the group */
    UM_BASELINE_LEAVE_ONE_OUT /* the mean of the group's other members */
} um_advantage_baseline;

/* Which of a completion's tokens count in the loss. */
typedef enum um_completion_extent {
    UM_COMPLETION_TO_END, /* up to and with the first end token */
    UM_COMPLETION_ALL     /* also the padding after it */
} um_completion_extent;

/* How the losses of tokens become one. */
typedef enum um_completion_normalisation {
    UM_MEAN_OF_COMPLETIONS, /* the mean over completions of the mean over their tokens */
    UM_MEAN_OF_TOKENS,      /* the mean over all tokens */
    UM_MEAN_OF_POSITIONS    /* the sum over tokens, divided by the number of all answer positions */
} um_completion_normalisation;

typedef struct um_grpo_options {
    size_t group_size;        /* "group_size": completions per problem, G (10) */
    size_t problems_per_step; /* "problems_per_step" (8) */
    size_t inner_updates;     /* "inner_updates": updates from the same completions, mu (2) */

    um_likelihood_estimator estimator; /* "estimator": "coupled" and so on */
    size_t mask_pairs;                 /* "mask_pairs": pairs of masks, lambda (1) */
    double pair_rate_minimum;          /* "pair_rate_minimum": of the first mask of a pair (0.2) */
    double pair_rate_maximum;          /* "pair_rate_maximum" (0.8) */
    size_t trajectory_states; /* "trajectory_states": states to estimate from; 0: all (4) */
    bool shared_pair_rate;    /* "shared_pair_rate": one rate for all completions (false) */
    bool shared_group_masks;  /* "shared_group_masks": one mask for a group's completions (false) */

    double clip_low;       /* "clip_low": ratios are clipped below 1 - this (0.5) */
    double clip_high;      /* "clip_high": and above 1 + this (0.5) */
    double kl_coefficient; /* "kl_coefficient": beta (0.01) */
    um_advantage_baseline advantage_baseline; /* "advantage_baseline" ("group_mean") */
    bool scale_advantages; /* "scale_advantages": divide by the group's deviation (false) */
    um_completion_extent completion_extent; /* "completion_extent": "to_end" or "all" */
    um_completion_normalisation completion_normalisation; /* "completion_normalisation":
                                                  "completions", "tokens" or "positions" */
    size_t reference_interval; /* "reference_interval": updates between syncs (64; 0: never) */
    double reference_mixing;   /* "reference_mixing": the policy's share in a sync (0.6) */

    char rollout[UM_ROLLOUT_TEXT_SIZE]; /* "rollout": decoding options */
    bool early_stop; /* "early_stop": stop once all before an end token is decided (false) */

    um_reward_weights reward; /* "code_weight" (2), "format_weight" (0.5), "binary_code" (false) */
} um_grpo_options;

#endif
