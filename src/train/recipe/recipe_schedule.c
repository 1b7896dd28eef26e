/* What follows from a recipe: rates, shares, and how it validates. */
#include <math.h>

#include "train/recipe/recipe.h"

double um_recipe_learning_rate(const um_recipe *recipe, size_t step) {
    if (step < recipe->warmup_steps) {
        return recipe->learning_rate * (double)(step + 1) / (double)recipe->warmup_steps;
    }
    const size_t span =
        recipe->steps > recipe->warmup_steps ? recipe->steps - recipe->warmup_steps : 1;
    const double progress = fmin(1.0, (double)(step - recipe->warmup_steps) / (double)span);
    const double cosine = 0.5 * (1.0 + cos(3.141592653589793 * progress));
    return recipe->learning_rate *
           (recipe->minimum_rate_ratio + (1.0 - recipe->minimum_rate_ratio) * cosine);
}

double um_recipe_unconditional_share(const um_recipe *recipe, size_t step, double epochs) {
    double share = 0;
    if (step < recipe->mask_prompt_steps) {
        share = 1.0 - (double)step / (double)recipe->mask_prompt_steps;
    }
    if (epochs < recipe->mask_prompt_epochs) {
        share = fmax(share, 1.0 - epochs / recipe->mask_prompt_epochs);
    }
    return share;
}

um_recipe um_recipe_for_validation(const um_recipe *recipe) {
    um_recipe changed = *recipe;
    changed.random_truncation_probability = 0;
    changed.clean_prefix_probability = 0;
    changed.loss_weighting = UM_WEIGHTING_INVERSE_RATE;
    changed.normalisation = UM_NORMALISE_TEXT;
    return changed;
}

bool um_recipe_pads(const um_recipe *recipe) {
    return recipe->answer_length > 0 || recipe->answer_padding == UM_PADDING_BATCH;
}
