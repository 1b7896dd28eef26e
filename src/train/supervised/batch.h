/* A micro-batch: documents of unequal length side by side, and what the model is to predict in
 * them.  Documents do not attend to each other. */
#ifndef UM_TRAIN_SUPERVISED_BATCH_H
#define UM_TRAIN_SUPERVISED_BATCH_H

#include "model/transformer.h"
#include "train/corpus/data_order.h"
#include "train/corpus/shard.h"
#include "train/recipe/recipe.h"

/* A document as it lies in the batch: prompt, answer, pads, suffix. */
typedef struct um_batch_document {
    size_t index;         /* in the shard */
    size_t kept;          /* tokens of it that are used, from the first on */
    size_t prompt_length; /* at most `kept` */
    size_t answer_end;    /* tokens before its suffix; at most `kept` */
    size_t pads;
    bool truncated;  /* at random: its end is missing, so pads would be wrong */
    size_t sequence; /* its number in the batch */
    size_t first;    /* its first row */
} um_batch_document;

typedef struct um_training_batch {
    um_row_batch rows;           /* for the forward pass */
    um_sequence_rows *sequences; /* [rows.count] */
    um_kv_cache *caches;         /* [rows.count], over one slab */
    size_t row_count;
    size_t target_count;
    size_t *hidden_rows; /* [target_count] row, in its sequence, whose state predicts the target */
    int32_t *targets;    /* [target_count] token ids */
    float *weights;      /* [target_count] of each cross-entropy, normalisation included */
    int32_t *clean_tokens;  /* [row_count] before masking */
    int32_t *tokens;        /* [row_count] as the model sees them */
    uint8_t *links;         /* of annealed attention: all possible ones, then each sequence's own */
    size_t maskable_tokens; /* tokens that the objective could have masked */
    size_t maskable_pads;   /* of these, pads */
    size_t scored_documents;      /* documents with such tokens */
    double divisor;               /* what the weights have been divided by */
    um_batch_document *documents; /* [rows.count] */

    size_t document_capacity;
    size_t row_capacity;
    size_t sequence_capacity;
    size_t link_capacity;
    size_t cache_capacity;
    float *cache_slab; /* keys and values of all sequences */
    uint8_t *valid;    /* [row_count] of the caches */
} um_training_batch;

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
um_status um_training_batch_fill(um_training_batch *batch, const um_recipe *recipe,
                                 const um_model_config *config, const um_shard *shard,
                                 um_data_order *order, um_data_cursor *cursor, um_batch_noise noise,
                                 um_error *error);

/* As fill, but with documents *first, *first + 1, ... in the file's order; *first moves on. */
um_status um_training_batch_fill_in_order(um_training_batch *batch, const um_recipe *recipe,
                                          const um_model_config *config, const um_shard *shard,
                                          size_t *first, um_batch_noise noise, um_error *error);

/* Make attention causal plus a random share `rate` of all other pairs, drawn once for all sequences
 * (DiffuLLaMA's annealing). */
um_status um_training_batch_anneal(um_training_batch *batch, double rate, um_batch_noise noise,
                                   um_error *error);

/* Building a batch by hand: start, add sequences one by one, then connect.
 *
 * add: make room for a sequence of `length` rows; *first is its first row in tokens and
 * clean_tokens.  The caller fills these, and hidden_rows, targets and weights [target_count] and
 * the sequence's hidden_count (at most one target per row).  connect: point the rows into the
 * arrays, which must not grow afterwards. */
void um_training_batch_start(um_training_batch *batch, um_attention_kind attention);
um_status um_training_batch_add(um_training_batch *batch, size_t length, size_t *first,
                                um_error *error);
um_status um_training_batch_connect(um_training_batch *batch, const um_model_config *config,
                                    um_error *error);

void um_training_batch_free(um_training_batch *batch);

#endif
