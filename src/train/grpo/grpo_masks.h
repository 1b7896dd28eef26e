/* Which tokens the passes of the likelihood estimator mask (docs/GRPO.md).
 *
 * Pass 0 masks the whole answer.  Passes 1 + 2l and 2 + 2l are pair l: a rate t is drawn from
 * [pair_rate_minimum, pair_rate_maximum], the first masks with probability t and the second with
 * 1 - t; coupled masks are complementary, so that each token is masked in exactly one of them.
 *
 * Every draw is a Philox word of (seed, purpose, completion, set, position): the policy, the one
 * that wrote the completion and the reference see the same masks, and so does a resumed run. */
#ifndef UM_TRAIN_GRPO_GRPO_MASKS_H
#define UM_TRAIN_GRPO_GRPO_MASKS_H

#include <stddef.h>
#include <stdint.h>

#include "train/recipe/recipe.h"

/* The masks of one completion in one inner update. */
typedef struct um_mask_place {
    uint64_t seed;
    uint32_t completion; /* number in its batch of rollouts; its group's if groups share masks */
    uint32_t set;        /* number of the update in the run, from 0 */
} um_mask_place;

/* 1 + 2 mask_pairs, or 1 for the full mask alone. */
size_t um_mask_pass_count(const um_grpo_options *options);

/* The probability with which a pass masks a token of the answer. */
double um_mask_rate(const um_grpo_options *options, um_mask_place place, size_t pass);

/* The weight of a token's log-probability in a pass that masks it: 1 / (rate (pairs + 1)). */
double um_mask_coefficient(const um_grpo_options *options, um_mask_place place, size_t pass);

/* Whether a pass masks the answer's token at `position` of the canvas. */
bool um_mask_hides(const um_grpo_options *options, um_mask_place place, size_t pass,
                   size_t position);

/* Whether every pass masks the token at `position`, outside the answer: d1's option. */
bool um_mask_hides_prompt(const um_recipe *recipe, um_mask_place place, size_t position);

#endif
