/* Dream's `origin` sampler: each masked position is revealed independently with probability
 * 1 - s/t, whatever the model predicts; only the revealed positions need logits. */
#include "base/rng.h"
#include "decode/algorithm.h"
#include "decode/schedule.h"

static void plan(um_decode_step *step) {
    const um_decode_options *options = step->options;
    const double chance =
        (double)um_schedule_reveal_probability(options->eps, options->steps, step->step);
    const size_t masked = um_canvas_masked_positions(step->canvas, step->wanted);
    for (size_t i = 0; i < masked; i++) {
        const size_t position = step->wanted[i];
        const um_rng_place place = {UM_RNG_COMMIT, options->sequence, (uint32_t)step->step,
                                    (uint32_t)position};
        if (um_rng_uniform(options->seed, place) < chance) {
            step->wanted[step->wanted_count++] = position;
        }
    }
}

static void commit(um_decode_step *step) {
    for (size_t i = 0; i < step->wanted_count; i++) {
        step->actions[i] = UM_ACTION_COMMIT;
    }
}

const um_algorithm um_algorithm_origin = {
    .name = "origin",
    .summary = "commit positions at random, at the rate of the noise schedule",
    .options = UM_OPTIONS_SCHEDULE,
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = true,
    .plan = plan,
    .commit = commit,
};
