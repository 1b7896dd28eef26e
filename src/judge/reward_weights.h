/* The reward of a judgement: one number from its code and its format. */
#ifndef UM_JUDGE_REWARD_WEIGHTS_H
#define UM_JUDGE_REWARD_WEIGHTS_H

#include <stdbool.h>

#include "judge/judge.h"

typedef struct um_reward_weights {
    double code;      /* of the share of passed tests */
    double format;    /* of the format reward */
    bool binary_code; /* a share above 0.99 counts as 1, any other as 0 */
} um_reward_weights;

/* 2.0, 0.5, false: the published coupled-GRPO recipe (arXiv:2506.20639; rewards.py of
 * apple/ml-diffucoder). */
um_reward_weights um_reward_default_weights(void);

/* weights.code * judgement.code + weights.format * judgement.format */
double um_reward_of(const um_reward_weights *weights, const um_judgement *judgement);

#endif
