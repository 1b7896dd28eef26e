/* Open-dLLM's p2 sampler (after "Path Planning for Masked Diffusion Model Sampling", Peng et
 * al., 2025): in every step all answer positions compete with a freshly chosen token, and the
 * floor(positions * (1 - (step + 1) / steps)) least probable ones are masked (again).  A
 * committed position that keeps its place keeps its old token. */
#include "decode/algorithm.h"
#include "decode/schedule.h"

static void plan(um_decode_step *step) {
    step->wanted_count = um_canvas_answer_positions(step->canvas, step->wanted);
}

static void commit(um_decode_step *step) {
    const size_t count = step->wanted_count;
    um_rank_by_probability(step);
    const size_t kept = count - um_schedule_left_masked(count, step->options->steps, step->step);
    for (size_t i = 0; i < count; i++) {
        const um_ranked *entry = &step->ranking[i];
        const bool is_masked = step->canvas->states[entry->position] == UM_POSITION_MASKED;
        if (i < kept && is_masked) {
            step->actions[entry->candidate] = UM_ACTION_COMMIT;
        } else if (i >= kept && !is_masked) {
            step->actions[entry->candidate] = UM_ACTION_REMASK;
        }
    }
}

const um_algorithm um_algorithm_p2 = {
    .name = "p2",
    .summary = "Open-dLLM: all positions compete in each step, the least probable are masked again",
    .options = UM_OPTIONS_COMMON | UM_OPTIONS_CACHE | UM_OPTION_BIT(UM_OPTION_STEPS) |
               UM_OPTION_BIT(UM_OPTION_TOP_P) | UM_OPTION_BIT(UM_OPTION_TOP_K) |
               UM_OPTION_BIT(UM_OPTION_PLAIN_CONFIDENCE) | UM_OPTION_BIT(UM_OPTION_CFG_SCALE),
    .sampling = UM_SAMPLE_FILTERED,
    .remasks = true,
    .shows_masks = true,
    .plan = plan,
    .commit = commit,
};
