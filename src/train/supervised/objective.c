#include "train/supervised/objective.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"

#define GOLDEN_RATIO 0.6180339887498949

/* Draws of a document at UM_RNG_MASK_RATE; document_batch.c makes 1 to 3. */
enum { DRAW_PROMPT = 0, DRAW_CLEAN_PREFIX = 4, DRAW_PREFIX_LENGTH = 5 };

static size_t length_of(const um_batch_document *document) {
    return document->kept + document->pads;
}

static void add_target(um_training_batch *batch, const um_batch_document *document, size_t position,
                       size_t row, double weight) {
    um_training_batch_add_target(batch, document->sequence, row,
                                 batch->clean_tokens[document->first + position], (float)weight);
}

/* ---- Causal ------------------------------------------------------------------- */

static void apply_causal(um_training_batch *batch, const um_recipe *recipe,
                         const um_batch_document *document) {
    const size_t length = length_of(document);
    memcpy(batch->tokens + document->first, batch->clean_tokens + document->first,
           length * sizeof *batch->tokens);
    for (size_t i = 1; i < length; i++) {
        const bool prompt = i < document->prompt_length;
        batch->maskable_tokens++;
        if (!prompt || recipe->prompt_loss_weight > 0) {
            add_target(batch, document, i, i - 1, prompt ? recipe->prompt_loss_weight : 1.0);
        }
    }
}

/* ---- Diffusion ------------------------------------------------------------------ */

/* What may be masked of a document: positions from `from` to before `to`. */
typedef struct maskable_range {
    size_t from;
    size_t to; /* at least `from` */
} maskable_range;

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

/* Whether prompt and suffix are noised like the answer. */
static bool masks_prompt(const um_recipe *recipe, size_t sequence, um_batch_noise noise) {
    const double least = recipe->mask_prompt_probability;
    const double probability = least + (1.0 - least) * noise.unconditional;
    return draw(noise, UM_RNG_MASK_RATE, sequence, DRAW_PROMPT) < probability;
}

/* How many of `count` maskable tokens of text, from the first on, stay unmasked; 0 unless the
 * document is drawn for it. */
static size_t clean_prefix(const um_recipe *recipe, size_t count, size_t sequence,
                           um_batch_noise noise) {
    if (count < 2 || draw(noise, UM_RNG_MASK_RATE, sequence, DRAW_CLEAN_PREFIX) >=
                         recipe->clean_prefix_probability) {
        return 0;
    }
    const um_rng_place place = {UM_RNG_MASK_RATE, (uint32_t)sequence, noise.step,
                                DRAW_PREFIX_LENGTH};
    return 1 + um_rng_below(noise.seed, place, (uint32_t)(count - 1));
}

static maskable_range find_maskable(const um_recipe *recipe, const um_model_config *config,
                                    const um_batch_document *document, um_batch_noise noise) {
    const bool whole = masks_prompt(recipe, document->sequence, noise);
    maskable_range range = {.from = whole ? 0 : document->prompt_length,
                            .to = whole ? length_of(document)
                                        : document->answer_end + document->pads};
    /* With shifted logits nothing predicts the first token. */
    if (range.from == 0 && config->logit_alignment == UM_LOGITS_SHIFTED) {
        range.from = 1;
    }
    range.to = range.to > range.from ? range.to : range.from;
    const size_t text_end = whole ? length_of(document) : document->answer_end;
    if (text_end > range.from) {
        range.from += clean_prefix(recipe, text_end - range.from, document->sequence, noise);
    }
    return range;
}

/* Here every row predicts one token, so the row of a target has its number.
 *
 * One pass over the document in one direction: each target's weight grows by half of
 * p (1 - p)^(distance - 1) for each unmasked token before it in that direction.  A target is
 * `shift` positions after the row that predicts it. */
static void add_cart_side(um_training_batch *batch, size_t length, size_t first_target,
                          size_t shift, double p, bool backward) {
    const size_t count = batch->target_count - first_target;
    double context = 0;
    size_t met = 0;
    for (size_t i = 0; i < length; i++) {
        const size_t position = backward ? length - 1 - i : i;
        const size_t target =
            backward ? batch->target_count - 1 - met : first_target + met; /* unused when all met */
        const bool masked = met < count && batch->hidden_rows[target] + shift == position;
        if (masked) {
            batch->weights[target] += (float)(0.5 * context);
            met++;
        }
        context = (1.0 - p) * context + (masked ? 0.0 : p);
    }
}

