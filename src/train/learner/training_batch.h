/* A micro-batch: documents of unequal length side by side, and what the model is to predict in
 * them.  Documents do not attend to each other. */
#ifndef UM_TRAIN_LEARNER_TRAINING_BATCH_H
#define UM_TRAIN_LEARNER_TRAINING_BATCH_H

#include "model/transformer.h"

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
    size_t hidden_count;      /* rows that predict something */
    size_t target_count;      /* at least as many: a row may have several */
    size_t *hidden_rows;      /* [hidden_count] each one's number in its sequence */
    size_t *target_ends;      /* [hidden_count] one after its last target; the next one's follow */
    int32_t *targets;         /* [target_count] token ids */
    float *weights;           /* [target_count] of each cross-entropy, normalisation included */
    float *log_probabilities; /* [target_count] room for the learner */
    int32_t *clean_tokens;    /* [row_count] before masking */
    int32_t *tokens;          /* [row_count] as the model sees them */
    uint8_t *links;         /* of annealed attention: all possible ones, then each sequence's own */
    size_t maskable_tokens; /* tokens that the objective could have masked */
    size_t maskable_pads;   /* of these, pads */
    size_t scored_documents;      /* documents with such tokens */
    double divisor;               /* what the weights have been divided by */
    um_batch_document *documents; /* [rows.count] */

    size_t document_capacity;
    size_t row_capacity;
    size_t target_capacity;
    size_t sequence_capacity;
    size_t link_capacity;
    size_t cache_capacity;
    float *cache_slab; /* keys and values of all sequences */
    uint8_t *valid;    /* [row_count] of the caches */
} um_training_batch;

/* Building a batch: start, add sequences one by one, then connect.
 *
 * add: make room for a sequence of `length` rows, and as many targets; *first is its first row in
 * tokens and clean_tokens, which the caller fills.  add_target: let `row` of the sequence predict a
 * token; sequence after sequence, each with ascending rows.  reserve: make room for so many in all,
 * for a caller that lays out the rows itself or has more targets than rows.  connect: point the
 * rows into the arrays, which must not grow afterwards. */
void um_training_batch_start(um_training_batch *batch, um_attention_kind attention);
um_status um_training_batch_add(um_training_batch *batch, size_t length, size_t *first,
                                um_error *error);
void um_training_batch_add_target(um_training_batch *batch, size_t sequence, size_t row,
                                  int32_t token, float weight);
um_status um_training_batch_reserve(um_training_batch *batch, size_t sequences, size_t rows,
                                    um_error *error);
um_status um_training_batch_reserve_targets(um_training_batch *batch, size_t targets,
                                            um_error *error);
um_status um_training_batch_connect(um_training_batch *batch, const um_model_config *config,
                                    um_error *error);

void um_training_batch_free(um_training_batch *batch);

#endif
