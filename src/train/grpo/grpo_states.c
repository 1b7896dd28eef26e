#include "train/grpo/grpo_states.h"

#include "base/memory.h"
#include "base/rng.h"

size_t um_state_pass_count(const um_grpo_options *options, const um_completion *completion) {
    const size_t most = options->trajectory_states;
    return most > 0 ? um_size_smaller(most, completion->states) : completion->states;
}

double um_state_coefficient(const um_grpo_options *options, const um_completion *completion) {
    return (double)completion->states / (double)um_state_pass_count(options, completion);
}

void um_state_draw(const um_grpo_options *options, const um_completion *completion,
                   um_mask_place place, int32_t *steps) {
    const size_t drawn = um_state_pass_count(options, completion);
    size_t count = 0;
    for (size_t i = 0; i < completion->counted; i++) {
        if (um_completion_opens_state(completion, i)) {
            steps[count++] = completion->steps[completion->start + i];
        }
    }
    for (size_t i = 0; i < drawn; i++) { /* the beginning of a Fisher-Yates shuffle */
        const um_rng_place at = {UM_RNG_MASK_RATE, place.completion, place.set, (uint32_t)i};
        const double uniform = um_rng_uniform(place.seed, at);
        const size_t other = i + (size_t)(uniform * (double)(count - i));
        const int32_t step = steps[other];
        steps[other] = steps[i];
        steps[i] = step;
    }
}

bool um_state_hides(const um_completion *completion, size_t position, int32_t step) {
    const int32_t decided = completion->steps[position];
    return decided == UM_NOT_SAMPLED || decided >= step;
}
