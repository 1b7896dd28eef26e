/* The entropy-bounded sampler (Ben-Hamu et al., "Accelerated Sampling from Masked Diffusion Models
 * via Entropy Bounded Unmasking", 2505.24857): with the entropies in ascending order, commit the
 * longest prefix whose sum without its largest is at most entropy_bound.  That sum bounds the
 * mutual information that committing the prefix at once neglects. */
#include "decode/algorithm.h"

static void commit(um_decode_step *step) {
    for (size_t i = 0; i < step->wanted_count; i++) {
        const um_candidate *candidate = &step->candidates[i];
        step->ranking[i] = (um_ranked){(double)candidate->negative_entropy, candidate->position, i};
    }
    um_rank(step->ranking, step->wanted_count);
    const double bound = step->options->entropy_bound;
    double before = 0; /* sum over the prefix without its last entropy, the largest */
    for (size_t i = 0; i < step->wanted_count; i++) {
        /* A bound of 0 means one at a time, even if several entropies are 0. */
        if (i > 0 && (before > bound || bound == 0)) {
            break;
        }
        step->actions[step->ranking[i].candidate] = UM_ACTION_COMMIT;
        before -= step->ranking[i].score;
    }
}

const um_algorithm um_algorithm_entropy_bounded = {
    .name = "entropy_bounded",
    .summary = "EB sampler: commit the surest tokens as long as their entropies sum to little",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_ENTROPY_BOUND),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .plan = um_plan_first_block,
    .commit = commit,
};
