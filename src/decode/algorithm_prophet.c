/* Prophet's early commit (Li et al., "Diffusion Language Models Know the Answer Before Decoding",
 * 2508.19982): the entropy schedule until the best logit leads the second by enough, on average
 * over all masks; then everything is committed at once.  The lead that is enough falls with
 * progress. */
#include "decode/algorithm.h"
#include "decode/schedule.h"

/* The published thresholds for the first, second and last third of the steps. */
static double enough(const um_decode_step *step) {
    static const double gaps[] = {7.5, 5.0, 2.5};
    return gaps[3 * step->step / step->options->steps];
}

static double mean_gap(const um_decode_step *step) {
    double sum = 0;
    for (size_t i = 0; i < step->wanted_count; i++) {
        sum += (double)step->candidates[i].logit_gap;
    }
    return sum / (double)step->wanted_count;
}

static void commit(um_decode_step *step) {
    const um_decode_options *options = step->options;
    const size_t masked = step->wanted_count;
    size_t count = um_schedule_commit_count(options->eps, options->steps, step->step, masked);
    if (mean_gap(step) >= enough(step)) {
        count = masked;
    }
    for (size_t i = 0; i < masked; i++) {
        const um_candidate *candidate = &step->candidates[i];
        step->ranking[i] = (um_ranked){(double)candidate->negative_entropy, candidate->position, i};
    }
    um_commit_best(step, masked, count);
}

const um_algorithm um_algorithm_prophet = {
    .name = "prophet",
    .summary = "Prophet: as entropy, but all at once when the best tokens lead by enough",
    .options = UM_OPTIONS_SCHEDULE | UM_OPTION_BIT(UM_OPTION_PLAIN_CONFIDENCE),
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = true,
    .plan = um_plan_masked,
    .commit = commit,
};