static void weigh_by_context(um_training_batch *batch, const um_recipe *recipe,
                             const um_model_config *config, const um_batch_document *document,
                             size_t first_target) {
    const size_t length = length_of(document);
    const size_t shift = config->logit_alignment == UM_LOGITS_SHIFTED ? 1 : 0;
    add_cart_side(batch, length, first_target, shift, recipe->cart_probability, false);
    add_cart_side(batch, length, first_target, shift, recipe->cart_probability, true);
}

static size_t pads_in(maskable_range range, const um_batch_document *document) {
    const size_t end = document->answer_end + document->pads;
    const size_t from = range.from > document->answer_end ? range.from : document->answer_end;
    const size_t to = range.to < end ? range.to : end;
    return to > from ? to - from : 0;
}

static double weight_of(const um_recipe *recipe, double rate) {
    switch (recipe->loss_weighting) {
        case UM_WEIGHTING_INVERSE_RATE:
            return 1.0 / rate;
        case UM_WEIGHTING_NONE:
            return 1.0;
        case UM_WEIGHTING_CART:
            break; /* known once all masks are drawn */
    }
    return 0.0;
}

static void apply_diffusion(um_training_batch *batch, const um_recipe *recipe,
                            const um_model_config *config, const um_batch_document *document,
                            um_batch_noise noise) {
    const double rate = mask_rate(recipe, document->sequence, noise);
    const maskable_range range = find_maskable(recipe, config, document, noise);
    const double weight = weight_of(recipe, rate);
    const size_t first_target = batch->target_count;
    for (size_t i = 0; i < length_of(document); i++) {
        const size_t at = document->first + i;
        const bool masked = i >= range.from && i < range.to &&
                            draw(noise, UM_RNG_MASK, document->sequence, i) < rate;
        batch->tokens[at] = masked ? config->mask_token : batch->clean_tokens[at];
        if (masked) {
            add_target(batch, document, i, um_transformer_predicting_row(config, i), weight);
        }
    }
    if (recipe->loss_weighting == UM_WEIGHTING_CART) {
        weigh_by_context(batch, recipe, config, document, first_target);
    }
    const size_t maskable = range.to - range.from;
    for (size_t i = first_target;
         recipe->normalisation == UM_NORMALISE_ANSWERS && i < batch->target_count; i++) {
        batch->weights[i] /= (float)maskable;
    }
    batch->maskable_tokens += maskable;
    batch->maskable_pads += pads_in(range, document);
    batch->scored_documents += maskable > 0;
}

void um_objective_apply(um_training_batch *batch, const um_recipe *recipe,
                        const um_model_config *config, const um_batch_document *document,
                        um_batch_noise noise) {
    if (recipe->objective == UM_OBJECTIVE_CAUSAL) {
        apply_causal(batch, recipe, document);
    } else {
        apply_diffusion(batch, recipe, config, document, noise);
    }
}

static double sum_of_weights(const um_training_batch *batch) {
    double sum = 0;
    for (size_t i = 0; i < batch->target_count; i++) {
        sum += (double)batch->weights[i];
    }
    return sum;
}

static double divisor_of(const um_training_batch *batch, const um_recipe *recipe) {
    if (recipe->objective == UM_OBJECTIVE_CAUSAL) {
        return sum_of_weights(batch);
    }
    switch (recipe->normalisation) {
        case UM_NORMALISE_TOKENS:
            return (double)batch->maskable_tokens;
        case UM_NORMALISE_MASKED:
            return (double)batch->target_count;
        case UM_NORMALISE_ANSWERS:
            return (double)batch->scored_documents;
        case UM_NORMALISE_TEXT:
            break;
    }
    return fmax(1.0, (double)(batch->maskable_tokens - batch->maskable_pads));
}

void um_objective_normalise(um_training_batch *batch, const um_recipe *recipe) {
    batch->divisor = fmax(divisor_of(batch, recipe), DBL_MIN);
    for (size_t i = 0; i < batch->target_count; i++) {
        batch->weights[i] = (float)((double)batch->weights[i] / batch->divisor);
    }
}
