/* What is masked, what is predicted and how much each prediction counts. */
#ifndef UM_TRAIN_SUPERVISED_OBJECTIVE_H
#define UM_TRAIN_SUPERVISED_OBJECTIVE_H

#include "train/supervised/document_batch.h"

/* Fill tokens, and append targets, weights and hidden rows, for one document whose clean tokens
 * are in place.
 *
 * Causal: token i is predicted from row i - 1 with weight 1 (prompt_loss_weight in the prompt).
 *
 * Diffusion: a rate t in [minimum_mask_rate, 1) is drawn for the document, and each token that may
 * be masked is masked with probability t (DiffuCoder, arXiv 2506.20639, section 3; LLaDA, arXiv
 * 2502.09992, eq. 3).  Rates are stratified over a batch: document i of any batch takes
 * frac(u + i * golden ratio), which is uniform for each document and even over all.  In a document
 * with a prompt or suffix, the answer and its pads may be masked or, with mask_prompt_probability,
 * everything; with clean_prefix_probability, a random prefix of these may not.  A masked token
 * counts 1/t, or 1, or, by CART (Dream 7B, arXiv 2508.15487), at position n
 *
 *     w(n) = 1/2 sum over unmasked j of p (1 - p)^(|n - j| - 1). */
void um_objective_apply(um_training_batch *batch, const um_recipe *recipe,
                        const um_model_config *config, const um_batch_document *document,
                        um_batch_noise noise);

/* Divide the weights by what recipe->normalisation says; for the causal objective, by their sum. */
void um_objective_normalise(um_training_batch *batch, const um_recipe *recipe);

#endif
