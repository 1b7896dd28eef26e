/* Micro-batches of documents from a shard, with what the objective masks. */
#ifndef UM_TRAIN_SUPERVISED_DOCUMENT_BATCH_H
#define UM_TRAIN_SUPERVISED_DOCUMENT_BATCH_H

#include "train/corpus/data_order.h"
#include "train/corpus/shard.h"
#include "train/learner/training_batch.h"
#include "train/recipe/recipe.h"

/* The noise of a batch: draws depend on seed, step and the document's index in the batch. */
typedef struct um_batch_noise {
    uint64_t seed;
    uint32_t step;
    double unconditional; /* um_recipe_unconditional_share; 0: mask_prompt_probability alone */
} um_batch_noise;

/* Take documents from the cursor on, at least one, until the next would not fit into
 * recipe->batch_tokens.  Advances the cursor.  Documents over recipe->context_length are cut,
 * others are cut at random, and pads follow answers, as the recipe says (docs/TRAINING.md,
 * Batches). */
um_status um_document_batch_fill(um_training_batch *batch, const um_recipe *recipe,
                                 const um_model_config *config, const um_shard *shard,
                                 um_data_order *order, um_data_cursor *cursor, um_batch_noise noise,
                                 um_error *error);

/* As fill, but with documents *first, *first + 1, ... in the file's order; *first moves on. */
um_status um_document_batch_fill_in_order(um_training_batch *batch, const um_recipe *recipe,
                                          const um_model_config *config, const um_shard *shard,
                                          size_t *first, um_batch_noise noise, um_error *error);

/* Make attention causal plus a random share `rate` of all other pairs, drawn once for all sequences
 * (DiffuLLaMA's annealing). */
um_status um_document_batch_anneal(um_training_batch *batch, double rate, um_batch_noise noise,
                                   um_error *error);

#endif
