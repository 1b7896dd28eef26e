/* Dream's confidence-ordered samplers (diffusion_generate of Dream and DiffuCoder): a step
 * commits the trunc(masked * (1 - s/t)) positions whose candidates the model is surest of, in the
 * whole answer or block by block. */
#include <math.h>

#include "base/rng.h"
#include "decode/blocks.h"
#include "decode/schedule.h"

typedef float confidence_function(const um_candidate *candidate);

/* Each block runs the whole schedule of timesteps over its own steps (Fast-dLLM,
 * generation_utils_block.py, which also commits a block's first position in the block's first
 * forward, because later forwards lack the row that predicts it). */
static size_t commit_count(const um_decode_step *step, const um_block *at) {
    return um_schedule_commit_count(step->options->eps, at->step_count, at->step_in_block,
                                    um_block_masked(step, at));
}

static void plan(um_decode_step *step) {
    const um_block at = um_block_at(step);
    if (commit_count(step, &at) > 0) {
        um_block_plan(step, &at);
    }
}

/* With alg_temp, positions are drawn without replacement, with the probabilities
 * softmax(confidence / alg_temp): those with the largest confidence / alg_temp + Gumbel noise are
 * such a draw (Kool, van Hoof, Welling, "Stochastic Beams and Where to Find Them", ICML 2019). */
static double score_of(const um_decode_step *step, float confidence, size_t position) {
    const um_decode_options *options = step->options;
    if (options->alg_temp == 0) {
        return (double)confidence;
    }
    const um_rng_place place = {UM_RNG_COMMIT, options->sequence, (uint32_t)step->step,
                                (uint32_t)position};
    const double gumbel = -log(-log(um_rng_uniform(options->seed, place)));
    return (double)confidence / options->alg_temp + gumbel;
}

static void commit(um_decode_step *step, confidence_function *confidence) {
    const um_block at = um_block_at(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        const um_candidate *candidate = &step->candidates[i];
        const double score = score_of(step, confidence(candidate), candidate->position);
        step->ranking[i] = (um_ranked){score, candidate->position, i};
    }
    um_commit_best(step, step->wanted_count, commit_count(step, &at));
}

static float probability(const um_candidate *candidate) {
    return candidate->probability;
}

static float margin(const um_candidate *candidate) {
    return candidate->margin;
}

static float negative_entropy(const um_candidate *candidate) {
    return candidate->negative_entropy;
}

static void commit_by_probability(um_decode_step *step) {
    commit(step, probability);
}

static void commit_by_margin(um_decode_step *step) {
    commit(step, margin);
}

static void commit_by_entropy(um_decode_step *step) {
    commit(step, negative_entropy);
}

#define CONFIDENCE_OPTIONS                                                                         \
    (UM_OPTIONS_SCHEDULE | UM_OPTION_BIT(UM_OPTION_BLOCK_LENGTH) |                                 \
     UM_OPTION_BIT(UM_OPTION_PLAIN_CONFIDENCE) | UM_OPTION_BIT(UM_OPTION_ALG_TEMP))

const um_algorithm um_algorithm_maskgit_plus = {
    .name = "maskgit_plus",
    .summary = "commit where the chosen token is most probable",
    .options = CONFIDENCE_OPTIONS,
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = true,
    .check = um_blocks_check,
    .plan = plan,
    .commit = commit_by_probability,
};

const um_algorithm um_algorithm_topk_margin = {
    .name = "topk_margin",
    .summary = "commit where the best token leads the second best by most",
    .options = CONFIDENCE_OPTIONS,
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = true,
    .check = um_blocks_check,
    .plan = plan,
    .commit = commit_by_margin,
};

const um_algorithm um_algorithm_entropy = {
    .name = "entropy",
    .summary = "commit where the distribution has the lowest entropy",
    .options = CONFIDENCE_OPTIONS,
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = true,
    .check = um_blocks_check,
    .plan = plan,
    .commit = commit_by_entropy,
};
