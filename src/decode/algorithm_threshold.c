/* Threshold decoding (Wu et al., "Fast-dLLM", 2505.22618, section 3.3 and the published samplers
 * for LLaDA and Dream): commit every open position whose token has a probability of at least
 * confidence_threshold, and always the most probable one.
 *
 * With `steps`, each step also has a budget, as in Dream's sampler without a cache: masks / steps
 * positions, plus what earlier steps left of theirs.  What the last step leaves takes further
 * steps. */
#include "decode/algorithm.h"

static um_status check(const um_decode_options *options, const um_canvas *canvas, um_error *error) {
    if (!um_decode_options_is_given(options, UM_OPTION_STEPS)) {
        return UM_OK;
    }
    if (um_decode_options_is_given(options, UM_OPTION_BLOCK_LENGTH)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "threshold: steps is a budget over the whole answer, block_length opens a "
                        "part of it; leave one of them out");
    }
    if (canvas->masked_count % options->steps != 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "steps is %zu, which does not divide the %zu masks; leave it out to commit "
                        "all that reaches the threshold",
                        options->steps, canvas->masked_count);
    }
    return UM_OK;
}

/* What the steps up to and including this one may commit, less what they have committed. */
static size_t budget(const um_decode_step *step) {
    const um_decode_options *options = step->options;
    const size_t masked = step->canvas->masked_count;
    if (!um_decode_options_is_given(options, UM_OPTION_STEPS) || step->step >= options->steps) {
        return masked;
    }
    const size_t share = step->masked_at_start / options->steps;
    return (step->step + 1) * share - (step->masked_at_start - masked);
}

static void commit(um_decode_step *step) {
    um_commit_probable(step, budget(step));
}

const um_algorithm um_algorithm_threshold = {
    .name = "threshold",
    .summary = "Fast-dLLM: commit all tokens that are probable enough, and the most probable one",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_STEPS) |
               UM_OPTION_BIT(UM_OPTION_CONFIDENCE_THRESHOLD),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .check = check,
    .plan = um_plan_first_block,
    .commit = commit,
};
