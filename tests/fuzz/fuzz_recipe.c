/* The input is a training recipe.  One that is accepted keeps what later code relies on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/recipe/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_recipe recipe;
    if (um_recipe_parse((const char *)data, size, "directory", "input", &recipe, &error) != UM_OK) {
        require(error.message[0] != '\0');
        return 0;
    }
    require(memchr(recipe.model, '\0', sizeof recipe.model) != NULL);
    require(memchr(recipe.train, '\0', sizeof recipe.train) != NULL);
    require(memchr(recipe.validation, '\0', sizeof recipe.validation) != NULL);
    require(recipe.steps > 0 && recipe.batch_tokens > 0 && recipe.gradient_accumulation > 0);
    require(recipe.minimum_mask_rate > 0 && recipe.minimum_mask_rate <= 1);
    require(recipe.beta1 >= 0 && recipe.beta1 < 1 && recipe.beta2 >= 0 && recipe.beta2 < 1);
    require(recipe.weights == UM_DTYPE_F32 || recipe.weights == UM_DTYPE_BF16);
    const size_t steps[] = {0, recipe.warmup_steps, recipe.steps - 1, recipe.steps};
    for (size_t i = 0; i < 4; i++) {
        const double rate = um_recipe_learning_rate(&recipe, steps[i]);
        require(rate >= 0 && rate <= recipe.learning_rate * (1 + 1e-12));
    }
    require(memchr(recipe.pad_token, '\0', sizeof recipe.pad_token) != NULL);
    require(recipe.cart_probability > 0 && recipe.cart_probability <= 1);
    for (size_t i = 0; i < 4; i++) {
        const double share = um_recipe_unconditional_share(&recipe, steps[i], (double)i / 3);
        require(share >= 0 && share <= 1);
    }
    (void)um_recipe_fingerprint(&recipe);
    require(um_recipe_check(&recipe, &error) == UM_OK || error.message[0] != '\0');
    return 0;
}
