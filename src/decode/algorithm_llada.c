/* LLaDA's samplers (Nie et al., "Large Language Diffusion Models", 2025, generate.py): blocks of
 * the answer from left to right, the steps shared out equally among them, and within a block an
 * equal share of its masks in each step. */
#include "base/rng.h"
#include "decode/algorithm.h"
#include "decode/schedule.h"

typedef struct block {
    size_t end;        /* one past its last answer position, counted within the answer */
    size_t step_count; /* of each block */
    size_t step_in_block;
    size_t length;
} block;

static block current_block(const um_decode_step *step) {
    const size_t length = step->options->block_length;
    const size_t blocks = step->canvas->answer_count / length;
    const size_t step_count = step->options->steps / blocks;
    const size_t index = step->step / step_count;
    return (block){(index + 1) * length, step_count, step->step % step_count, length};
}

static um_status check(const um_decode_options *options, const um_canvas *canvas, um_error *error) {
    if (canvas->answer_count % options->block_length != 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "block_length is %zu, which does not divide the answer's %zu positions",
                        options->block_length, canvas->answer_count);
    }
    const size_t blocks = canvas->answer_count / options->block_length;
    if (options->steps % blocks != 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "steps is %zu, which cannot be shared out equally among %zu blocks",
                        options->steps, blocks);
    }
    return UM_OK;
}

static size_t commit_count(const block *at) {
    return um_schedule_equal_share(at->length, at->step_count, at->step_in_block);
}

/* Masked positions of this block, and any that an earlier one left. */
static void plan(um_decode_step *step) {
    const block at = current_block(step);
    if (commit_count(&at) == 0) {
        return;
    }
    const size_t answer = um_canvas_answer_positions(step->canvas, step->wanted);
    for (size_t i = 0; i < answer && i < at.end; i++) {
        if (step->canvas->states[step->wanted[i]] == UM_POSITION_MASKED) {
            step->wanted[step->wanted_count++] = step->wanted[i];
        }
    }
}

static void commit_by_probability(um_decode_step *step) {
    const block at = current_block(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        const um_candidate *candidate = &step->candidates[i];
        step->ranking[i] = (um_ranked){(double)candidate->probability, candidate->position, i};
    }
    um_commit_best(step, step->wanted_count, commit_count(&at));
}

static void commit_at_random(um_decode_step *step) {
    const block at = current_block(step);
    for (size_t i = 0; i < step->wanted_count; i++) {
        const size_t position = step->candidates[i].position;
        const um_rng_place place = {UM_RNG_COMMIT, step->options->sequence, (uint32_t)step->step,
                                    (uint32_t)position};
        step->ranking[i] = (um_ranked){um_rng_uniform(step->options->seed, place), position, i};
    }
    um_commit_best(step, step->wanted_count, commit_count(&at));
}

#define LLADA_OPTIONS                                                                              \
    (UM_OPTIONS_COMMON | UM_OPTION_BIT(UM_OPTION_STEPS) | UM_OPTION_BIT(UM_OPTION_BLOCK_LENGTH) |  \
     UM_OPTION_BIT(UM_OPTION_CFG_SCALE) | UM_OPTION_BIT(UM_OPTION_STOP_TOKEN))

const um_algorithm um_algorithm_low_confidence = {
    .name = "low_confidence",
    .summary = "LLaDA: an equal share a step, the most probable tokens first, in blocks",
    .options = LLADA_OPTIONS | UM_OPTION_BIT(UM_OPTION_SUPPRESS_CONFIDENCE),
    .sampling = UM_SAMPLE_GUMBEL,
    .shows_masks = true,
    .check = check,
    .plan = plan,
    .commit = commit_by_probability,
};

const um_algorithm um_algorithm_random = {
    .name = "random",
    .summary = "LLaDA: an equal share a step, positions at random, in blocks",
    .options = LLADA_OPTIONS,
    .sampling = UM_SAMPLE_GUMBEL,
    .shows_masks = true,
    .check = check,
    .plan = plan,
    .commit = commit_at_random,
};
