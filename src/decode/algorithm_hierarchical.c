/* Hierarchical decoding (Ma et al., "dInfer", 2510.08666): commit every open position above
 * confidence_threshold; in each run of neighbouring masks the most probable one if it is above
 * lower_threshold; and the most probable one of all.  Committed tokens then tend to lie apart,
 * where they depend least on one another. */
#include "decode/algorithm.h"

static um_status check(const um_decode_options *options, const um_canvas *canvas, um_error *error) {
    (void)canvas;
    if (um_decode_options_is_given(options, UM_OPTION_LOWER_THRESHOLD) &&
        options->lower_threshold > options->confidence_threshold) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "lower_threshold is %.10g, which means nothing above confidence_threshold, "
                        "%.10g; lower it, or leave it out",
                        options->lower_threshold, options->confidence_threshold);
    }
    return UM_OK;
}

static float probability(const um_decode_step *step, size_t candidate) {
    return step->candidates[candidate].probability;
}

/* One past the last candidate of the run of neighbouring positions that begins with `first`; *best
 * is its most probable candidate, the first on ties. */
static size_t run_end(const um_decode_step *step, size_t first, size_t *best) {
    size_t end = first + 1;
    *best = first;
    while (end < step->wanted_count && step->wanted[end] == step->wanted[end - 1] + 1) {
        *best = probability(step, end) > probability(step, *best) ? end : *best;
        end++;
    }
    return end;
}

static void commit(um_decode_step *step) {
    const float threshold = (float)step->options->confidence_threshold;
    const float lower = (float)step->options->lower_threshold;
    size_t best_of_all = 0;
    for (size_t first = 0; first < step->wanted_count;) {
        size_t best = 0;
        first = run_end(step, first, &best);
        if (probability(step, best) > lower) {
            step->actions[best] = UM_ACTION_COMMIT;
        }
    }
    for (size_t i = 0; i < step->wanted_count; i++) {
        best_of_all = probability(step, i) > probability(step, best_of_all) ? i : best_of_all;
        if (probability(step, i) > threshold) {
            step->actions[i] = UM_ACTION_COMMIT;
        }
    }
    step->actions[best_of_all] = UM_ACTION_COMMIT;
}

const um_algorithm um_algorithm_hierarchical = {
    .name = "hierarchical",
    .summary = "dInfer: commit all probable tokens, and the best of each run of masks",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_CONFIDENCE_THRESHOLD) |
               UM_OPTION_BIT(UM_OPTION_LOWER_THRESHOLD),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .check = check,
    .plan = um_plan_first_block,
    .commit = commit,
};
