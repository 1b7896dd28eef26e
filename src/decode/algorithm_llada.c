/* LLaDA's samplers (Nie et al., "Large Language Diffusion Models", 2025, generate.py): blocks of
 * the answer from left to right, the steps shared out equally among them, and within a block an
 * equal share of its masks in each step. */
#include "base/rng.h"
#include "decode/blocks.h"
#include "decode/schedule.h"

static size_t commit_count(const um_block *at) {
    return um_schedule_equal_share(at->end - at->start, at->step_count, at->step_in_block);
}

static void plan(um_decode_step *step) {
    const um_block at = um_block_at(step);
    if (commit_count(&at) > 0) {
        um_block_plan(step, &at);
    }
}

static void commit_by_probability(um_decode_step *step) {
    const um_block at = um_block_at(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        const um_candidate *candidate = &step->candidates[i];
        step->ranking[i] = (um_ranked){(double)candidate->probability, candidate->position, i};
    }
    um_commit_best(step, step->wanted_count, commit_count(&at));
}

static void commit_at_random(um_decode_step *step) {
    const um_block at = um_block_at(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        const size_t position = step->candidates[i].position;
        const um_rng_place place = {UM_RNG_COMMIT, step->options->sequence, (uint32_t)step->step,
                                    (uint32_t)position};
        step->ranking[i] = (um_ranked){um_rng_uniform(step->options->seed, place), position, i};
    }
    um_commit_best(step, step->wanted_count, commit_count(&at));
}

#define LLADA_OPTIONS                                                                              \
    (UM_OPTIONS_COMMON | UM_OPTIONS_CACHE | UM_OPTION_BIT(UM_OPTION_STEPS) |                       \
     UM_OPTION_BIT(UM_OPTION_BLOCK_LENGTH) | UM_OPTION_BIT(UM_OPTION_CFG_SCALE) |                  \
     UM_OPTION_BIT(UM_OPTION_STOP_TOKEN))

const um_algorithm um_algorithm_low_confidence = {
    .name = "low_confidence",
    .summary = "LLaDA: an equal share a step, the most probable tokens first, in blocks",
    .options = LLADA_OPTIONS | UM_OPTION_BIT(UM_OPTION_SUPPRESS_CONFIDENCE),
    .sampling = UM_SAMPLE_GUMBEL,
    .shows_masks = true,
    .check = um_blocks_check,
    .plan = plan,
    .commit = commit_by_probability,
};

const um_algorithm um_algorithm_random = {
    .name = "random",
    .summary = "LLaDA: an equal share a step, positions at random, in blocks",
    .options = LLADA_OPTIONS,
    .sampling = UM_SAMPLE_GUMBEL,
    .shows_masks = true,
    .check = um_blocks_check,
    .plan = plan,
    .commit = commit_at_random,
};
