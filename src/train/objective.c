#include "train/objective.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"

#define GOLDEN_RATIO 0.6180339887498949

static void add_target(um_training_batch *batch, const um_noised_document *document,
                       size_t position, size_t row, double weight) {
    const size_t at = batch->target_count++;
    batch->hidden_rows[at] = row;
    batch->targets[at] = batch->clean_tokens[document->first + position];
    batch->weights[at] = (float)weight;
    batch->sequences[document->sequence].hidden_count++;
}

static void apply_causal(um_training_batch *batch, const um_recipe *recipe,
                         const um_noised_document *document) {
    memcpy(batch->tokens + document->first, batch->clean_tokens + document->first,
           document->length * sizeof *batch->tokens);
    for (size_t i = 1; i < document->length; i++) {
        const bool prompt = i < document->prompt_length;
        batch->maskable_tokens++;
        if (!prompt || recipe->prompt_loss_weight > 0) {
            add_target(batch, document, i, i - 1, prompt ? recipe->prompt_loss_weight : 1.0);
        }
    }
}

static double draw(um_batch_noise noise, um_rng_purpose purpose, size_t sequence, size_t position) {
    const um_rng_place place = {purpose, (uint32_t)sequence, noise.step, (uint32_t)position};
    return um_rng_uniform(noise.seed, place);
}

static double mask_rate(const um_recipe *recipe, size_t sequence, um_batch_noise noise) {
    const double start = draw(noise, UM_RNG_MASK_RATE, UINT32_MAX, 0);
    const double spread = start + (double)sequence * GOLDEN_RATIO;
    const double uniform = spread - floor(spread);
    return recipe->minimum_mask_rate + (1.0 - recipe->minimum_mask_rate) * uniform;
}

static void apply_diffusion(um_training_batch *batch, const um_recipe *recipe,
                            const um_model_config *config, const um_noised_document *document,
                            um_batch_noise noise) {
    const size_t sequence = document->sequence;
    const double rate = mask_rate(recipe, sequence, noise);
    const bool whole = draw(noise, UM_RNG_MASK_RATE, sequence, 0) < recipe->mask_prompt_probability;
    /* With shifted logits nothing predicts the first token. */
    const size_t first = config->logit_alignment == UM_LOGITS_SHIFTED ? 1 : 0;
    const size_t from = !whole && document->prompt_length > first ? document->prompt_length : first;
    const double weight = recipe->loss_weighting == UM_WEIGHTING_INVERSE_RATE ? 1.0 / rate : 1.0;
    for (size_t i = 0; i < document->length; i++) {
        const size_t at = document->first + i;
        const bool masked = i >= from && draw(noise, UM_RNG_MASK, sequence, i) < rate;
        batch->tokens[at] = masked ? config->mask_token : batch->clean_tokens[at];
        if (masked) {
            add_target(batch, document, i, um_transformer_predicting_row(config, i), weight);
        }
    }
    batch->maskable_tokens += document->length > from ? document->length - from : 0;
}

void um_objective_apply(um_training_batch *batch, const um_recipe *recipe,
                        const um_model_config *config, const um_noised_document *document,
                        um_batch_noise noise) {
    if (recipe->objective == UM_OBJECTIVE_CAUSAL) {
        apply_causal(batch, recipe, document);
    } else {
        apply_diffusion(batch, recipe, config, document, noise);
    }
}

void um_objective_normalise(um_training_batch *batch, const um_recipe *recipe) {
    double divisor = (double)batch->maskable_tokens;
    if (recipe->objective == UM_OBJECTIVE_CAUSAL) {
        divisor = 0;
        for (size_t i = 0; i < batch->target_count; i++) {
            divisor += (double)batch->weights[i];
        }
    } else if (recipe->normalisation == UM_NORMALISE_MASKED) {
        divisor = (double)batch->target_count;
    }
    batch->divisor = fmax(divisor, DBL_MIN);
    for (size_t i = 0; i < batch->target_count; i++) {
        batch->weights[i] = (float)((double)batch->weights[i] / batch->divisor);
    }
}
