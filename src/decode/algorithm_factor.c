/* Factor decoding (Wu et al., "Fast-dLLM", 2505.22618): with the probabilities in descending order,
 * commit the largest number n for which (n + 1)(1 - p_n) < factor, and at least one.  Greedy
 * parallel decoding equals greedy sequential decoding if (n + 1)(1 - p) <= 1 (theorem 1
 * there); the factor scales that bound. */
#include "decode/algorithm.h"

static void commit(um_decode_step *step) {
    um_rank_by_probability(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        /* For n = i + 1 tokens; grows with n because the probabilities fall. */
        const double risk = (double)(i + 2) * (1 - step->ranking[i].score);
        if (i > 0 && !(risk < step->options->factor)) {
            break;
        }
        step->actions[step->ranking[i].candidate] = UM_ACTION_COMMIT;
    }
}

const um_algorithm um_algorithm_factor = {
    .name = "factor",
    .summary = "Fast-dLLM: commit the most tokens for which (tokens + 1)(1 - probability) < factor",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_FACTOR),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .plan = um_plan_first_block,
    .commit = commit,
};
