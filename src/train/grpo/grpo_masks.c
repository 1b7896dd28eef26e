#include "train/grpo/grpo_masks.h"

#include "base/rng.h"

#define POSITION_BITS 24 /* UM_CANVAS_MAXIMUM_LENGTH; the pass takes the bits above */
#define SHARED_COMPLETION UINT32_MAX

static bool is_second(size_t pass) {
    return pass > 0 && pass % 2 == 0;
}

static double draw(um_mask_place place, size_t pass, size_t position) {
    const um_rng_place at = {UM_RNG_MASK, place.completion, place.set,
                             (uint32_t)(pass << POSITION_BITS | position)};
    return um_rng_uniform(place.seed, at);
}

size_t um_mask_pass_count(const um_grpo_options *options) {
    return options->estimator == UM_ESTIMATOR_FULL_MASK ? 1 : 1 + 2 * options->mask_pairs;
}

double um_mask_rate(const um_grpo_options *options, um_mask_place place, size_t pass) {
    if (pass == 0) {
        return 1.0;
    }
    const uint32_t completion = options->shared_pair_rate ? SHARED_COMPLETION : place.completion;
    const um_rng_place at = {UM_RNG_MASK_RATE, completion, place.set, (uint32_t)((pass - 1) / 2)};
    const double uniform = um_rng_uniform(place.seed, at);
    const double first = options->pair_rate_minimum +
                         (options->pair_rate_maximum - options->pair_rate_minimum) * uniform;
    return is_second(pass) ? 1.0 - first : first;
}

double um_mask_coefficient(const um_grpo_options *options, um_mask_place place, size_t pass) {
    const size_t pairs = (um_mask_pass_count(options) - 1) / 2;
    return 1.0 / (um_mask_rate(options, place, pass) * (double)(pairs + 1));
}

bool um_mask_hides(const um_grpo_options *options, um_mask_place place, size_t pass,
                   size_t position) {
    if (pass == 0) {
        return true;
    }
    if (is_second(pass) && options->estimator == UM_ESTIMATOR_COUPLED) {
        return !um_mask_hides(options, place, pass - 1, position);
    }
    return draw(place, pass, position) < um_mask_rate(options, place, pass);
}

bool um_mask_hides_prompt(const um_recipe *recipe, um_mask_place place, size_t position) {
    return recipe->mask_prompt_probability > 0 &&
           draw(place, 0, position) < recipe->mask_prompt_probability;
}
